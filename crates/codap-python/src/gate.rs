//! The limit of a container: permits, and the two lines for them.
//!
//! 1. Free permits plus holders are the limit. Entries that come back from a wait for another entry
//!    go before those that have not started, and these go in the order of their puts.
//! 2. What stands in line is a callable of Python's, or native work. Whoever gives a permit back
//!    passes it on to the next. Native work is told at once, by anybody.
//! 3. A callable is called by Python code: by who gives the permit back, or, if that is native work,
//!    by the keeper, a thread of Python's that is told through its `Wake`.
//! 4. While there is no keeper, native work that finds a callable next leaves its permit free, and
//!    `keep` passes on what is free. Python asks for one whenever both kinds have come together.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use tokio::sync::oneshot;

use crate::runtime::generation;
use crate::sync::lock;
use crate::wake::Wake;

/// See the module.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Gate {
    line: Arc<Line>,
}

/// What native work holds on to: it knows no Python object but to pass it on.
pub(crate) struct Line(Mutex<State>);

struct State {
    free: usize,
    returning: VecDeque<Py<PyAny>>,
    waiting: VecDeque<Next>,
    /// How many callables are among them.
    callables: usize,
    /// Whether native work has ever come.
    has_native: bool,
    /// Of which process, since a fork leaves the thread behind.
    keeper: Option<(u32, Py<Wake>)>,
}

enum Next {
    Call(Py<PyAny>),
    Native(oneshot::Sender<Permit>),
}

/// The permit of native work. Dropping it passes it on.
pub(crate) struct Permit(Option<Arc<Line>>);

/// Native work's place in the line.
pub(crate) enum Place {
    Permitted(Permit),
    Waiting(oneshot::Receiver<Permit>),
}

impl Place {
    /// Waits for the permit; dropping the future gives the place up.
    pub(crate) async fn permit(self) -> Option<Permit> {
        match self {
            Self::Permitted(permit) => Some(permit),
            // None if the container is gone, and all that had its permits.
            Self::Waiting(told) => told.await.ok(),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(line) = self.0.take() {
            line.give_back(true);
        }
    }
}

impl Line {
    /// Passes a permit on. A callable that has it now is the answer, for the caller to call; of native
    /// work the keeper calls it.
    fn give_back(self: &Arc<Self>, is_native: bool) -> Option<Py<PyAny>> {
        loop {
            let mut state = lock(&self.0);
            if is_native && state.next_is_call() && state.keeper().is_none() {
                state.free += 1;
                return None;
            }
            match state.next() {
                None => {
                    state.free += 1;
                    return None;
                }
                Some(Next::Call(call)) => match state.keeper() {
                    Some(keeper) if is_native => {
                        keeper.get().post(call);
                        return None;
                    }
                    _ => return Some(call),
                },
                Some(Next::Native(place)) => {
                    drop(state);
                    if self.tell(place) {
                        return None;
                    }
                }
            }
        }
    }

    /// Gives native work its permit, unless it has given its place up.
    fn tell(self: &Arc<Self>, place: oneshot::Sender<Permit>) -> bool {
        match place.send(Permit(Some(self.clone()))) {
            Ok(()) => true,
            Err(mut permit) => {
                permit.0 = None;
                false
            }
        }
    }
}

impl State {
    fn next_is_call(&self) -> bool {
        !self.returning.is_empty() || matches!(self.waiting.front(), Some(Next::Call(_)))
    }

    fn next(&mut self) -> Option<Next> {
        let next = self.returning.pop_front().map(Next::Call).or_else(|| self.waiting.pop_front());
        if matches!(next, Some(Next::Call(_))) {
            self.callables -= 1;
        }
        next
    }

    fn keeper(&self) -> Option<&Py<Wake>> {
        self.keeper.as_ref().filter(|(of, _)| *of == generation()).map(|(_, keeper)| keeper)
    }
}

impl Gate {
    /// A place for native work.
    pub(crate) fn place(&self) -> Place {
        let mut state = lock(&self.line.0);
        state.has_native = true;
        if state.free > 0 {
            state.free -= 1;
            return Place::Permitted(Permit(Some(self.line.clone())));
        }
        let (tell, told) = oneshot::channel();
        state.waiting.push_back(Next::Native(tell));
        Place::Waiting(told)
    }
}

#[pymethods]
impl Gate {
    #[new]
    fn new(limit: usize) -> Self {
        let state = State {
            free: limit,
            returning: VecDeque::new(),
            waiting: VecDeque::new(),
            callables: 0,
            has_native: false,
            keeper: None,
        };
        Self { line: Arc::new(Line(Mutex::new(state))) }
    }

    /// Whether `launch` may start now; else it stands in line.
    fn enter(&self, launch: Py<PyAny>) -> bool {
        let mut state = lock(&self.line.0);
        if state.free > 0 {
            state.free -= 1;
            return true;
        }
        state.callables += 1;
        state.waiting.push_back(Next::Call(launch));
        false
    }

    /// Whether the entry may go on now; else `tell` stands in line.
    fn come_back(&self, tell: Py<PyAny>) -> bool {
        let mut state = lock(&self.line.0);
        if state.free > 0 {
            state.free -= 1;
            return true;
        }
        state.callables += 1;
        state.returning.push_back(tell);
        false
    }

    /// Gives a permit back. The answer has it now, and is to be called.
    fn leave(&self) -> Option<Py<PyAny>> {
        self.line.give_back(false)
    }

    /// Whether a callable may come to have its permit of native work, and there is no keeper.
    #[getter]
    fn needs_keeper(&self) -> bool {
        let state = lock(&self.line.0);
        state.has_native && state.callables > 0 && state.keeper().is_none()
    }

    /// Has the thread that listens to `keeper` call what native work gives permits to.
    fn keep(&self, py: Python<'_>, keeper: Py<Wake>) {
        let mut state = lock(&self.line.0);
        let before = state.keeper.replace((generation(), keeper.clone_ref(py)));
        // What was left free for want of a keeper.
        let mut left = 0;
        while state.free > 0 && state.callables > 0 {
            state.free -= 1;
            left += 1;
        }
        drop(state);
        drop(before);
        for _ in 0..left {
            self.line.give_back(true);
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(state) = self.line.0.try_lock() else { return Ok(()) };
        for call in &state.returning {
            visit.call(call)?;
        }
        for next in &state.waiting {
            if let Next::Call(call) = next {
                visit.call(call)?;
            }
        }
        match &state.keeper {
            Some((_, keeper)) => visit.call(keeper),
            None => Ok(()),
        }
    }

    fn __clear__(&self) {
        let mut state = lock(&self.line.0);
        let returning = std::mem::take(&mut state.returning);
        let waiting = std::mem::take(&mut state.waiting);
        // Native work stays in line: others of its kind may have permits, and pass them on.
        let (native, calls) = waiting.into_iter().partition(|it| matches!(it, Next::Native(_)));
        state.waiting = native;
        state.callables = 0;
        drop(state);
        let calls: VecDeque<Next> = calls;
        drop((returning, calls));
    }
}
