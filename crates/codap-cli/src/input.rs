//! The URIs of a list: typed, from a file, from stdin, one a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::thread;

use codap_sources::Uri;
use tokio::sync::mpsc;

use crate::stop::Stop;

/// A longer line is no URI.
const LINE_MAX: u64 = 64 << 10;
/// As many lines are read ahead.
const AHEAD: usize = 64;

/// One line: its number, and the URI that it is, or what it is instead.
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) uri: Result<Uri, String>,
}

/// What a reader hands over: a line, or why there are no more.
pub(crate) type Read = Result<Line, Stop>;

/// Reads the lines on a thread of its own, as they are taken: `uris` first, in which `-` is stdin,
/// then the file.
pub(crate) fn read(uris: Vec<String>, file: Option<PathBuf>) -> Result<mpsc::Receiver<Read>, Stop> {
    let (lines, reading) = mpsc::channel(AHEAD);
    let mut reader = Reader { lines, number: 0 };
    let file = file.map(|path| open(&path)).transpose()?;
    let read = move || {
        for uri in uris {
            let going = if uri == "-" { reader.all(io::stdin().lock()) } else { reader.one(&uri) };
            if !going {
                return;
            }
        }
        if let Some(file) = file {
            reader.all(file);
        }
    };
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(read)
        .map_err(|error| Stop::fatal(format!("cannot start a thread: {error}")))?;
    Ok(reading)
}

fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, Stop> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(error) => Err(Stop::usage(format!("{}: cannot be read: {error}", path.display()))),
    }
}

struct Reader {
    lines: mpsc::Sender<Read>,
    number: u64,
}

/// Its methods answer whether anybody wants more.
impl Reader {
    fn one(&mut self, text: &str) -> bool {
        self.number += 1;
        let uri = text.parse().map_err(|error: codap_sources::Error| error.to_string());
        self.send(Ok(Line { number: self.number, uri }))
    }

    fn all(&mut self, mut from: impl BufRead) -> bool {
        let mut line = Vec::new();
        loop {
            line.clear();
            match from.by_ref().take(LINE_MAX).read_until(b'\n', &mut line) {
                Ok(0) => return true,
                Ok(_) if line.last() != Some(&b'\n') && line.len() as u64 == LINE_MAX => {
                    if !self.bad("is longer than 64 KiB; a URI is not") {
                        return false;
                    }
                    if let Err(error) = skip(&mut from) {
                        return self.broken(&error);
                    }
                }
                Ok(_) if !self.line(&line) => return false,
                Ok(_) => {}
                Err(error) => return self.broken(&error),
            }
        }
    }

    fn broken(&self, error: &io::Error) -> bool {
        let after = format!("the input cannot be read behind line {}: {error}", self.number);
        let _ = self.send(Err(Stop::fatal(after)));
        false
    }

    /// A line without anything in it counts, and is passed over.
    fn line(&mut self, line: &[u8]) -> bool {
        match std::str::from_utf8(line).map(str::trim) {
            Ok("") => {
                self.number += 1;
                true
            }
            Ok(text) => self.one(text),
            Err(_) => self.bad("is not UTF-8; a URI is ASCII, percent-encoded"),
        }
    }

    fn bad(&mut self, what: &str) -> bool {
        self.number += 1;
        self.send(Ok(Line { number: self.number, uri: Err(what.to_owned()) }))
    }

    fn send(&self, read: Read) -> bool {
        self.lines.blocking_send(read).is_ok()
    }
}

/// Passes over the rest of a line.
fn skip(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let part = from.fill_buf()?;
        let (used, end) = match part.iter().position(|&byte| byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (part.len(), part.is_empty()),
        };
        from.consume(used);
        if end {
            return Ok(());
        }
    }
}
