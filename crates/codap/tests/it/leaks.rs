//! The guard against leaks, which every test holds: what it counts must come back to where it was.
//!
//! [`Watch`] hands out [`Life`]s for values, keys, futures and functions to hold. When it is
//! dropped, every one of them must have been dropped (not forgotten in a cycle), within a deadline
//! for work that is still on its way out; codap's own threads must be no more than its rules allow.
//! That they go again takes ten idle seconds: `idle` waits for that.
//!
//! The library's unit tests and `footgun_6` hold the same guard.

use std::sync::{Arc, Condvar, Mutex, Once};
use std::time::{Duration, Instant};

/// How long work may take to leave after a test is over.
const GRACE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
struct Tally {
    alive: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    alive: usize,
    born: usize,
}

/// Held by a test from its first to its last line.
#[derive(Debug)]
pub(crate) struct Watch(Arc<Tally>);

/// Counted by its [`Watch`] until it is dropped. Not `Clone`, so that it is dropped once.
#[derive(Debug)]
pub(crate) struct Life(Arc<Tally>);

impl Watch {
    pub(crate) fn new() -> Self {
        silence_deliberate_panics();
        Self(Arc::default())
    }

    pub(crate) fn life(&self) -> Life {
        let mut counts = self.0.alive.lock().unwrap();
        counts.alive += 1;
        counts.born += 1;
        drop(counts);
        Life(self.0.clone())
    }

    pub(crate) fn alive(&self) -> usize {
        self.0.alive.lock().unwrap().alive
    }

    /// Waits until all that is counted is gone.
    pub(crate) fn settle(&self) {
        self.settle_to(0);
    }

    /// Waits until only `kept` of what is counted are left.
    pub(crate) fn settle_to(&self, kept: usize) {
        let settled = self.settles(kept);
        let counts = *self.0.alive.lock().unwrap();
        assert!(settled && counts.alive == kept, "{counts:?}, not {kept}");
    }

    fn settles(&self, kept: usize) -> bool {
        let until = Instant::now() + GRACE;
        let mut counts = self.0.alive.lock().unwrap();
        while counts.alive > kept {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            counts = self.0.changed.wait_timeout(counts, left).unwrap().0;
        }
        true
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.alive.lock().unwrap().alive -= 1;
        self.0.changed.notify_all();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.settle();
        // A thread that was just started has, for an instant, the name of the one that started it.
        let until = Instant::now() + GRACE;
        let mut threads = Threads::now();
        while !threads.are_as_many_as_may_be() && Instant::now() < until {
            std::thread::yield_now();
            threads = Threads::now();
        }
        assert!(threads.are_as_many_as_may_be(), "{threads:?}");
    }
}

/// codap's threads in this process.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threads {
    pub(crate) pool: usize,
    pub(crate) monitor: usize,
    pub(crate) timer: usize,
    pub(crate) others: usize,
}

impl Threads {
    fn are_as_many_as_may_be(self) -> bool {
        // The library's own tests make pools and timers, and see to the threads of each.
        let most = if env!("CARGO_CRATE_NAME") == "codap" { 32 } else { 1 };
        self.timer <= most && self.monitor <= most && self.pool <= 4096
    }

    /// Miri's threads are not those of the system.
    #[cfg(any(not(target_os = "linux"), miri))]
    pub(crate) fn now() -> Self {
        Self::default()
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn now() -> Self {
        let mut threads = Self::default();
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            // A thread may end between the listing and the look at its name.
            let name = task.and_then(|task| std::fs::read_to_string(task.path().join("comm")));
            match name.as_deref().unwrap_or_default().trim_end() {
                "codap-timer" => threads.timer += 1,
                "codap-monitor" => threads.monitor += 1,
                name if name.starts_with("codap-") && !name.starts_with("codap-backgr") => {
                    threads.pool += 1;
                }
                _ => threads.others += 1,
            }
        }
        threads
    }
}

/// Panics that tests make on purpose say so, and are not printed.
fn silence_deliberate_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            if text.is_some_and(|text| !text.contains("deliberate")) {
                before(info);
            }
        }));
    });
}
