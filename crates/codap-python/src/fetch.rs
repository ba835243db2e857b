//! Documents by URI.

use codap_sources::{Error, Sources, Uri};
use pyo3::prelude::*;

use crate::cell::Ended;
use crate::gate::Gate;
use crate::log::What;
use crate::refusal::Refusal;
use crate::slot::Slot;
use crate::task;
use crate::timer::seconds;

/// Fetches the document of `uri` into `entry`: `timeout` seconds for each attempt, another attempt
/// after each of the `backoff` delays.
#[pyfunction]
#[pyo3(signature = (entry, uri, timeout=None, backoff=Vec::new(), gate=None))]
pub(crate) fn fetch(
    entry: &Bound<'_, Slot>,
    uri: String,
    timeout: Option<f64>,
    backoff: Vec<f64>,
    gate: Option<&Bound<'_, Gate>>,
) -> PyResult<()> {
    let timeout = timeout.map(seconds).transpose()?;
    let backoff = backoff.into_iter().map(seconds).collect::<PyResult<Vec<_>>>()?;
    let cell = entry.get().cell().clone();
    task::start(entry, gate, move |sources: Sources| async move {
        let uri: Uri = match uri.parse() {
            Ok(uri) => uri,
            Err(error) => return Ended::Failed((&error).into()),
        };
        let mut attempts = 0;
        let attempt = move || {
            attempts += 1;
            cell.note(What::Attempt(attempts));
            sources.fetch(&uri)
        };
        let mut fetch = codap::fetch(attempt).retry_if(Error::is_transient);
        if let Some(timeout) = timeout {
            fetch = fetch.timeout(timeout);
        }
        if !backoff.is_empty() {
            fetch = fetch.retry(backoff).retry_after(Error::retry_after);
        }
        match fetch.await {
            Ok(document) => Ended::Document(document),
            Err(error) if error.is_timeout() => {
                Ended::TimedOut(timeout.unwrap_or_default(), "timeout")
            }
            Err(error) => Ended::Failed(Refusal::of_fetch(&error)),
        }
    })
}
