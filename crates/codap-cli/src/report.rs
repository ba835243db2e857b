//! `--report FILE.json`: what happened to each entry, for machines. docs/report.schema.json is its
//! schema.
//!
//! The file is written beside its place and then put there, so that it is whole or not there; and
//! row after row, so that the report of a long list takes no memory.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use codap::{Ending, Error};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::answer::{Answer, push_json};
use crate::duration::millis;
use crate::exit::Exit;
use crate::failure::told;
use crate::stop::Stop;
use crate::timeline::Life;

/// A report in the making.
pub(crate) struct Report {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    began: Instant,
    rows: usize,
}

/// What is reported of one entry.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) uri: String,
    pub(crate) ending: &'static str,
    pub(crate) error: Option<String>,
    pub(crate) bytes: Option<u64>,
    pub(crate) attempts: u32,
    pub(crate) queued_ms: f64,
    pub(crate) started_ms: Option<f64>,
    pub(crate) ended_ms: Option<f64>,
    /// Who waited for it.
    pub(crate) waits: Vec<Wait>,
    /// In an archive: what it was to be called.
    pub(crate) renamed_from: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Wait {
    /// The name of an entry; null for the tool itself.
    pub(crate) by: Option<String>,
    pub(crate) from_ms: f64,
    pub(crate) until_ms: f64,
}

impl Row {
    /// Of an entry and its reply, if it has ended.
    pub(crate) fn new(name: &str, uri: String, reply: Option<Result<&Answer, &Error>>) -> Self {
        let (mut bytes, mut attempts, mut error) = (None, 0, None);
        let mut told_uri = None;
        let ending = match reply {
            None => "pending",
            Some(Ok(answer)) => {
                attempts = answer.attempts();
                told_uri = answer.uri();
                let instead = answer.stands_in_for();
                error = instead.map(|error| told(error, name));
                bytes = instead.is_none().then_some(answer.bytes().len() as u64);
                if instead.is_some() { "defaulted" } else { "ok" }
            }
            Some(Err(failure)) => {
                attempts = failure.attempts();
                error = Some(told(failure, name));
                ending(failure)
            }
        };
        let (uri, waits) = (told_uri.unwrap_or(uri), Vec::new());
        let (queued_ms, started_ms, ended_ms) = (0.0, None, None);
        let (name, renamed_from) = (name.to_owned(), None);
        Self {
            name,
            renamed_from,
            uri,
            ending,
            error,
            bytes,
            attempts,
            queued_ms,
            started_ms,
            ended_ms,
            waits,
        }
    }

    /// With when all that was; `names` are those of all entries.
    pub(crate) fn at(mut self, life: &Life, names: &[String]) -> Self {
        self.queued_ms = millis(life.queued);
        self.started_ms = life.started.map(millis);
        self.ended_ms = life.ended.map(millis);
        let name = |by: usize| names.get(by).cloned();
        self.waits = life
            .waits
            .iter()
            .map(|wait| Wait {
                by: wait.by.and_then(name),
                from_ms: millis(wait.from),
                until_ms: millis(wait.until),
            })
            .collect();
        self
    }
}

pub(crate) fn ending(error: &Error) -> &'static str {
    match error.ending() {
        Some(Ending::TimedOut) => "timed_out",
        Some(Ending::Cancelled) => "cancelled",
        Some(Ending::Panicked) => "panicked",
        Some(Ending::Abandoned) => "abandoned",
        _ => "failed",
    }
}

impl Report {
    /// Begins a report about `command`. It is not at `path` before it is finished.
    pub(crate) fn create(path: &Path, command: &str) -> Result<Self, Stop> {
        let refused = |error: io::Error| {
            Stop::fatal(format!("--report {}: cannot be written: {error}", path.display()))
        };
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder
            .prefix(".codap-report-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .map_err(refused)?;
        let mut report = Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            began: Instant::now(),
            rows: 0,
        };
        let version = env!("CARGO_PKG_VERSION");
        let head = format!(r#"{{"codap":"{version}","command":"{command}","entries":["#);
        report.write(head.as_bytes())?;
        Ok(report)
    }

    /// From when the times of a list are counted.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    pub(crate) fn row(&mut self, row: &Row) -> Result<(), Stop> {
        let mut text = if self.rows == 0 { b"\n".to_vec() } else { b",\n".to_vec() };
        push_json(row, &mut text);
        self.rows += 1;
        self.write(&text)
    }

    /// Puts it in its place.
    pub(crate) fn finish(mut self, exit: Exit) -> Result<(), Stop> {
        let elapsed = millis(self.began.elapsed());
        let tail = format!("\n],\"exit\":{},\"elapsed_ms\":{elapsed}}}\n", exit as i32);
        self.write(tail.as_bytes())?;
        let path = self.path;
        let refused = |error: io::Error| {
            Stop::fatal(format!("--report {}: cannot be written: {error}", path.display()))
        };
        let file = self.file.into_inner().map_err(|error| refused(error.into_error()))?;
        file.persist(&path).map_err(|error| refused(error.error)).map(drop)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.file.write_all(bytes).map_err(|error| {
            Stop::fatal(format!("--report {}: cannot be written: {error}", self.path.display()))
        })
    }
}
