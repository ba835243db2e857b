//! `file://` and plain paths.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::error::{Error, Kind};
use crate::job::Job;
use crate::step::{Facts, Step};

/// So much is read at a time.
const CHUNK: u64 = 256 << 10;

/// A file being read, on threads of the runtime that may block. It is one document as long as its
/// length and time of change stay what they were before it was opened.
pub(crate) struct Reading {
    length: u64,
    version: Option<String>,
    turn: Turn,
}

enum Turn {
    /// What a thread has read.
    Read(Chunk),
    /// What a thread is to read, or is reading.
    Next(JoinHandle<io::Result<Chunk>>),
    Over,
}

/// Bytes, and the file if there may be more in it.
struct Chunk {
    bytes: Vec<u8>,
    rest: Option<Rest>,
    is_changed: bool,
}

/// A file and what is left of it.
struct Rest {
    file: File,
    changed: Option<SystemTime>,
    length: u64,
    read: u64,
}

/// What became of opening a file.
enum Opened {
    /// Its first chunk, its length and time of change.
    File(Chunk, u64, Option<SystemTime>),
    /// It has so many bytes.
    TooLarge(u64),
    /// It is something else.
    NoFile(&'static str),
}

impl Reading {
    /// Opens the file and reads the start of it: all of it, where it is small.
    pub(crate) async fn open(job: &Job) -> Result<Self, Error> {
        let (path, max_size) = (job.uri().path().into_owned(), job.max_size());
        match done(job, tokio::task::spawn_blocking(move || open(&path, max_size)).await)? {
            Opened::File(chunk, length, changed) => {
                let version = version(length, changed);
                Ok(Self { length, version, turn: Turn::Read(chunk) })
            }
            Opened::TooLarge(size) => Err(job.too_large(Some(size))),
            Opened::NoFile(what) => {
                Err(job.error(Kind::Invalid, format!("is {what}; name a regular file")))
            }
        }
    }

    pub(crate) async fn step(&mut self, job: &Job) -> Result<Step, Error> {
        loop {
            match &mut self.turn {
                Turn::Read(chunk) => {
                    if chunk.is_changed {
                        let what = "changed while it was read; read it once more";
                        return Err(job.error(Kind::Incomplete, what));
                    }
                    let bytes = std::mem::take(&mut chunk.bytes);
                    self.turn = match chunk.rest.take() {
                        Some(rest) => Turn::Next(tokio::task::spawn_blocking(|| rest.read())),
                        None => Turn::Over,
                    };
                    if !bytes.is_empty() {
                        job.received(bytes.len());
                        return Ok(Step::Chunk(Bytes::from(bytes)));
                    }
                }
                Turn::Next(reading) => self.turn = Turn::Read(done(job, reading.await)?),
                Turn::Over => return Ok(Step::End),
            }
        }
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            length: Some(self.length),
            content_type: None,
            version: self.version.as_deref(),
            is_length_verified: true,
        }
    }

    pub(crate) fn close(&mut self) {
        self.turn = Turn::Over;
    }
}

/// What changes with the file.
pub(crate) fn version(length: u64, changed: Option<SystemTime>) -> Option<String> {
    let changed = changed?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{length:x}", changed.as_nanos()))
}

fn open(path: &str, max_size: u64) -> io::Result<Opened> {
    // Before it is opened: to open a pipe is to wait for its writer.
    let before = fs::metadata(path)?;
    if !before.is_file() {
        let what = if before.is_dir() { "a directory" } else { "a device, pipe or socket" };
        return Ok(Opened::NoFile(what));
    }
    let (length, changed) = (before.len(), before.modified().ok());
    if length > max_size {
        return Ok(Opened::TooLarge(length));
    }
    let rest = Rest { file: File::open(path)?, changed, length, read: 0 };
    Ok(Opened::File(rest.read()?, length, changed))
}

impl Rest {
    /// Reads on. The end of the file is looked for one byte behind where it should be.
    fn read(mut self) -> io::Result<Chunk> {
        let wanted = (self.length - self.read + 1).min(CHUNK);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
        (&mut self.file).take(wanted).read_to_end(&mut bytes)?;
        self.read += bytes.len() as u64;
        let is_over = (bytes.len() as u64) < wanted;
        let mut is_changed = self.read > self.length;
        if is_over && !is_changed {
            let after = self.file.metadata()?;
            let same = after.modified().ok() == self.changed && after.len() == self.length;
            is_changed = !same || self.read != self.length;
        }
        let rest = (!is_over && !is_changed).then_some(self);
        Ok(Chunk { bytes, rest, is_changed })
    }
}

/// What came of work on another thread.
fn done<T>(job: &Job, joined: Result<io::Result<T>, tokio::task::JoinError>) -> Result<T, Error> {
    match joined {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failed(job, &error)),
        Err(error) => Err(job
            .error(Kind::Failed, "was not read: its runtime is shutting down")
            .because(&error)),
    }
}

fn failed(job: &Job, error: &io::Error) -> Error {
    let (kind, what) = match error.kind() {
        ErrorKind::NotFound => (Kind::NotFound, "there is no such file; check the path".to_owned()),
        ErrorKind::NotADirectory => {
            (Kind::NotFound, "a part of the path is a file, not a directory".to_owned())
        }
        ErrorKind::PermissionDenied => {
            (Kind::Unauthorized, "may not be read by this user; check its permissions".to_owned())
        }
        _ => (Kind::Failed, format!("cannot be read: {error}")),
    };
    job.error(kind, what).because(error)
}
