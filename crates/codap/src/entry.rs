//! The state of one entry: written once, read by anybody, ended by exactly one.
//!
//! Rules:
//! 1. `flags` are only ever set, but for PERMIT, WAITING, RESTING and those of the queue for permits.
//! 2. Whoever turns CLAIMED on decides how the entry ends, and alone writes `outcome`.
//! 3. ENDED is turned on after `outcome` is written, under the board's lock, after the entry is in
//!    the order of arrival. A reader that sees ENDED reads `outcome` without a lock.
//! 4. PERMIT, QUEUED, SEATED, SHARED and GONE change under the board's lock only.
//! 5. `stamp` is written by who puts the entry and then by who starts it, never by two at once.
//! 6. A task stores its waker before it returns pending, and then looks at CLAIMED once more;
//!    who claims an entry takes the waker afterwards. One of the two sees the other.

use std::sync::OnceLock;
use std::task::Waker;
use std::time::Duration;

use crate::contain::quietly;
use crate::error::Error;
use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering, lock};

/// Somebody has decided how the entry ends.
pub(crate) const CLAIMED: u32 = 1;
/// The outcome is there to be read.
pub(crate) const ENDED: u32 = 1 << 1;
/// The entry counts against the limit.
pub(crate) const PERMIT: u32 = 1 << 2;
/// The work waits for other entries.
pub(crate) const WAITING: u32 = 1 << 3;
/// The task of the entry stands in the queue for permits.
pub(crate) const QUEUED: u32 = 1 << 4;
/// The value is the default of a fetch that failed.
pub(crate) const DEFAULTED: u32 = 1 << 5;
/// The work will not run any more and holds nothing.
pub(crate) const GONE: u32 = 1 << 6;
/// The task has stored a waker.
pub(crate) const POLLED: u32 = 1 << 7;
/// Somebody else stands in the queue for permits in the entry's name.
pub(crate) const SEATED: u32 = 1 << 8;
/// More than one stands there.
pub(crate) const SHARED: u32 = 1 << 9;
/// Nothing runs for it, so that nothing is left to wait for when it ends.
pub(crate) const BY_HAND: u32 = 1 << 10;
/// How many fetches of the work sleep between two attempts: a number, in the bits from here up.
pub(crate) const RESTING: u32 = !(A_REST - 1);
const A_REST: u32 = 1 << 11;

/// What is known of an entry without knowing the type of its value.
#[derive(Debug)]
pub(crate) struct Status {
    flags: AtomicU32,
    /// When the entry was put or started, in nanoseconds since the container's epoch and one more,
    /// above a bit that says that its work has begun. Zero: neither is known.
    stamp: AtomicU64,
    task: Mutex<Option<Waker>>,
}

impl Status {
    fn new() -> Self {
        Self { flags: AtomicU32::new(0), stamp: AtomicU64::new(0), task: Mutex::new(None) }
    }

    pub(crate) fn has(&self, flags: u32) -> bool {
        self.flags.load(Ordering::Acquire) & flags != 0
    }

    /// Turns `flags` on; whether they were off.
    pub(crate) fn set(&self, flags: u32) -> bool {
        self.flags.fetch_or(flags, Ordering::AcqRel) & flags == 0
    }

    /// Turns `flags` off; whether they were on.
    pub(crate) fn unset(&self, flags: u32) -> bool {
        self.flags.fetch_and(!flags, Ordering::AcqRel) & flags != 0
    }

    /// A fetch of the work sleeps, until [`rises`](Self::rises).
    pub(crate) fn rests(&self) {
        self.flags.fetch_add(A_REST, Ordering::AcqRel);
    }

    pub(crate) fn rises(&self) {
        self.flags.fetch_sub(A_REST, Ordering::AcqRel);
    }

    /// Whether the caller may, and must, end the entry.
    pub(crate) fn claim(&self) -> bool {
        self.set(CLAIMED)
    }

    /// Notes when the entry was put.
    pub(crate) fn stamp(&self, since_epoch: Duration) {
        self.stamp.store(nanos(since_epoch) << 1, Ordering::Release);
    }

    /// Notes that the work began, and when, unless the time of the put is known. No read-modify-
    /// write: this is on the way of every entry, and who starts an entry is alone in that.
    pub(crate) fn start(&self, clock: impl FnOnce() -> Duration) {
        let stamp = match self.stamp.load(Ordering::Acquire) {
            0 => nanos(clock()) << 1,
            put => put,
        };
        self.stamp.store(stamp | 1, Ordering::Release);
    }

    pub(crate) fn has_started(&self) -> bool {
        self.stamp.load(Ordering::Acquire) & 1 == 1
    }

    /// When the entry was put or, if nobody looked at the clock then, started.
    pub(crate) fn stamped(&self) -> Option<Duration> {
        let nanos = self.stamp.load(Ordering::Acquire) >> 1;
        nanos.checked_sub(1).map(Duration::from_nanos)
    }

    /// Keeps the task's waker for who cancels the entry or gives it a permit.
    pub(crate) fn store_task(&self, waker: &Waker) {
        // Wakers are cloned and dropped outside of the lock: both can be foreign code.
        let known = lock(&self.task).as_ref().is_some_and(|task| task.will_wake(waker));
        if !known {
            let fresh = waker.clone();
            let old = lock(&self.task).replace(fresh);
            drop(old);
            self.flags.fetch_or(POLLED, Ordering::AcqRel);
        }
    }

    /// Takes the task's waker, to wake it or to let it go.
    pub(crate) fn take_task(&self) -> Option<Waker> {
        lock(&self.task).take()
    }
}

/// Nanoseconds and one more, since zero means that nothing is known. 63 bits of them are 292 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).map_or(u64::MAX >> 1, |nanos| nanos.min((u64::MAX >> 1) - 1) + 1)
}

/// One entry: its key, its status, and in the end its outcome.
#[derive(Debug)]
pub(crate) struct Entry<K, V> {
    key: OnceLock<K>,
    outcome: OnceLock<Result<V, Error>>,
    status: Status,
}

impl<K, V> Entry<K, V> {
    /// A place for an entry that nobody has put yet, with its key if that is known.
    pub(crate) fn vacant(key: Option<K>) -> Self {
        let key = key.map_or_else(OnceLock::new, OnceLock::from);
        Self { key, outcome: OnceLock::new(), status: Status::new() }
    }

    /// Gives the place to a key. The arena gives each place out once.
    pub(crate) fn occupy(&self, key: K) {
        let unused = self.key.set(key);
        debug_assert!(unused.is_ok(), "a place is given out once");
    }

    pub(crate) fn key(&self) -> &K {
        self.key.get().expect("a place is seen by others only after its key is set")
    }

    pub(crate) fn status(&self) -> &Status {
        &self.status
    }

    /// Writes the outcome, by whom [`Status::claim`] allowed to.
    pub(crate) fn write(&self, outcome: Result<V, Error>) {
        let unused = self.outcome.set(outcome);
        debug_assert!(unused.is_ok(), "only who claimed the entry writes its outcome");
    }

    pub(crate) fn read(&self) -> Option<Result<&V, Error>> {
        if !self.status.has(ENDED) {
            return None;
        }
        self.outcome.get().map(|outcome| match outcome {
            Ok(value) => Ok(value),
            Err(error) => Err(error.clone()),
        })
    }

    /// Moves key and outcome out, once nobody else can see the entry.
    pub(crate) fn into_parts(mut self) -> Option<(K, Result<V, Error>)> {
        self.key.take().zip(self.outcome.take())
    }
}

impl<K, V> Drop for Entry<K, V> {
    fn drop(&mut self) {
        // Each on its own, so that two values that panic in their `Drop` do not abort.
        if std::mem::needs_drop::<V>() || self.outcome.get().is_some_and(Result::is_err) {
            quietly(self.outcome.take());
        }
        if std::mem::needs_drop::<K>() {
            quietly(self.key.take());
        }
    }
}

#[cfg(all(test, not(codap_loom)))]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;
    use crate::error::Kind;
    use crate::leaks::Watch;

    struct Nothing;

    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_flag_says_whether_it_changed() {
        let _watch = Watch::new();
        let status = Status::new();
        assert!(status.set(PERMIT));
        assert!(!status.set(PERMIT));
        assert!(!status.set(PERMIT | WAITING), "one of them was on");
        assert!(status.has(WAITING));
        assert!(status.unset(PERMIT));
        assert!(!status.unset(PERMIT));
        assert!(!status.has(PERMIT));
        assert!(status.has(PERMIT | WAITING), "one of them is on");
    }

    #[test]
    fn one_claim_succeeds() {
        let _watch = Watch::new();
        let status = Status::new();
        assert!(status.claim());
        assert!(!status.claim());
    }

    #[test]
    fn the_stamp_is_of_the_put_or_else_of_the_start() {
        let _watch = Watch::new();
        let second = Duration::from_secs(1);
        let (status, put) = (Status::new(), Status::new());
        assert_eq!(status.stamped(), None);
        status.start(|| second);
        assert!(status.has_started());
        assert_eq!(status.stamped(), Some(second));
        put.stamp(second);
        assert!(!put.has_started());
        put.start(|| panic!("the time of the put is known"));
        assert!(put.has_started());
        assert_eq!(put.stamped(), Some(second));
    }

    #[test]
    fn a_stamp_is_there_at_the_epoch_and_after_all_time() {
        let _watch = Watch::new();
        let status = Status::new();
        status.stamp(Duration::ZERO);
        assert_eq!(status.stamped(), Some(Duration::ZERO));
        status.stamp(Duration::MAX);
        assert_eq!(status.stamped(), Some(Duration::from_nanos((u64::MAX >> 1) - 1)));
        assert!(!status.has_started());
    }

    #[test]
    fn the_latest_waker_is_kept_once() {
        let _watch = Watch::new();
        let status = Status::new();
        let (first, second) = (Arc::new(Nothing), Arc::new(Nothing));
        let wakers = [&first, &first, &second].map(|waker| Waker::from(waker.clone()));
        for waker in &wakers {
            status.store_task(waker);
        }
        drop(wakers);
        assert!(status.has(POLLED));
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 2));
        drop(status.take_task());
        assert_eq!(Arc::strong_count(&second), 1);
        assert!(status.take_task().is_none());
    }

    #[test]
    fn an_outcome_is_read_once_it_is_published() {
        let _watch = Watch::new();
        let entry = Entry::vacant(None);
        entry.occupy("key");
        entry.write(Ok(7));
        assert!(entry.read().is_none());
        entry.status().set(ENDED);
        assert_eq!(entry.read().and_then(Result::ok), Some(&7));
        assert_eq!(
            entry.into_parts().map(|(key, value)| (key, value.ok())),
            Some(("key", Some(7)))
        );
    }

    #[test]
    fn a_key_and_a_value_that_panic_in_their_drops_go_quietly() {
        let _watch = Watch::new();
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in a drop");
            }
        }
        let entry = Entry::vacant(None);
        entry.occupy(Bomb);
        entry.write(Ok(Bomb));
        drop(entry);
        let failed = Entry::<_, Bomb>::vacant(None);
        failed.occupy(Bomb);
        failed.write(Err(Error::new(Kind::Abandoned, "key", Duration::ZERO)));
        drop(failed);
    }
}
