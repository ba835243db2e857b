//! Who waits for the end of one entry.

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::wake::Wake;

/// A callable that wakes the one who waits, and where it may be called.
pub(crate) struct Waiter {
    pub(crate) call: Py<PyAny>,
    /// `None`: anywhere.
    pub(crate) wake: Option<Py<Wake>>,
}

/// Posts to the waiters of other hubs and loops; those that may be called here are the answer, for
/// the caller to call from Python code.
pub(crate) fn wake_all<'py>(
    py: Python<'py>,
    waiters: Vec<Waiter>,
) -> PyResult<Option<Bound<'py, PyList>>> {
    if waiters.is_empty() {
        return Ok(None);
    }
    let here = PyList::empty(py);
    for Waiter { call, wake } in waiters {
        match wake {
            Some(wake) if !wake.get().is_here() => wake.get().post(call),
            _ => here.append(call)?,
        }
    }
    Ok((!here.is_empty()).then_some(here))
}
