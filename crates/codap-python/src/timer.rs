//! Time limits, kept by the native runtime.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::cell::Ended;
use crate::runtime;
use crate::slot::Slot;
use crate::task::no_threads;

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

pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("{seconds} is no time in seconds, from 0 up")))
}
