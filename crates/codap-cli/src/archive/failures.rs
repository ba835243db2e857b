//! What failed, a line of JSON for each, as soon as it is known.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::answer::push_json;
use crate::progress;
use crate::say::say_of;
use crate::stop::Stop;

/// Where failures are told, and how many there were.
pub(crate) struct Failures {
    to: To,
    count: u64,
}

enum To {
    Stdout(BufWriter<io::Stdout>),
    File(BufWriter<File>, PathBuf),
    /// As messages: stdout has the archive.
    Stderr,
}

/// What is told of one.
#[derive(Debug, Serialize)]
pub(crate) struct Failure<'a> {
    pub(crate) line: u64,
    /// Without its secrets; not there of a line that is no entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uri: Option<&'a str>,
    /// The name that it would have in the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    pub(crate) error: &'a str,
}

impl Failures {
    /// To this file; or to stdout, if that `is_free`.
    pub(crate) fn new(file: Option<&Path>, is_free: bool) -> Result<Self, Stop> {
        let to = match file {
            Some(path) => match File::create(path) {
                Ok(file) => To::File(BufWriter::new(file), path.to_owned()),
                Err(error) => return Err(refused(path, &error)),
            },
            None if is_free => To::Stdout(BufWriter::new(io::stdout())),
            None => To::Stderr,
        };
        Ok(Self { to, count: 0 })
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn tell(&mut self, failure: &Failure<'_>) -> Result<(), Stop> {
        self.count += 1;
        let mut line = Vec::new();
        push_json(failure, &mut line);
        line.push(b'\n');
        match &mut self.to {
            To::Stdout(stdout) => unless_nobody_reads(stdout.write_all(&line)),
            To::File(file, path) => file.write_all(&line).map_err(|error| refused(path, &error)),
            To::Stderr => {
                let line = format!("line {}", failure.line);
                say_of(failure.uri.unwrap_or(&line), failure.error);
                Ok(())
            }
        }
    }

    /// Hands over what was told.
    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        match &mut self.to {
            To::Stdout(stdout) if stdout.buffer().is_empty() => Ok(()),
            To::Stdout(stdout) => {
                let mut flushed = Ok(());
                progress::above(|| flushed = stdout.flush());
                unless_nobody_reads(flushed)
            }
            To::File(file, path) => file.flush().map_err(|error| refused(path, &error)),
            To::Stderr => Ok(()),
        }
    }

    /// Where they are to be read.
    pub(crate) fn whereabouts(&self) -> String {
        match &self.to {
            To::Stdout(_) => "stdout tells each".to_owned(),
            To::File(_, path) => format!("{} tells each", path.display()),
            To::Stderr => "told above".to_owned(),
        }
    }
}

fn refused(path: &Path, error: &io::Error) -> Stop {
    Stop::fatal(format!("--failures {}: cannot be written: {error}", path.display()))
}

/// That nobody wants to hear of failures is no reason to end an archive: the exit code tells of
/// them too.
fn unless_nobody_reads(written: io::Result<()>) -> Result<(), Stop> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Stop::of_output(&error)),
        _ => Ok(()),
    }
}
