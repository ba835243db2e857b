//! Who waits for endings. Pure state; the board locks it.
//!
//! Who is called has no place any more, and comes again to wait on.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::task::Waker;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// This many entries have ended.
    Ended(u32),
    /// The work of this many entries has left.
    Gone(u32),
}

impl Mark {
    /// This mark and those of its kind that are reached before it.
    pub(crate) fn and_before(self) -> RangeInclusive<Place> {
        let first = match self {
            Self::Ended(_) => Self::Ended(0),
            Self::Gone(_) => Self::Gone(0),
        };
        (first, 0)..=(self, u32::MAX)
    }
}

/// A waiter's mark, and a number of its own.
pub(crate) type Place = (Mark, u32);

/// Wakers by their places.
#[derive(Debug)]
pub(crate) struct Waiters<P> {
    /// Mostly one task waits; it costs no allocation.
    one: Option<(P, Waker)>,
    more: BTreeMap<P, Waker>,
}

impl<P> Default for Waiters<P> {
    fn default() -> Self {
        Self { one: None, more: BTreeMap::new() }
    }
}

impl<P: Ord + Copy> Waiters<P> {
    pub(crate) fn is_empty(&self) -> bool {
        self.one.is_none() && self.more.is_empty()
    }

    /// Gives a place to a waker; the answer is the one that had it.
    pub(crate) fn insert(&mut self, place: P, waker: Waker) -> Option<Waker> {
        match &mut self.one {
            Some((its, old)) if *its == place => Some(std::mem::replace(old, waker)),
            None if self.more.is_empty() => {
                self.one = Some((place, waker));
                None
            }
            _ => self.more.insert(place, waker),
        }
    }

    pub(crate) fn remove(&mut self, place: P) -> Option<Waker> {
        match self.one.take_if(|(its, _)| *its == place) {
            Some((_, waker)) => Some(waker),
            None => self.more.remove(&place),
        }
    }

    /// Takes out one of those in `places`.
    pub(crate) fn call(&mut self, places: RangeInclusive<P>) -> Option<Waker> {
        if let Some((_, waker)) = self.one.take_if(|(its, _)| places.contains(its)) {
            return Some(waker);
        }
        let (&place, _) = self.more.range(places).next()?;
        self.more.remove(&place)
    }
}
