//! Numbers of entries in the order of their arrival, each handed out once. Native threads write here
//! too, so it knows no Python object.

use std::sync::{Arc, Mutex};

use crate::bell::Bell;
use crate::sync::lock;

/// See the module.
#[derive(Default)]
pub(crate) struct Order {
    state: Mutex<Arrived>,
}

#[derive(Default)]
pub(crate) struct Arrived {
    pub(crate) order: Vec<u32>,
    pub(crate) taken: usize,
    /// Counts everything that somebody may wait for.
    pub(crate) version: u64,
    /// All who wait are woken by any change, and look for themselves.
    pub(crate) listeners: Vec<(Arc<Bell>, u64)>,
}

impl Order {
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut Arrived) -> R) -> R {
        look(&mut lock(&self.state))
    }

    pub(crate) fn arrive(&self, index: u32) {
        self.change(|state| state.order.push(index));
    }

    /// Changes what somebody may wait for.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Arrived) -> R) -> R {
        let mut state = lock(&self.state);
        let answer = change(&mut state);
        state.version += 1;
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        for (bell, token) in listeners {
            bell.ring(token);
        }
        answer
    }
}
