//! Who waits for a number of entries instead of a certain one. Pure state; the board locks it.
//!
//! Who is called has no place any more, and joins again to wait on.

use std::collections::BTreeMap;
use std::task::Waker;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// This many entries have ended.
    Ended(u32),
    /// The work of this many entries has left.
    Gone(u32),
}

/// A waiter's mark, and a number of its own.
pub(crate) type Place = (Mark, u32);

#[derive(Debug, Default)]
pub(crate) struct Crowd(BTreeMap<Place, Waker>);

impl Crowd {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert(&mut self, place: Place, waker: Waker) {
        self.0.insert(place, waker);
    }

    pub(crate) fn remove(&mut self, place: Place) -> Option<Waker> {
        self.0.remove(&place)
    }

    /// Takes out one that waits for `mark` or an earlier one of its kind.
    pub(crate) fn call(&mut self, mark: Mark) -> Option<Waker> {
        let first = match mark {
            Mark::Ended(_) => Mark::Ended(0),
            Mark::Gone(_) => Mark::Gone(0),
        };
        let (&place, _) = self.0.range((first, 0)..=(mark, u32::MAX)).next()?;
        self.0.remove(&place)
    }
}
