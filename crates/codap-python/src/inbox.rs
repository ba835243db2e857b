//! Entries in the order of their arrival, each handed out once.

use std::sync::{Arc, Mutex};

use pyo3::PyTraverseError;
use pyo3::exceptions::PyIndexError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::bell::token;
use crate::order::Order;
use crate::slot::Slot;
use crate::sync::lock;
use crate::wake::Wake;

/// See the module.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Inbox {
    order: Arc<Order>,
    entries: Mutex<Vec<Py<Slot>>>,
}

impl Inbox {
    fn entry(&self, py: Python<'_>, index: u32) -> Option<(u32, Py<Slot>)> {
        lock(&self.entries).get(index as usize).map(|entry| (index, entry.clone_ref(py)))
    }
}

#[pymethods]
impl Inbox {
    #[new]
    fn new() -> Self {
        Self { order: Arc::default(), entries: Mutex::default() }
    }

    /// Adds an entry; the answer is its number.
    fn add(&self, entry: &Bound<'_, Slot>) -> PyResult<u32> {
        let mut entries = lock(&self.entries);
        let index = u32::try_from(entries.len())
            .map_err(|_| PyIndexError::new_err("a container holds fewer than 2**32 entries"))?;
        entries.push(entry.clone().unbind());
        drop(entries);
        self.order.change(|_| {});
        entry.get().arrives_in(&self.order, index);
        Ok(index)
    }

    /// Hands out the next reply, with its number; `None` if there is none now.
    fn take(&self, py: Python<'_>) -> Option<(u32, Py<Slot>)> {
        if self.order.look(|state| state.taken == state.order.len()) {
            return None;
        }
        let index = self.order.change(|state| {
            let index = state.order.get(state.taken).copied()?;
            state.taken += 1;
            Some(index)
        });
        self.entry(py, index?)
    }

    /// The reply that was the `n`-th to arrive, with its number; `None` if it has not.
    fn nth(&self, py: Python<'_>, n: usize) -> Option<(u32, Py<Slot>)> {
        let index = self.order.look(|state| state.order.get(n).copied())?;
        self.entry(py, index)
    }

    /// The entry with this number, arrived or not.
    fn by_number(&self, py: Python<'_>, index: u32) -> Option<Py<Slot>> {
        self.entry(py, index).map(|(_, entry)| entry)
    }

    fn __len__(&self) -> usize {
        lock(&self.entries).len()
    }

    /// How many have arrived.
    #[getter]
    fn arrived(&self) -> usize {
        self.order.look(|state| state.order.len())
    }

    /// How many were handed out.
    #[getter]
    fn taken(&self) -> usize {
        self.order.look(|state| state.taken)
    }

    /// What `watch` compares, to be read before the look that found nothing.
    #[getter]
    fn version(&self) -> u64 {
        self.order.look(|state| state.version)
    }

    /// Has `call` called by `wake` at the next change; `None` if there was one since `version`,
    /// else what to `unwatch`.
    fn watch(&self, version: u64, call: Py<PyAny>, wake: &Bound<'_, Wake>) -> Option<u64> {
        let token = token();
        wake.get().watch(token, call);
        let listens = self.order.look(|state| {
            let listens = state.version == version;
            if listens {
                state.listeners.push((wake.get().bell().clone(), token));
            }
            listens
        });
        if listens {
            return Some(token);
        }
        wake.get().unwatch(token);
        None
    }

    fn unwatch(&self, token: u64, wake: &Bound<'_, Wake>) {
        self.order.look(|state| state.listeners.retain(|&(_, other)| other != token));
        wake.get().unwatch(token);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(entries) = self.entries.try_lock() {
            for entry in entries.iter() {
                visit.call(entry)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let entries = std::mem::take(&mut *lock(&self.entries));
        drop(entries);
    }
}
