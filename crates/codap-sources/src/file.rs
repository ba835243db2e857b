//! `file://` and plain paths.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::time::UNIX_EPOCH;

use crate::document::Document;
use crate::error::{Error, Kind};
use crate::job::Job;

/// What became of reading a file.
enum Outcome {
    /// Its bytes, and its version.
    Read(Vec<u8>, Option<String>),
    /// It has at least so many bytes.
    TooLarge(u64),
    /// It was written to meanwhile.
    Changed,
    /// It is something else.
    NoFile(&'static str),
}

/// Reads the file whole, in one go on a thread of the runtime that may block.
pub(crate) async fn fetch(job: &Job<'_>) -> Result<Document, Error> {
    let (path, max_size) = (job.uri().path().into_owned(), job.max_size());
    let reading = tokio::task::spawn_blocking(move || read(&path, max_size));
    match reading.await {
        Ok(Ok(Outcome::Read(bytes, version))) => {
            Ok(Document::new(job.uri(), bytes.into()).with_version(version.as_deref()))
        }
        Ok(Ok(Outcome::TooLarge(size))) => Err(job.too_large(Some(size))),
        Ok(Ok(Outcome::Changed)) => {
            Err(job.error(Kind::Incomplete, "changed while it was read; read it once more"))
        }
        Ok(Ok(Outcome::NoFile(what))) => {
            Err(job.error(Kind::Invalid, format!("is {what}; name a regular file")))
        }
        Ok(Err(error)) => Err(failed(job, &error)),
        Err(error) => Err(job
            .error(Kind::Failed, "was not read: its runtime is shutting down")
            .because(&error)),
    }
}

fn read(path: &str, max_size: u64) -> io::Result<Outcome> {
    // Before it is opened: to open a pipe is to wait for its writer.
    let before = fs::metadata(path)?;
    if !before.is_file() {
        let what = if before.is_dir() { "a directory" } else { "a device, pipe or socket" };
        return Ok(Outcome::NoFile(what));
    }
    if before.len() > max_size {
        return Ok(Outcome::TooLarge(before.len()));
    }
    let mut file = File::open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0) + 1);
    (&mut file).take(max_size.saturating_add(1)).read_to_end(&mut bytes)?;
    let (size, after) = (bytes.len() as u64, file.metadata()?);
    if size > max_size {
        return Ok(Outcome::TooLarge(after.len()));
    }
    let same = after.modified().ok() == before.modified().ok();
    if !same || before.len() != size || after.len() != size {
        return Ok(Outcome::Changed);
    }
    let changed = after.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Ok(Outcome::Read(bytes, changed.map(|at| format!("{:x}-{size:x}", at.as_nanos()))))
}

fn failed(job: &Job<'_>, error: &io::Error) -> Error {
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
