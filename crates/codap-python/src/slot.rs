//! One entry: pending until it is ended, once, and readable from then on.
//!
//! 1. The outcome is written once, under the lock of `state`. If the entry has a [`Cell`], whoever
//!    writes it has claimed that before, or takes over what a native thread has left there.
//! 2. Who waits adds itself under the same lock while the entry is pending, or is told that it is
//!    not. Waiters are called by the Python code that ended the entry, after the lock is released.
//! 3. The value is put in the place of the entry in its container's storage in the same step, so
//!    that nobody who bypasses the container's methods sees an entry that has ended well.
//! 4. No Python object is created, compared or dropped under the lock.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTraceback, PyWeakrefMethods, PyWeakrefReference};

use crate::cell::{Cell, Subscriber};
use crate::left::left;
use crate::log::{Pen, What};
use crate::order::Order;
use crate::runtime::generation;
use crate::sync::lock;
use crate::waiter::{Waiter, wake_all};
use crate::wake::Wake;

const STARTED: u8 = 1;
const ENDED: u8 = 2;

/// See the module. Python derives `Entry` from it, which adds all that waits.
#[pyclass(subclass, frozen, weakref, module = "codap._native")]
pub(crate) struct Slot {
    state: Mutex<State>,
    /// Only entries that native threads may end have one, from before they are seen by others.
    cell: OnceLock<Arc<Cell>>,
    flags: AtomicU8,
    put: Instant,
    generation: u32,
    /// Of entries in a container that keeps a record.
    pen: OnceLock<Box<Pen>>,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    /// How it ended, in the word of the documentation.
    ending: &'static str,
    seconds: f64,
    key: Option<Py<PyAny>>,
    /// The container, weakly: an entry does not keep it alive.
    owner: Option<Py<PyWeakrefReference>>,
    /// Whether the value is put in the container's storage here; else a waiter does it.
    stored: bool,
    waiters: Vec<Waiter>,
    orders: Vec<(Arc<Order>, u32)>,
    /// The entries that the work of this one waits for.
    waits_for: Vec<Py<Slot>>,
}

enum Outcome {
    Value(Py<PyAny>),
    /// The traceback is the one of the failure: every read raises with it and not with what
    /// earlier reads have added.
    Failed(Py<PyAny>, Option<Py<PyTraceback>>),
}

impl Slot {
    fn has(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    /// Whether it has ended, as far as Python knows or on a native thread.
    fn is_over(&self) -> bool {
        self.has(ENDED) || self.cell.get().is_some_and(|cell| cell.is_claimed())
    }

    /// Tells `order` of the end, or of having ended.
    pub(crate) fn arrives_in(&self, order: &Arc<Order>, index: u32) {
        if let Some(cell) = self.cell.get() {
            if !cell.subscribe(Subscriber::Order(order.clone(), index)) {
                order.arrive(index);
            }
            return;
        }
        let mut state = lock(&self.state);
        if state.outcome.is_none() {
            state.orders.push((order.clone(), index));
            return;
        }
        drop(state);
        order.arrive(index);
    }

    pub(crate) fn cell(&self) -> &Arc<Cell> {
        self.cell.get_or_init(|| Arc::new(Cell::new()))
    }

    /// Ends the entry; `None` if it has ended, else whom the caller must call, if anybody.
    fn end<'py>(
        slf: &Bound<'py, Self>,
        outcome: Outcome,
        ending: &'static str,
    ) -> PyResult<Option<Option<Bound<'py, PyList>>>> {
        let (py, this) = (slf.py(), slf.get());
        let value = match &outcome {
            Outcome::Value(value) => Some(value.clone_ref(py)),
            Outcome::Failed(..) => None,
        };
        let mut state = lock(&this.state);
        if state.outcome.is_some() {
            return Ok(None);
        }
        state.outcome = Some(outcome);
        state.ending = ending;
        let at = this.cell.get().and_then(|cell| cell.ended_at()).unwrap_or_else(Instant::now);
        state.seconds = at.saturating_duration_since(this.put).as_secs_f64();
        let waiters = std::mem::take(&mut state.waiters);
        let orders = std::mem::take(&mut state.orders);
        let owner = state.owner.take().filter(|_| state.stored);
        let key = state.key.as_ref().map(|key| key.clone_ref(py));
        this.flags.fetch_or(ENDED, Ordering::Release);
        drop(state);
        if let Some(pen) = this.pen.get() {
            pen.note(at, What::Ended(ending));
        }
        if let (Some(value), Some(key), Some(owner)) = (value, key, owner) {
            let owner = owner.bind(py).upgrade();
            replace(slf, owner, key.bind(py), value)?;
        }
        for (order, index) in orders {
            order.arrive(index);
        }
        Ok(Some(wake_all(py, waiters)?))
    }

    /// Ends the entry on behalf of Python code, which may have come too late.
    fn end_claimed<'py>(
        slf: &Bound<'py, Self>,
        outcome: Outcome,
        ending: &'static str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let mut claimed = None;
        if let Some(cell) = slf.get().cell.get() {
            match cell.claim() {
                Some(subscribers) => claimed = Some((cell.clone(), subscribers)),
                None => return Ok(false.into_pyobject(py)?.to_owned().into_any()),
            }
        }
        let calls = Self::end(slf, outcome, ending)?;
        if let Some((cell, subscribers)) = claimed {
            cell.tell(subscribers);
        }
        answer(py, calls)
    }

    /// Writes down with `pen` what happens to it from now on.
    pub(crate) fn write_with(&self, pen: Pen) {
        if let Some(cell) = self.cell.get() {
            cell.write_with(pen.clone());
        }
        let _ = self.pen.set(Box::new(pen));
    }

    fn note(&self, what: What) {
        if let Some(pen) = self.pen.get() {
            pen.note(Instant::now(), what);
        }
    }

    fn waits_for(&self, py: Python<'_>) -> Vec<Py<Self>> {
        lock(&self.state).waits_for.iter().map(|slot| slot.clone_ref(py)).collect()
    }
}

/// Puts the value where the entry lies, unless the key was put again. Keys are `str` or `int`
/// here, so that neither their hash nor their comparison is code of the user's.
fn replace(
    slf: &Bound<'_, Slot>,
    owner: Option<Bound<'_, PyAny>>,
    key: &Bound<'_, PyAny>,
    value: Py<PyAny>,
) -> PyResult<()> {
    let Some(owner) = owner else { return Ok(()) };
    let storage = owner.cast::<PyDict>()?;
    if storage.get_item(key)?.is_some_and(|it| it.is(slf)) {
        storage.set_item(key, value)?;
    }
    Ok(())
}

/// `False` for what came too late; else `None`, or a list of what to call.
fn answer<'py>(
    py: Python<'py>,
    calls: Option<Option<Bound<'py, PyList>>>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match calls {
        None => false.into_pyobject(py)?.to_owned().into_any(),
        Some(None) => py.None().into_bound(py),
        Some(Some(calls)) => calls.into_any(),
    })
}

#[pymethods]
impl Slot {
    #[new]
    #[pyo3(signature = (owner=None, key=None, timed=false, stored=true))]
    fn new(
        owner: Option<Py<PyWeakrefReference>>,
        key: Option<Py<PyAny>>,
        timed: bool,
        stored: bool,
    ) -> Self {
        let slot = Self {
            state: Mutex::new(State { owner, key, stored, ..State::default() }),
            cell: OnceLock::new(),
            flags: AtomicU8::new(0),
            put: Instant::now(),
            generation: generation(),
            pen: OnceLock::new(),
        };
        if timed {
            slot.cell();
        }
        slot
    }

    /// Notes that the work begins; `False` if the entry has ended, so that it need not.
    fn start(&self) -> bool {
        if self.is_over() {
            return false;
        }
        self.flags.fetch_or(STARTED, Ordering::AcqRel);
        self.note(What::Started);
        true
    }

    /// Ends the entry with a value: `False` if it has ended already, else `None` or a list of what
    /// the caller must call.
    #[pyo3(signature = (value, defaulted=false))]
    fn settle<'py>(
        slf: &Bound<'py, Self>,
        value: Py<PyAny>,
        defaulted: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ending = if defaulted { "defaulted" } else { "ok" };
        Self::end_claimed(slf, Outcome::Value(value), ending)
    }

    /// Ends the entry with an exception, which keeps the traceback that it is given here.
    fn fail<'py>(
        slf: &Bound<'py, Self>,
        error: Py<PyAny>,
        traceback: Option<Py<PyTraceback>>,
        ending: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::end_claimed(slf, Outcome::Failed(error, traceback), name(ending))
    }

    /// What a native thread ended the entry with, until somebody has made a value or an exception
    /// of it and called `take_over`. Several may: the first counts.
    fn left_behind<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let ended = self.cell.get().and_then(|cell| cell.left_behind());
        ended.map(|ended| left(py, ended)).transpose()
    }

    /// Writes what was made of `left_behind`; as `settle` and `fail`.
    #[pyo3(signature = (value, error, ending))]
    fn take_over<'py>(
        slf: &Bound<'py, Self>,
        value: Py<PyAny>,
        error: Option<Py<PyAny>>,
        ending: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let outcome = match error {
            Some(error) => Outcome::Failed(error, None),
            None => Outcome::Value(value),
        };
        let calls = Self::end(slf, outcome, name(ending))?;
        if let Some(cell) = slf.get().cell.get() {
            cell.taken_over();
        }
        answer(slf.py(), calls)
    }

    /// Whether it has ended.
    #[getter]
    fn over(&self) -> bool {
        self.is_over()
    }

    /// Whether it has ended and Python code has taken the outcome over.
    #[getter]
    fn settled(&self) -> bool {
        self.has(ENDED)
    }

    /// Whether native threads may end it: who waits then needs a `Wake`.
    #[getter]
    fn native(&self) -> bool {
        self.cell.get().is_some()
    }

    #[getter]
    fn started(&self) -> bool {
        self.has(STARTED) || self.cell.get().is_some_and(|cell| cell.has_started())
    }

    /// Whether its container keeps a record.
    #[getter]
    fn recorded(&self) -> bool {
        self.pen.get().is_some()
    }

    /// Writes down that its work begins an attempt, from 1.
    fn attempts(&self, number: u32) {
        self.note(What::Attempt(number));
    }

    /// Writes down that somebody has waited for it for so many seconds, an entry of this name or
    /// nobody that is one.
    #[pyo3(signature = (seconds, by))]
    fn waited(&self, seconds: f64, by: Option<String>) {
        self.note(What::Waited(by, Duration::try_from_secs_f64(seconds).unwrap_or_default()));
    }

    /// How many forks lie before the process that made it.
    #[getter]
    fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether it is pending and was put into this container.
    fn belongs_to(&self, owner: &Bound<'_, PyWeakrefReference>) -> bool {
        lock(&self.state).owner.as_ref().is_some_and(|it| it.is(owner))
    }

    #[getter]
    fn key(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        lock(&self.state).key.as_ref().map(|key| key.clone_ref(py))
    }

    #[setter]
    fn set_key(&self, key: Py<PyAny>) {
        let before = lock(&self.state).key.replace(key);
        drop(before);
    }

    /// How it ended; empty while it is pending.
    #[getter]
    fn ending(&self) -> &'static str {
        lock(&self.state).ending
    }

    /// From its put to its end or to now.
    #[getter]
    fn seconds(&self) -> f64 {
        let state = lock(&self.state);
        if state.outcome.is_some() { state.seconds } else { self.put.elapsed().as_secs_f64() }
    }

    /// The value, or the exception raised with the traceback of its failure.
    fn value(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let state = lock(&self.state);
        let (error, traceback) = match &state.outcome {
            Some(Outcome::Value(value)) => return Ok(value.clone_ref(py)),
            Some(Outcome::Failed(error, traceback)) => {
                (error.clone_ref(py), traceback.as_ref().map(|it| it.clone_ref(py)))
            }
            None => return Err(PyRuntimeError::new_err("the entry is pending")),
        };
        drop(state);
        let error = PyErr::from_value(error.into_bound(py));
        error.set_traceback(py, traceback.map(|it| it.into_bound(py)));
        Err(error)
    }

    /// The exception it ended with, if it did.
    fn error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &lock(&self.state).outcome {
            Some(Outcome::Failed(error, _)) => Some(error.clone_ref(py)),
            _ => None,
        }
    }

    /// Has `call` called once the entry has ended: where `wake` is, or anywhere without one.
    /// `False` if it has ended. Of an entry that is `native`, whoever waits gives a wake.
    #[pyo3(signature = (call, wake=None))]
    fn watch(slf: &Bound<'_, Self>, call: Py<PyAny>, wake: Option<Bound<'_, Wake>>) -> bool {
        let this = slf.get();
        let mut state = lock(&this.state);
        if state.outcome.is_some() {
            return false;
        }
        let keep = wake.as_ref().map(|wake| wake.clone().unbind());
        state.waiters.push(Waiter { call, wake: keep });
        drop(state);
        let (Some(cell), Some(wake)) = (this.cell.get(), wake) else { return true };
        let wake = wake.get();
        wake.watch(cell.token, slf.clone().into_any().unbind());
        let listens = cell.subscribe(Subscriber::Bell(wake.bell().clone()));
        if !listens {
            // A native thread was faster; the outcome is taken over by whoever looks.
            wake.unwatch(cell.token);
        }
        listens
    }

    /// Ends the wait of `call`, whether or not it was called.
    #[pyo3(signature = (call, wake=None))]
    fn unwatch(&self, call: &Bound<'_, PyAny>, wake: Option<Bound<'_, Wake>>) {
        let mut state = lock(&self.state);
        let at = state.waiters.iter().position(|waiter| waiter.call.is(call));
        let gone = at.map(|at| state.waiters.swap_remove(at));
        let shared = wake.as_ref().is_some_and(|wake| {
            state.waiters.iter().any(|it| it.wake.as_ref().is_some_and(|it| it.is(wake)))
        });
        drop(state);
        drop(gone);
        if let (Some(cell), Some(wake)) = (self.cell.get(), wake) {
            cell.unsubscribe(wake.get().bell());
            if !shared {
                wake.get().unwatch(cell.token);
            }
        }
    }

    /// The work of this entry begins to wait for `other`; `False` if that waits for this one,
    /// itself or by way of others, so that the wait would never end.
    fn begin_wait(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> bool {
        let py = slf.py();
        let mut seen = HashSet::new();
        let mut next = vec![other.clone().unbind()];
        while let Some(slot) = next.pop() {
            if slot.is(slf) {
                return false;
            }
            if seen.insert(slot.as_ptr()) && !slot.get().is_over() {
                next.extend(slot.get().waits_for(py));
            }
        }
        lock(&slf.get().state).waits_for.push(other.clone().unbind());
        true
    }

    /// The wait for `other` is over. The answer is whether it was the last one at this time.
    fn end_wait(&self, other: &Bound<'_, Self>) -> bool {
        let mut state = lock(&self.state);
        let at = state.waits_for.iter().position(|slot| slot.is(other));
        let gone = at.map(|at| state.waits_for.swap_remove(at));
        let last = state.waits_for.is_empty();
        drop(state);
        drop(gone);
        last
    }

    /// How many entries its work waits for.
    #[getter]
    fn waits(&self) -> usize {
        lock(&self.state).waits_for.len()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        match &state.outcome {
            Some(Outcome::Value(value)) => visit.call(value)?,
            Some(Outcome::Failed(error, traceback)) => {
                visit.call(error)?;
                visit.call(traceback)?;
            }
            None => {}
        }
        visit.call(&state.key)?;
        visit.call(&state.owner)?;
        for waiter in &state.waiters {
            visit.call(&waiter.call)?;
            visit.call(&waiter.wake)?;
        }
        for slot in &state.waits_for {
            visit.call(slot)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let mut state = lock(&self.state);
        let parts = (
            state.outcome.take(),
            state.key.take(),
            state.owner.take(),
            std::mem::take(&mut state.waiters),
            std::mem::take(&mut state.waits_for),
        );
        drop(state);
        drop(parts);
    }
}

/// The words for how an entry ended.
fn name(ending: &str) -> &'static str {
    const ENDINGS: [&str; 6] = ["ok", "failed", "timed out", "cancelled", "abandoned", "defaulted"];
    ENDINGS.into_iter().find(|it| *it == ending).unwrap_or("failed")
}
