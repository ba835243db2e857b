//! Who may run: permits, and two queues for them. Pure state; the board locks it.
//!
//! Rules:
//! 1. A permit is free, or held by one entry. `free` plus the holders is the limit, always.
//! 2. An entry that came back from waiting goes before all that have not started.
//! 3. Those that have not started go in the order in which they were put.

use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Limiter<T> {
    free: usize,
    back: VecDeque<T>,
    fresh: VecDeque<T>,
}

impl<T> Limiter<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { free: limit, back: VecDeque::new(), fresh: VecDeque::new() }
    }

    /// Takes a permit, if one is free and nobody is before the caller.
    pub(crate) fn try_start(&mut self) -> bool {
        let granted = self.free > 0 && self.back.is_empty() && self.fresh.is_empty();
        self.free -= usize::from(granted);
        granted
    }

    /// Takes a permit for an entry that had one before, ahead of all that had none.
    pub(crate) fn try_resume(&mut self) -> bool {
        let granted = self.free > 0 && self.back.is_empty();
        self.free -= usize::from(granted);
        granted
    }

    pub(crate) fn queue_start(&mut self, claim: T) {
        self.fresh.push_back(claim);
    }

    pub(crate) fn queue_resume(&mut self, claim: T) {
        self.back.push_back(claim);
    }

    pub(crate) fn release(&mut self) {
        self.free += 1;
    }

    /// The next in line, if a permit is free for it. The caller answers with [`Self::take`], or
    /// with nothing if the claim has lapsed.
    pub(crate) fn next(&mut self) -> Option<T> {
        if self.free == 0 {
            return None;
        }
        self.back.pop_front().or_else(|| self.fresh.pop_front())
    }

    pub(crate) fn take(&mut self) {
        self.free -= 1;
    }

    /// Takes out some that came back.
    pub(crate) fn take_back(&mut self, chosen: impl FnMut(&T) -> bool) -> VecDeque<T> {
        let (taken, kept) = std::mem::take(&mut self.back).into_iter().partition(chosen);
        self.back = kept;
        taken
    }

    /// Takes out what has not started and never will.
    pub(crate) fn take_fresh(&mut self, lapsed: impl FnMut(&T) -> bool) -> VecDeque<T> {
        let (taken, kept) = std::mem::take(&mut self.fresh).into_iter().partition(lapsed);
        self.fresh = kept;
        taken
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.free
    }
}
