//! The container's deadline: one alarm for all its entries.
//!
//! Every entry has the same time from its put, so that they expire in the order of the puts, and
//! one sleep until the next of them is enough.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use crate::contain::quietly;
use crate::entry::CLAIMED;
use crate::error::Kind;
use crate::reply::Replies;
use crate::runtime::Nap;
use crate::sync::{Mutex, MutexGuard, lock};

/// See the module.
pub(crate) struct Deadline<V> {
    after: Duration,
    group: Weak<dyn Replies<V>>,
    alarm: Mutex<Alarm<V>>,
}

struct Alarm<V> {
    /// The entries before it have ended or are about to.
    next: u32,
    /// Somebody waits, or is about to, until the next entry expires.
    armed: bool,
    sleep: Option<Nap>,
    /// Counts the sweeps: the sleep of one that another has overtaken is not kept.
    turn: u64,
    /// Keeps a detached container until its last entry has ended.
    keep: Option<Arc<dyn Replies<V>>>,
}

impl<V: Send + Sync + 'static> Deadline<V> {
    fn new(after: Duration, group: Weak<dyn Replies<V>>) -> Arc<Self> {
        let alarm = Mutex::new(Alarm { next: 0, armed: false, sleep: None, turn: 0, keep: None });
        Arc::new(Self { after, group, alarm })
    }

    fn alarm(&self) -> MutexGuard<'_, Alarm<V>> {
        lock(&self.alarm)
    }

    /// An entry was put.
    pub(crate) fn arm(self: &Arc<Self>) {
        let armed = self.alarm().armed;
        if !armed {
            self.sweep();
        }
    }

    /// The container is left to itself.
    pub(crate) fn keep(&self) {
        let group = self.group.upgrade();
        let mut alarm = self.alarm();
        if alarm.armed {
            alarm.keep = group;
        }
    }

    /// Ends every entry whose time is over, and sets the alarm for the next.
    fn sweep(self: &Arc<Self>) {
        let Some(group) = self.group.upgrade() else { return };
        loop {
            let mut late = Vec::new();
            let mut alarm = self.alarm();
            let next = self.scan(&mut alarm.next, &*group, &mut late);
            alarm.armed = next.is_some();
            alarm.turn += 1;
            let turn = alarm.turn;
            let past = (alarm.sleep.take(), next.is_none().then(|| alarm.keep.take()));
            drop(alarm);
            drop(past);
            for index in late {
                group.interrupt(index, Kind::TimedOut);
            }
            let Some(at) = next else { return };
            // Polled without the lock: a runtime of the user's may wake us at once.
            let mut sleep = group.board().home().sleep_until(at);
            let waker = Waker::from(self.clone());
            if Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending() {
                let mut alarm = self.alarm();
                let overtaken = alarm.turn != turn;
                let past = if overtaken { Some(sleep) } else { alarm.sleep.replace(sleep) };
                drop(alarm);
                drop(past);
                return;
            }
        }
    }

    /// Moves on to the next entry that is pending, and tells when it expires.
    fn scan(&self, next: &mut u32, group: &dyn Replies<V>, late: &mut Vec<u32>) -> Option<Instant> {
        let board = group.board();
        let now = board.clock();
        while *next < board.len() {
            let (cells, at) = group.cell(*next);
            let status = cells.status(at);
            if !status.has(CLAIMED) {
                let expires = status.stamped().unwrap_or(now).saturating_add(self.after);
                if expires > now {
                    return board.epoch().checked_add(expires);
                }
                late.push(*next);
            }
            *next += 1;
        }
        None
    }
}

/// A container's hold on its deadline. The alarm goes with it: an alarm holds its own waker, and
/// would otherwise stay until it rings, which may be hours after the container has gone.
pub(crate) struct Hold<V>(Arc<Deadline<V>>);

impl<V: Send + Sync + 'static> Hold<V> {
    pub(crate) fn new(after: Duration, group: Weak<dyn Replies<V>>) -> Self {
        Self(Deadline::new(after, group))
    }
}

impl<V> Deref for Hold<V> {
    type Target = Arc<Deadline<V>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V> Drop for Hold<V> {
    fn drop(&mut self) {
        let past = lock(&self.0.alarm).sleep.take();
        quietly(past);
    }
}

impl<V: Send + Sync + 'static> Wake for Deadline<V> {
    fn wake(self: Arc<Self>) {
        self.sweep();
    }
}
