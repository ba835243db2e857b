//! One task of the native runtime for one entry.

use std::sync::Arc;

use codap_sources::Sources;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::sync::Semaphore;

use crate::cell::{EndOnDrop, Ended};
use crate::runtime;
use crate::slot::Slot;

/// How many native entries of one container run at once.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Limit(Arc<Semaphore>);

#[pymethods]
impl Limit {
    #[new]
    fn new(limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))))
    }
}

/// Has `work` end the entry, as soon as the limit allows. If the entry ends otherwise it is stopped.
pub(crate) fn start<W: Future<Output = Ended> + Send + 'static>(
    entry: &Bound<'_, Slot>,
    limit: Option<&Bound<'_, Limit>>,
    work: impl FnOnce(Sources) -> W,
) -> PyResult<()> {
    let cell = entry.get().cell().clone();
    let limit = limit.map(|limit| limit.get().0.clone());
    let (runtime, sources) = runtime::native().map_err(no_threads)?;
    let (end, work) = (EndOnDrop(cell.clone()), work(sources));
    let task = runtime.spawn(async move {
        let _permit = match limit {
            Some(limit) => limit.acquire_owned().await.ok(),
            None => None,
        };
        end.0.end(work.await);
    });
    cell.stops(task.abort_handle());
    entry.get().mark_started();
    Ok(())
}

pub(crate) fn no_threads(error: std::io::Error) -> PyErr {
    let what = "the threads for native work could not be started";
    PyRuntimeError::new_err(format!("{what}: {error}"))
}
