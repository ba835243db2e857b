//! The guard against leaks, which every test holds: what it counts must come back to where it was.
//!
//! [`Watch`] hands out [`Life`]s for values, keys, futures and functions to hold. When it is
//! dropped, every one of them must have been dropped (not forgotten in a cycle), within a deadline
//! for work that is still on its way out; codap's own threads must be no more than its rules allow.
//! That the threads of the pool go again takes ten idle seconds: a test of its own, in a process
//! of its own, waits for that after everything else has run once.

use std::sync::{Arc, Condvar, Mutex};
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
        crate::stage::silence_deliberate_panics();
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
        self.timer <= 1 && self.monitor <= 1 && self.pool <= 4096
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now() -> Self {
        Self::default()
    }

    #[cfg(target_os = "linux")]
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

    /// The threads once they are as wanted, or after 40 s: nothing tells from outside that a thread
    /// has come or gone but looking again.
    fn once(wanted: impl Fn(&Self) -> bool) -> Self {
        let until = Instant::now() + Duration::from_secs(40);
        loop {
            let now = Self::now();
            if wanted(&now) || Instant::now() > until {
                return now;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Runs what uses every kind of thread, and waits until the pool is as it was before: empty. It
/// is a process of its own, because other tests keep the pool of this one busy.
#[cfg(target_os = "linux")]
#[test]
fn threads_go_again_when_nobody_needs_them() {
    const CHILD: &str = "CODAP_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return in_a_quiet_process();
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leaks::threads_go_again_when_nobody_needs_them", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&status.stderr);
    assert!(status.status.success(), "{}\n{text}", String::from_utf8_lossy(&status.stdout));
}

#[cfg(target_os = "linux")]
fn in_a_quiet_process() {
    use codap::{Kv, Ordered};

    let watch = Watch::new();
    let before = Threads::now();
    assert_eq!((before.pool, before.monitor, before.timer), (0, 0, 0), "nothing starts by itself");
    {
        let list = Ordered::<u32>::on(&codap::Threads);
        let barrier = Arc::new(std::sync::Barrier::new(41));
        for _ in 0..40 {
            let (barrier, life) = (barrier.clone(), watch.life());
            list.push_blocking(move || {
                barrier.wait();
                drop(life);
                1
            });
        }
        barrier.wait();
        assert_eq!(crate::stage::wait(list.join()).len(), 40);
        // An hour: one that has passed by the time of the put would need no timer.
        let hour = Duration::from_secs(3600);
        let kv = Kv::<_, u32>::builder().on(&codap::Threads).deadline(hour).build();
        kv.put("stuck", std::future::pending::<u32>());
        // A thread bears its name only once it runs.
        let most = Threads::once(|now| now.timer == 1);
        assert!(most.pool >= 40 && most.timer == 1, "{most:?}");
    }
    let now = Threads::once(|now| now.pool + now.monitor == 0);
    assert_eq!(now, Threads { timer: 1, ..before }, "only the timer's thread stays");
}
