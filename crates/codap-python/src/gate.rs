//! The limit of a container, as plain state: permits, and the two lines for them.
//!
//! Free permits plus holders are the limit. Entries that come back from a wait for another entry
//! go before those that have not started.

use std::collections::VecDeque;
use std::sync::Mutex;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::sync::lock;

/// See the module.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Gate {
    state: Mutex<State>,
}

struct State {
    free: usize,
    /// What is settled to say that its permit is back.
    returning: VecDeque<Py<PyAny>>,
    /// What is launched.
    waiting: VecDeque<Py<PyAny>>,
}

#[pymethods]
impl Gate {
    #[new]
    fn new(limit: usize) -> Self {
        let state = State { free: limit, returning: VecDeque::new(), waiting: VecDeque::new() };
        Self { state: Mutex::new(state) }
    }

    /// Whether `launch` may start now; else it stands in line.
    fn enter(&self, launch: Py<PyAny>) -> bool {
        let mut state = lock(&self.state);
        if state.free > 0 {
            state.free -= 1;
            return true;
        }
        state.waiting.push_back(launch);
        false
    }

    /// Whether the entry may go on now; else `ticket` is what `leave` answers when it may.
    fn come_back(&self, ticket: Py<PyAny>) -> bool {
        let mut state = lock(&self.state);
        if state.free > 0 {
            state.free -= 1;
            return true;
        }
        state.returning.push_back(ticket);
        false
    }

    /// Gives a permit back. The answer has it now: a ticket or a launch.
    fn leave(&self) -> Option<Py<PyAny>> {
        let mut state = lock(&self.state);
        let next = state.returning.pop_front().or_else(|| state.waiting.pop_front());
        if next.is_none() {
            state.free += 1;
        }
        next
    }

    /// Takes a ticket out of the line; `false` if it is not there any more: it has the permit.
    fn give_up(&self, ticket: &Bound<'_, PyAny>) -> bool {
        let mut state = lock(&self.state);
        let at = state.returning.iter().position(|it| it.is(ticket));
        let ticket = at.and_then(|at| state.returning.remove(at));
        drop(state);
        ticket.is_some()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(state) = self.state.try_lock() {
            for it in state.returning.iter().chain(&state.waiting) {
                visit.call(it)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let mut state = lock(&self.state);
        let lines = (std::mem::take(&mut state.returning), std::mem::take(&mut state.waiting));
        drop(state);
        drop(lines);
    }
}
