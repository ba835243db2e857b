//! The counters and the log of requests, under one lock.
//!
//! 1. What a peer can notice (a byte, a close) is counted before it can: writes happen under the
//!    lock, together with their count, and never block.
//! 2. A request ends in the same hold of the lock in which its last byte is written, so a peer that
//!    keeps to a number of requests at a time is never seen above it.
//! 3. Conditions that are waited for are looked at after every change, in the same hold of the lock:
//!    no state is missed, however short it is.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::{counters::Counters, request::Request};

/// Places of [`Counters::by_nth`].
const NTHS: usize = 32;

pub(crate) struct Ledger {
    state: Mutex<State>,
    released: Notify,
    kept: usize,
}

pub(crate) struct State {
    pub(crate) counters: Counters,
    pub(crate) log: VecDeque<Request>,
    /// The target of the request before the latest.
    last_target: String,
    waiting: Vec<Waiting>,
}

struct Waiting {
    condition: Box<dyn Fn(&Counters) -> bool + Send>,
    /// Taken once it is told.
    tell: Option<oneshot::Sender<Counters>>,
}

impl Waiting {
    /// Whether there is nothing more to wait for: it holds, or its waiter has gone.
    fn look(&mut self, counters: &Counters) -> bool {
        if self.tell.as_ref().is_none_or(oneshot::Sender::is_closed) {
            return true;
        }
        // A test's own code: its panic is the waiter's, who finds its sender dropped.
        match catch_unwind(AssertUnwindSafe(|| (self.condition)(counters))) {
            Ok(false) => return false,
            Ok(true) => {
                if let Some(tell) = self.tell.take() {
                    // A waiter that has gone wants to know nothing.
                    drop(tell.send(counters.clone()));
                }
            }
            Err(_) => {}
        }
        true
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Complete,
    Cut,
    Abandoned,
}

impl State {
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.counters.concurrent -= 1;
        match outcome {
            Outcome::Complete => self.counters.complete += 1,
            Outcome::Cut => self.counters.cut += 1,
            Outcome::Abandoned => self.counters.abandoned += 1,
        }
    }
}

impl Ledger {
    pub(crate) fn new(kept: usize, rules: usize) -> Self {
        let counters = Counters { by_rule: vec![0; rules], ..Counters::default() };
        let state = State {
            counters,
            log: VecDeque::new(),
            last_target: String::new(),
            waiting: Vec::new(),
        };
        Self { state: Mutex::new(state), released: Notify::new(), kept }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let value = change(&mut state);
        let State { counters, waiting, .. } = &mut *state;
        waiting.retain_mut(|w| !w.look(counters));
        value
    }

    /// Yields the counters as they are when `condition` holds: now, or after the change that makes
    /// it so. It fails if the condition panics.
    pub(crate) fn watch(
        &self,
        condition: impl Fn(&Counters) -> bool + Send + 'static,
    ) -> oneshot::Receiver<Counters> {
        let (tell, told) = oneshot::channel();
        let waiting = Waiting { condition: Box::new(condition), tell: Some(tell) };
        self.change(|state| state.waiting.push(waiting));
        told
    }

    pub(crate) fn released(&self) -> &Notify {
        &self.released
    }

    /// Gives `request` its numbers, lets `choose` find its rule, and counts it as being answered
    /// until it ends. Returns the target of the request before it.
    pub(crate) fn begin(
        &self,
        request: &mut Request,
        choose: impl FnOnce(&Request) -> Option<usize>,
    ) -> String {
        self.change(|state| {
            let counters = &mut state.counters;
            counters.requests += 1;
            counters.concurrent += 1;
            counters.concurrent_max = counters.concurrent_max.max(counters.concurrent);
            counters.reused += u64::from(request.on_connection > 1);
            request.number = counters.requests;
            request.nth = match counters.by_target.get_mut(&request.target) {
                Some(count) => {
                    *count += 1;
                    *count
                }
                None => {
                    counters.by_target.insert(request.target.clone(), 1);
                    1
                }
            };
            let place = usize::try_from(request.nth).unwrap_or(NTHS).min(NTHS);
            if counters.by_nth.len() < place {
                counters.by_nth.resize(place, 0);
            }
            counters.by_nth[place - 1] += 1;
            request.rule = choose(request);
            match request.rule {
                Some(rule) => counters.by_rule[rule] += 1,
                None => counters.unmatched += 1,
            }
            if self.kept > 0 {
                if state.log.len() >= self.kept {
                    state.log.pop_front();
                }
                state.log.push_back(request.clone());
            }
            let mut target = request.target.clone();
            std::mem::swap(&mut target, &mut state.last_target);
            target
        })
    }

    pub(crate) fn connected(&self) -> u64 {
        self.change(|state| {
            let counters = &mut state.counters;
            counters.connections += 1;
            counters.open += 1;
            counters.open_max = counters.open_max.max(counters.open);
            counters.connections
        })
    }
}

/// Something that is true of now, and counted while it is.
pub(crate) struct Now<'a> {
    ledger: &'a Ledger,
    end: fn(&mut State),
}

impl<'a> Now<'a> {
    /// A connection that [`Ledger::connected`] has counted.
    pub(crate) fn open(ledger: &'a Ledger) -> Self {
        Self { ledger, end: |state| state.counters.open -= 1 }
    }

    pub(crate) fn stalled(ledger: &'a Ledger) -> Self {
        ledger.change(|state| state.counters.stalled += 1);
        Self { ledger, end: |state| state.counters.stalled -= 1 }
    }
}

impl Drop for Now<'_> {
    fn drop(&mut self) {
        self.ledger.change(self.end);
    }
}
