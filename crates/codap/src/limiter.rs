//! Who may run: permits, and two queues for them. Pure state; the board locks it.
//!
//! Rules:
//! 1. A permit is free, or held by one entry. `free` plus the holders is the limit, always.
//! 2. An entry that came back from waiting goes before all that have not started.
//! 3. Those that have not started go in the order in which they were put.

use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub(crate) struct Limiter<T> {
    free: usize,
    back: VecDeque<T>,
    /// By the position of the entry, which is the order of the puts.
    fresh: BTreeMap<u32, T>,
}

impl<T> Limiter<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { free: limit, back: VecDeque::new(), fresh: BTreeMap::new() }
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

    pub(crate) fn queue_start(&mut self, position: u32, claim: T) {
        self.fresh.insert(position, claim);
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
        let fresh = || self.fresh.pop_first().map(|(_, claim)| claim);
        self.back.pop_front().or_else(fresh)
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

    /// Takes out one that has not started.
    pub(crate) fn withdraw(&mut self, position: u32, chosen: impl FnOnce(&T) -> bool) -> Option<T> {
        self.fresh.get(&position).is_some_and(chosen).then(|| self.fresh.remove(&position))?
    }

    /// Takes out what has not started and never will.
    pub(crate) fn take_fresh(&mut self, mut lapsed: impl FnMut(&T) -> bool) -> BTreeMap<u32, T> {
        let all = std::mem::take(&mut self.fresh).into_iter();
        let (taken, kept) = all.partition(|(_, claim)| lapsed(claim));
        self.fresh = kept;
        taken
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaks::Watch;

    #[test]
    fn free_permits_go_to_who_asks_until_none_is_left() {
        let _watch = Watch::new();
        let mut limiter = Limiter::<u32>::new(2);
        assert!(limiter.try_start());
        assert!(limiter.try_resume());
        assert!(!limiter.try_start());
        assert!(!limiter.try_resume());
        assert_eq!(limiter.free(), 0);
        assert_eq!(limiter.next(), None);
    }

    #[test]
    fn who_comes_back_goes_first_and_each_line_keeps_its_order() {
        let _watch = Watch::new();
        let mut limiter = Limiter::new(1);
        assert!(limiter.try_start());
        limiter.queue_start(2, "third");
        limiter.queue_resume("first");
        limiter.queue_start(3, "fourth");
        limiter.queue_resume("second");
        limiter.release();
        let mut order = Vec::new();
        while let Some(claim) = limiter.next() {
            limiter.take();
            order.push(claim);
            limiter.release();
        }
        assert_eq!(order, ["first", "second", "third", "fourth"]);
        assert_eq!(limiter.free(), 1);
    }

    #[test]
    fn a_free_permit_is_for_the_line_and_not_for_who_comes_by() {
        let _watch = Watch::new();
        let mut limiter = Limiter::new(1);
        assert!(limiter.try_start());
        limiter.queue_start(0, "fresh");
        limiter.release();
        assert!(!limiter.try_start());
        assert!(limiter.try_resume(), "who comes back goes before those that are fresh");
        limiter.queue_resume("back");
        limiter.release();
        assert!(!limiter.try_resume());
        assert_eq!(limiter.next(), Some("back"));
    }

    #[test]
    fn a_claim_that_has_lapsed_leaves_the_permit_to_the_next() {
        let _watch = Watch::new();
        let mut limiter = Limiter::new(1);
        assert!(limiter.try_start());
        limiter.queue_start(0, "lapsed");
        limiter.queue_start(1, "next");
        limiter.release();
        assert_eq!(limiter.next(), Some("lapsed"));
        assert_eq!(limiter.next(), Some("next"));
        limiter.take();
        assert_eq!(limiter.next(), None);
    }

    #[test]
    fn what_is_taken_out_of_a_line_leaves_the_rest_in_order() {
        let _watch = Watch::new();
        let mut limiter = Limiter::new(0);
        for n in 0..6 {
            limiter.queue_start(n, n);
            limiter.queue_resume(10 + n);
        }
        assert!(limiter.take_fresh(|n| n % 2 == 0).into_values().eq([0, 2, 4]));
        assert_eq!(limiter.withdraw(3, |_| false), None);
        assert_eq!(limiter.withdraw(3, |_| true), Some(3));
        assert_eq!(limiter.withdraw(3, |_| true), None);
        assert_eq!(limiter.take_back(|n| n % 3 == 0), [12, 15]);
        limiter.release();
        let rest: Vec<_> = std::iter::from_fn(|| limiter.next()).collect();
        assert_eq!(rest, [10, 11, 13, 14, 1, 5]);
    }

    #[test]
    fn permits_are_neither_lost_nor_made() {
        let _watch = Watch::new();
        let seeds = if cfg!(miri) { 3 } else { 300 };
        for seed in 0..seeds {
            let mut rng = fastrand::Rng::with_seed(seed);
            let limit = rng.usize(1..5);
            let mut limiter = Limiter::new(limit);
            let mut held = 0;
            for claim in 0..200 {
                match rng.u8(0..4) {
                    0 if limiter.try_start() => held += 1,
                    0 => limiter.queue_start(claim, claim),
                    1 if limiter.try_resume() => held += 1,
                    1 => limiter.queue_resume(claim),
                    _ if held > 0 => {
                        held -= 1;
                        limiter.release();
                        while let Some(claim) = limiter.next() {
                            // Every fifth has lapsed.
                            if claim % 5 > 0 {
                                limiter.take();
                                held += 1;
                            }
                        }
                    }
                    _ => assert_eq!(limiter.free(), limit),
                }
                assert_eq!(limiter.free() + held, limit, "seed {seed}");
                let waiting = limiter.back.len() + limiter.fresh.len();
                assert!(limiter.free() == 0 || waiting == 0, "seed {seed}");
            }
        }
    }
}
