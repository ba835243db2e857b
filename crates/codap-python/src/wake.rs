//! How a thread, hub or loop is woken from other threads: by a descriptor that it watches, and a
//! list of what to call once it is awake.

use std::collections::{HashMap, VecDeque};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::bell::Bell;
use crate::sync::lock;

/// One for each thread, hub or loop in which somebody waits. It belongs to the thread that made
/// it: `drain` is called there.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Wake {
    bell: Arc<Bell>,
    thread: ThreadId,
    fd: RawFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Py<PyAny>>,
    /// What native threads ring for: an entry, whose outcome is then taken over by calling it, or
    /// a callable.
    watched: HashMap<u64, Py<PyAny>>,
}

impl Wake {
    pub(crate) fn is_here(&self) -> bool {
        self.thread == std::thread::current().id()
    }

    pub(crate) fn post(&self, call: Py<PyAny>) {
        lock(&self.state).ready.push_back(call);
        self.bell.sound();
    }

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Calls `call` on this wake's thread when `token` is rung for.
    pub(crate) fn watch(&self, token: u64, call: Py<PyAny>) {
        let before = lock(&self.state).watched.insert(token, call);
        drop(before);
    }

    pub(crate) fn unwatch(&self, token: u64) {
        let before = lock(&self.state).watched.remove(&token);
        drop(before);
    }
}

#[pymethods]
impl Wake {
    #[new]
    fn new() -> PyResult<Self> {
        let (bell, fd) = Bell::new()?;
        let thread = std::thread::current().id();
        Ok(Self { bell: Arc::new(bell), thread, fd, state: Mutex::default() })
    }

    /// The descriptor to watch and read, which the caller owns.
    #[getter]
    fn fd(&self) -> RawFd {
        self.fd
    }

    /// Has `call` called on this wake's thread.
    #[pyo3(name = "post")]
    fn post_from_python(&self, call: Py<PyAny>) {
        self.post(call);
    }

    /// Takes at most `limit` callables of what happened since, for the caller to call. What is
    /// beyond comes with the next turn, so that a burst does not hold up the rest of a hub.
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let heard = self.bell.heard();
        let mut state = lock(&self.state);
        for token in heard {
            if let Some(call) = state.watched.remove(&token) {
                state.ready.push_back(call);
            }
        }
        let now = state.ready.len().min(limit);
        let calls: Vec<_> = state.ready.drain(..now).collect();
        let more = !state.ready.is_empty();
        drop(state);
        if more {
            self.bell.sound();
        }
        PyList::new(py, calls)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(state) = self.state.try_lock() {
            for call in state.ready.iter().chain(state.watched.values()) {
                visit.call(call)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let state = std::mem::take(&mut *lock(&self.state));
        drop(state);
    }
}
