//! The threads that compress: one line of jobs, first come first served.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::codec::Codecs;
use crate::error::Error;

/// A job never waits for another one, nor for memory.
pub(crate) type Job = Box<dyn FnOnce(&mut Codecs) + Send>;

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
    /// Threads that wait for a job.
    idle: usize,
    closed: bool,
}

impl Workers {
    /// Starts `count` threads, which end when the workers are closed.
    pub(crate) fn start(count: usize) -> Result<Self, Error> {
        let workers = Self(Arc::default());
        for number in 0..count {
            let queue = workers.0.clone();
            let thread = thread::Builder::new().name(format!("codap-compress-{number}"));
            thread.spawn(move || queue.work()).map_err(|e| {
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
            let is_awaited = state.idle > 0;
            drop(state);
            // To notify costs a system call, whether somebody waits or not.
            if is_awaited {
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

    fn work(&self) {
        let mut codecs = Codecs::default();
        while let Some(job) = self.next() {
            // Who waits for a job that panicked sees it gone. Its compressors may be in any state.
            if catch_unwind(AssertUnwindSafe(|| job(&mut codecs))).is_err() {
                codecs = Codecs::default();
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            match state.line.pop_front() {
                Some(job) => return Some(job),
                None => {
                    state.idle += 1;
                    state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.idle -= 1;
                }
            }
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.lock().line.len()).finish()
    }
}
