//! Entries that native threads end: documents by URI, and time limits.

use std::sync::Arc;
use std::time::Duration;

use codap_sources::{Error, Uri};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::cell::{EndOnDrop, Ended, Refusal};
use crate::runtime;
use crate::slot::Slot;

/// How many native fetches of one container run at once.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Limit(Arc<Semaphore>);

#[pymethods]
impl Limit {
    #[new]
    fn new(limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))))
    }
}

/// Fetches the document of `uri` into `entry`: `timeout` seconds for each attempt, another attempt
/// after each of the `backoff` delays.
#[pyfunction]
#[pyo3(signature = (entry, uri, timeout=None, backoff=Vec::new(), limit=None))]
pub(crate) fn fetch(
    entry: &Bound<'_, Slot>,
    uri: &str,
    timeout: Option<f64>,
    backoff: Vec<f64>,
    limit: Option<&Bound<'_, Limit>>,
) -> PyResult<()> {
    let cell = entry.get().cell().clone();
    let uri: Uri = match uri.parse() {
        Ok(uri) => uri,
        Err(error) => {
            cell.end(Ended::Failed(refusal(&error)));
            return Ok(());
        }
    };
    let timeout = timeout.map(seconds).transpose()?;
    let backoff = backoff.into_iter().map(seconds).collect::<PyResult<Vec<_>>>()?;
    let limit = limit.map(|limit| limit.get().0.clone());
    let (runtime, sources) = runtime::native().map_err(no_threads)?;
    let end = EndOnDrop(cell.clone());
    let task = runtime.spawn(async move {
        let _permit = match limit {
            Some(limit) => limit.acquire_owned().await.ok(),
            None => None,
        };
        let mut fetch = codap::fetch(move || sources.fetch(&uri)).retry_if(Error::is_transient);
        if let Some(timeout) = timeout {
            fetch = fetch.timeout(timeout);
        }
        if !backoff.is_empty() {
            fetch = fetch.retry(backoff).retry_after(Error::retry_after);
        }
        end.0.end(match fetch.await {
            Ok(document) => Ended::Document(document),
            Err(error) if error.is_timeout() => {
                Ended::TimedOut(timeout.unwrap_or_default(), "timeout")
            }
            Err(error) => Ended::Failed(failure(&error)),
        });
    });
    cell.stops(task.abort_handle());
    entry.get().mark_started();
    Ok(())
}

/// A time limit that runs.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Timer(AbortHandle);

#[pymethods]
impl Timer {
    fn cancel(&self) {
        self.0.abort();
    }
}

/// Ends `entry` as timed out after so many seconds, unless it has ended by then. `rule` says what
/// set the limit.
#[pyfunction]
pub(crate) fn start_timer(entry: &Bound<'_, Slot>, after: f64, rule: &str) -> PyResult<Timer> {
    let after = seconds(after)?;
    let rule = if rule == "deadline" { "deadline" } else { "timeout" };
    let cell = entry.get().cell().clone();
    let end = cell.clone();
    let (runtime, _) = runtime::native().map_err(no_threads)?;
    let task = runtime.spawn(async move {
        tokio::time::sleep(after).await;
        end.end(Ended::TimedOut(after, rule));
    });
    cell.stops(task.abort_handle());
    Ok(Timer(task.abort_handle()))
}

fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("{seconds} is no time in seconds, from 0 up")))
}

fn no_threads(error: std::io::Error) -> PyErr {
    PyRuntimeError::new_err(format!("the threads for native fetches could not be started: {error}"))
}

fn failure(error: &codap::Error) -> Refusal {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    match source {
        Some(source) => refusal(source),
        None => Refusal { text: error.to_string(), kind: "failed", transient: false },
    }
}

fn refusal(error: &Error) -> Refusal {
    let kinds = [
        (error.is_not_found(), "not found"),
        (error.is_unauthorized(), "unauthorized"),
        (error.is_timeout(), "timeout"),
        (error.is_too_large(), "too large"),
        (error.is_incomplete(), "incomplete"),
        (error.is_unsupported(), "unsupported"),
        (error.is_connect(), "connect"),
        (error.is_invalid(), "invalid"),
    ];
    let kind = kinds.into_iter().find(|(is, _)| *is).map_or("failed", |(_, kind)| kind);
    Refusal { text: error.to_string(), kind, transient: error.is_transient() }
}
