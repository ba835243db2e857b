//! Who waits for a number of entries instead of a certain one. Pure state; the board locks it.
//!
//! Rules:
//! 1. Who is called has no place any more, and joins again to wait on.
//! 2. An entry of the container itself that waits in here is an insider, once however often it
//!    waits, until it is called or ended from outside. When only insiders are left none of them
//!    will end, and they are called without their mark being reached.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
pub(crate) struct Crowd {
    /// By place, and the entry that an insider waits in.
    waiting: BTreeMap<Place, (Waker, Option<u32>)>,
    /// How often each insider waits.
    insiders: BTreeMap<u32, u32>,
}

impl Crowd {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many insiders there are.
    pub(crate) fn insiders(&self) -> u32 {
        u32::try_from(self.insiders.len()).expect("entries are counted in 32 bits")
    }

    pub(crate) fn insert(&mut self, place: Place, waker: Waker, insider: Option<u32>) {
        self.waiting.insert(place, (waker, insider));
        if let Some(entry) = insider {
            *self.insiders.entry(entry).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, place: Place) -> Option<Waker> {
        let (waker, insider) = self.waiting.remove(&place)?;
        if let Some(entry) = insider
            && let Entry::Occupied(mut waits) = self.insiders.entry(entry)
        {
            *waits.get_mut() -= 1;
            if *waits.get() == 0 {
                waits.remove();
            }
        }
        Some(waker)
    }

    /// Takes out one that waits for `mark` or an earlier one of its kind.
    pub(crate) fn call(&mut self, mark: Mark) -> Option<Waker> {
        let first = match mark {
            Mark::Ended(_) => Mark::Ended(0),
            Mark::Gone(_) => Mark::Gone(0),
        };
        let (&place, _) = self.waiting.range((first, 0)..=(mark, u32::MAX)).next()?;
        self.remove(place)
    }

    /// The entry is no insider any more, if it was one.
    pub(crate) fn has_ended(&mut self, entry: u32) {
        self.insiders.remove(&entry);
    }
}
