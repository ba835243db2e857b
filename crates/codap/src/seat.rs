//! The place in line for a permit of somebody who goes on in an entry's name and is not its task.

use std::sync::Arc;
use std::task::Waker;

use crate::contain::wake;
use crate::sync::{AtomicU32, Mutex, Ordering, lock};

/// Of a subtask, or a thread. Unlike a task it can be gone before the entry is.
#[derive(Debug)]
pub(crate) struct Seat {
    state: AtomicU32,
    waker: Mutex<Option<Waker>>,
}

const IN_LINE: u32 = 0;
const GRANTED: u32 = 1;
const LEFT: u32 = 2;

impl Seat {
    pub(crate) fn new(waker: Waker) -> Arc<Self> {
        Arc::new(Self { state: AtomicU32::new(IN_LINE), waker: Mutex::new(Some(waker)) })
    }

    /// Whether the permit was given out. If not, `waker` is woken when it is.
    pub(crate) fn is_granted(&self, waker: &Waker) -> bool {
        // Stored before the look: who grants takes the waker afterwards.
        let fresh = waker.clone();
        let old = lock(&self.waker).replace(fresh);
        drop(old);
        self.state.load(Ordering::Acquire) == GRANTED
    }

    /// Nobody sits here any more; whether a permit was given out and nobody has come for it.
    pub(crate) fn leave(&self) -> bool {
        self.state.swap(LEFT, Ordering::AcqRel) == GRANTED
    }

    /// Gives the permit out; `false` if nobody is there to take it.
    pub(crate) fn grant(&self) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        self.state.compare_exchange(IN_LINE, GRANTED, success, failure).is_ok()
    }

    pub(crate) fn wake(&self) {
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            wake(waker);
        }
    }
}
