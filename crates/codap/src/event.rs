//! What happened in a container: the records that a timeline is drawn from.

use std::time::Duration;

use crate::error::Ending;

/// One thing that happened to one entry, recorded if the container was built with
/// [`record`](crate::Builder::record).
///
/// Times are counted from the first put, so that the events of one container stand on one axis;
/// [`recorded_since`](crate::Owner::recorded_since) places that axis.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The entry: the how-manieth put or push of its container, from 0.
    pub entry: usize,
    /// When, since the first put.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What can happen to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// It was put.
    Queued,
    /// Its work began: it had a permit and a thread.
    Started,
    /// A [`fetch`](crate::fetch()) in it began its n-th attempt, from 1.
    Attempt(u32),
    /// It ended.
    Ended(Ending),
    /// Somebody began to wait for it at `from`, and stopped (it had ended, or they gave up) at
    /// the event's time.
    ///
    /// Who waits for the next arrival (`next`, `first` and their like) waited for the one that
    /// came; if they gave up before, for none, and nothing is recorded. Who waits for everything
    /// (`join`, `finish_by`) waited for the one that came last; if they gave up, or the time was up,
    /// for each that was pending then, which makes an event of each.
    Waited {
        /// Who.
        by: Waiter,
        /// Since when, counted as the event's time is.
        from: Duration,
    },
}

/// Who waited for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiter {
    /// Code that runs in no entry: a request handler, a test, `main`.
    Outside,
    /// The work of an entry.
    Entry {
        /// Which container: [`Owner::id`](crate::Owner::id).
        container: u64,
        /// Which of its entries.
        entry: usize,
        /// The entry's key or position, as errors name it.
        name: String,
    },
}
