//! `sqlite:path?query=select …&param=…&param=…`
//!
//! The document is a JSON array of the rows, each an object of its columns:
//!
//! | SQLite | JSON |
//! |---|---|
//! | NULL | `null` (also what SQLite makes of NaN) |
//! | INTEGER | a number, exactly |
//! | REAL | a number; `"Infinity"` and `"-Infinity"` are strings |
//! | TEXT | a string; if it is not UTF-8, that is an error |
//! | BLOB | a string of base64 |
//!
//! Dates, decimals and booleans are what they were stored as: SQLite has no such types.
//!
//! Parameters go for `?1`, `?2`, … and are bound as text. A comparison with a column takes on the
//! column's type, as in `where id = ?1`; elsewhere the query says `cast(?1 as integer)`.
//!
//! The file is opened for reading only, and anew by each fetch, on a thread for blocking work: that
//! is a fraction of a millisecond, there is nothing to keep in step with a file that is replaced,
//! and no lock stays behind. Where another process writes, a fetch waits until it may read. A fetch
//! that is dropped interrupts its query.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};
use serde_json::{Map, Value};

use crate::document::Document;
use crate::error::{Error, Kind};
use crate::job::{Job, Purpose};
use crate::settings::Settings;
use crate::uri::Uri;

/// So many steps of SQLite's virtual machine are between two looks at whether to go on: a small
/// part of a millisecond.
const STEPS: i32 = 1_000;

pub(crate) async fn fetch(job: &Job) -> Result<Document, Error> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let _interrupt = InterruptOnDrop(interrupted.clone());
    let time = job.deadline().map(|at| at.saturating_duration_since(tokio::time::Instant::now()));
    let work = Work { uri: job.uri().clone(), max_size: job.max_size(), time, interrupted };
    match tokio::task::spawn_blocking(move || work.run()).await {
        Ok(reply) => reply,
        Err(_) => Err(job.error(Kind::Failed, "reading it panicked: a bug of codap-sources")),
    }
}

struct InterruptOnDrop(Arc<AtomicBool>);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One fetch, for a thread that may block.
struct Work {
    uri: Uri,
    max_size: u64,
    time: Option<Duration>,
    interrupted: Arc<AtomicBool>,
}

impl Work {
    fn run(&self) -> Result<Document, Error> {
        let settings = Settings { max_size: self.max_size, ..Settings::default() };
        let job = &Job::new(&self.uri, &Arc::new(settings), Purpose::Whole);
        let (query, parameters) = query(job)?;
        let connection = self.open(job)?;
        let failed = |error| failed(job, &error);
        let mut statement = connection.prepare(&query).map_err(failed)?;
        let wanted = statement.parameter_count();
        if wanted != parameters.len() {
            let what = format!(
                "the query has {wanted} parameters and the URI {}; give one &param= for each",
                parameters.len()
            );
            return Err(job.error(Kind::Invalid, what));
        }
        let names = names(job, &statement)?;
        let mut rows = statement.query(rusqlite::params_from_iter(&parameters)).map_err(failed)?;
        let mut json = "[".to_owned();
        while let Some(row) = rows.next().map_err(failed)? {
            let mut object = Map::new();
            for (index, name) in names.iter().enumerate() {
                let value = value(job, name, row.get_ref(index).map_err(failed)?)?;
                object.insert(name.clone(), value);
            }
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&Value::from(object).to_string());
            job.check_size(json.len() as u64 + 1)?;
        }
        json.push(']');
        let document = Document::new(job.uri(), json.into());
        Ok(document.with_content_type(Some("application/json")))
    }

    fn open(&self, job: &Job) -> Result<Connection, Error> {
        let path = self.uri.path();
        let path = Path::new(&*path);
        if !path.is_file() {
            let what = "there is no such database; check the path";
            return Err(job.error(Kind::NotFound, what));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |error| failed(job, &error);
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(self.time.unwrap_or(Duration::MAX)).map_err(failed)?;
        // One value alone can be a gigabyte: SQLite is not to make one that cannot be a part of
        // the document, and not to reach for other files.
        let length = i32::try_from(self.max_size.saturating_add(1)).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length.max(1 << 20)).map_err(failed)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(failed)?;
        let interrupted = self.interrupted.clone();
        let look = move || interrupted.load(Ordering::Relaxed);
        connection.progress_handler(STEPS, Some(look)).map_err(failed)?;
        Ok(connection)
    }
}

/// The query, and what goes for its parameters.
fn query(job: &Job) -> Result<(String, Vec<String>), Error> {
    let (mut query, mut parameters) = (None, Vec::new());
    for (name, value) in job.uri().query() {
        match &*name {
            "query" => query = Some(value),
            "param" => parameters.push(value),
            other => {
                let what = format!("has no use for {other:?}; it takes query and param");
                return Err(job.error(Kind::Invalid, what));
            }
        }
    }
    Ok((query.ok_or_else(|| no_query(job))?, parameters))
}

fn no_query(job: &Job) -> Error {
    job.error(Kind::Invalid, "has no query; write sqlite:path?query=select…&param=…")
}

/// The columns' names: each once, or a value would be lost.
fn names(job: &Job, statement: &Statement<'_>) -> Result<Vec<String>, Error> {
    let names: Vec<String> = statement.column_names().into_iter().map(Into::into).collect();
    if names.is_empty() {
        return Err(job.error(Kind::Invalid, "the query gives no rows; write a select"));
    }
    let repeated = |(index, name): (usize, &String)| names[..index].contains(name);
    match names.iter().enumerate().find(|it| repeated(*it)) {
        None => Ok(names),
        Some((_, name)) => {
            let what = format!("two columns of the query are called {name:?}; rename one with AS");
            Err(job.error(Kind::Invalid, what))
        }
    }
}

fn value(job: &Job, name: &str, value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) if number == f64::INFINITY => "Infinity".into(),
        ValueRef::Real(number) if number == f64::NEG_INFINITY => "-Infinity".into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => text.into(),
            Err(_) => {
                let what = format!("column {name:?} has text that is not UTF-8; cast it to a blob");
                return Err(job.error(Kind::Invalid, what));
            }
        },
        ValueRef::Blob(bytes) => STANDARD.encode(bytes).into(),
    })
}

fn failed(job: &Job, error: &rusqlite::Error) -> Error {
    let said = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, offset, .. } => {
            format!("{msg} (at byte {offset} of the query)")
        }
        other => other.to_string(),
    };
    if matches!(error, rusqlite::Error::MultipleStatement) {
        return job.error(Kind::Invalid, "the query has more than one statement; send one");
    }
    let missing = ["no such table", "no such view"].iter().any(|it| said.contains(it));
    let code = match error {
        rusqlite::Error::SqlInputError { error, .. } => Some(error.code),
        other => other.sqlite_error_code(),
    };
    let (kind, advice) = match code {
        _ if missing => (Kind::NotFound, "; check its name"),
        Some(ErrorCode::NotADatabase) => (Kind::Invalid, "; is it a file of SQLite?"),
        Some(ErrorCode::DatabaseCorrupt) => (Kind::Incomplete, "; the file is damaged"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Kind::Busy, "; another process is writing to it")
        }
        Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            (Kind::Unauthorized, "; check the permissions of the file and its folder")
        }
        Some(ErrorCode::TooBig) => (Kind::TooLarge, "; max_size allows no larger value"),
        Some(ErrorCode::ReadOnly) => (Kind::Invalid, "; a source only reads"),
        Some(ErrorCode::OperationInterrupted) => (Kind::Timeout, ""),
        Some(ErrorCode::Unknown) => (Kind::Invalid, "; check the query"),
        _ => (Kind::Failed, ""),
    };
    // A corrupt file stays so; a retry would read it again for nothing.
    let transient = matches!(kind, Kind::Busy | Kind::Timeout);
    job.error(kind, format!("SQLite says: {said}{advice}")).because(error).transient(transient)
}
