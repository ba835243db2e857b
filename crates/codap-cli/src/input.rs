//! The lines of a list: typed, from a file, from stdin.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::stop::Stop;

/// A longer line is no entry.
const LINE_MAX: u64 = 64 << 10;
/// As many lines are read ahead.
const AHEAD: usize = 64;

/// One line: its number, and what it says, or what is wrong with it.
pub(crate) struct Line<T> {
    pub(crate) number: u64,
    pub(crate) says: Result<T, String>,
}

/// What a reader hands over: a line, or why there are no more.
pub(crate) type Read<T> = Result<Line<T>, Stop>;

/// Reads the lines on a thread of its own, as they are taken: `typed` first, in which `-` is stdin,
/// then the file. `parse` gets each as it is, without its end.
pub(crate) fn read<T: Send + 'static>(
    typed: Vec<String>,
    file: Option<PathBuf>,
    parse: fn(&[u8]) -> Result<T, String>,
) -> Result<mpsc::Receiver<Read<T>>, Stop> {
    let (lines, reading) = mpsc::channel(AHEAD);
    let mut reader = Reader { lines, runtime: Handle::current(), number: 0, parse };
    let file = file.map(|path| open(&path)).transpose()?;
    let read = move || {
        for line in typed {
            let going = match &*line {
                "-" => reader.all(io::stdin().lock()),
                line => reader.one(line.as_bytes()),
            };
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

/// What some editors put at the beginning of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

struct Reader<T> {
    lines: mpsc::Sender<Read<T>>,
    /// That of who takes the lines.
    runtime: Handle,
    number: u64,
    parse: fn(&[u8]) -> Result<T, String>,
}

/// Its methods answer whether anybody wants more.
impl<T> Reader<T> {
    fn one(&mut self, line: &[u8]) -> bool {
        self.number += 1;
        self.send(Ok(Line { number: self.number, says: (self.parse)(line) }))
    }

    fn all(&mut self, mut from: impl BufRead) -> bool {
        let (mut line, mut is_first) = (Vec::new(), true);
        loop {
            line.clear();
            match from.by_ref().take(LINE_MAX).read_until(b'\n', &mut line) {
                Ok(0) => return true,
                Ok(_) if line.last() != Some(&b'\n') && line.len() as u64 == LINE_MAX => {
                    if !self.too_long() {
                        return false;
                    }
                    if let Err(error) = skip(&mut from) {
                        return self.broken(&error);
                    }
                }
                Ok(_) => {
                    let mark = BYTE_ORDER_MARK;
                    let text = line.strip_prefix(mark).filter(|_| is_first).unwrap_or(&line);
                    if !self.line(text) {
                        return false;
                    }
                }
                Err(error) => return self.broken(&error),
            }
            is_first = false;
        }
    }

    fn broken(&self, error: &io::Error) -> bool {
        let after = format!("the input cannot be read behind line {}: {error}", self.number);
        let _ = self.send(Err(Stop::fatal(after)));
        false
    }

    /// A line without anything in it counts, and is passed over.
    fn line(&mut self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            self.number += 1;
            return true;
        }
        self.one(line)
    }

    fn too_long(&mut self) -> bool {
        self.number += 1;
        let says = Err("is longer than 64 KiB; a URI is not".to_owned());
        self.send(Ok(Line { number: self.number, says }))
    }

    fn send(&self, read: Read<T>) -> bool {
        let read = match self.lines.try_send(read) {
            Ok(()) => return true,
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(read)) => read,
        };
        // Woken for each line that is taken it would read one, and sleep again.
        let room = self.runtime.block_on(self.lines.reserve_many(AHEAD / 2));
        room.ok().and_then(|mut room| room.next()).map(|place| place.send(read)).is_some()
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
