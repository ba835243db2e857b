//! The threads that compress: one line of jobs, first come first served.
//!
//! Rules:
//! 1. A thread that waits is called when a job comes, unless one is on its way already: that one, when
//!    it takes a job and leaves others in line, calls the next. To call costs a system call, and small
//!    jobs come many at a time.
//! 2. A thread hands over what it has finished before it waits.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::codec::Codecs;
use crate::error::Error;
use crate::outbox::Outbox;
use crate::sealed::Order;

/// A job never waits for another one, nor for memory.
pub(crate) type Job = Box<dyn FnOnce(&mut Codecs, &mut Outbox) + Send>;

#[derive(Debug, Clone)]
pub(crate) struct Workers(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    line: VecDeque<Job>,
    /// Threads that wait for a job and have not been called.
    idle: usize,
    /// Threads that have been called and have not come yet.
    called: usize,
    closed: bool,
}

impl State {
    /// Whether the caller must notify one.
    fn calls(&mut self) -> bool {
        let calls = self.idle > 0 && self.called == 0 && !self.line.is_empty();
        if calls {
            self.idle -= 1;
            self.called += 1;
        }
        calls
    }

    /// One has come, called or not: whoever it is takes the call of another upon itself.
    fn come(&mut self) {
        let waited = if self.called > 0 { &mut self.called } else { &mut self.idle };
        *waited -= 1;
    }
}

impl Workers {
    /// Starts `count` threads, which end when the workers are closed; what they finish is handed over
    /// to `orders`.
    pub(crate) fn start(count: usize, orders: &Sender<Order>) -> Result<Self, Error> {
        let workers = Self(Arc::default());
        for number in 0..count {
            let (queue, outbox) = (workers.0.clone(), Outbox::new(orders.clone()));
            let thread = thread::Builder::new().name(format!("codap-compress-{number}"));
            thread.spawn(move || queue.work(outbox)).map_err(|e| {
                workers.close();
                Error::disk("cannot start a thread that compresses", e)
            })?;
        }
        Ok(workers)
    }

    /// Puts a job in line. Once closed it is dropped, and with it whatever its end would be told by.
    pub(crate) fn submit(&self, job: Job) {
        let mut state = self.0.lock();
        if !state.closed {
            state.line.push_back(job);
            let calls = state.calls();
            drop(state);
            if calls {
                self.0.more.notify_one();
            }
        }
    }

    /// How many jobs wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().line.len()
    }

    /// Drops what waits, and ends each thread after the job it is at.
    pub(crate) fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let line = std::mem::take(&mut state.line);
        drop(state);
        drop(line);
        self.0.more.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, mut outbox: Outbox) {
        let mut codecs = Codecs::default();
        while let Some(job) = self.next(&mut outbox) {
            // Who waits for a job that panicked sees it gone. Its compressors may be in any state.
            if catch_unwind(AssertUnwindSafe(|| job(&mut codecs, &mut outbox))).is_err() {
                codecs = Codecs::default();
            }
            if outbox.is_due() {
                outbox.hand_over();
            }
        }
    }

    fn next(&self, outbox: &mut Outbox) -> Option<Job> {
        let mut state = self.lock();
        if state.line.is_empty() || state.closed {
            drop(state);
            outbox.hand_over();
            state = self.lock();
        }
        loop {
            if state.closed {
                return None;
            }
            if let Some(job) = state.line.pop_front() {
                let calls = state.calls();
                drop(state);
                if calls {
                    self.more.notify_one();
                }
                return Some(job);
            }
            state.idle += 1;
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.come();
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.lock().line.len()).finish()
    }
}
