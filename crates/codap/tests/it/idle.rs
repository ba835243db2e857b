//! Threads that nobody needs go again, which takes ten idle seconds: in a process of its own,
//! because other tests keep the pool of this one busy.
#![cfg(target_os = "linux")]

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use codap::{Kv, Ordered};

use crate::leaks::{Threads, Watch};
use crate::stage::wait;

/// Runs what uses every kind of thread, and waits until the pool is as it was before: empty.
#[test]
fn threads_go_again_when_nobody_needs_them() {
    let _watch = Watch::new();
    crate::child::alone("idle::threads_go_again_when_nobody_needs_them", in_a_quiet_process);
}

fn in_a_quiet_process() {
    let watch = Watch::new();
    let before = Threads::now();
    assert_eq!((before.pool, before.monitor, before.timer), (0, 0, 0), "nothing starts by itself");
    {
        let list = Ordered::<u32>::on(&codap::Threads);
        let barrier = Arc::new(Barrier::new(41));
        for _ in 0..40 {
            let (barrier, life) = (barrier.clone(), watch.life());
            list.push_blocking(move || {
                barrier.wait();
                drop(life);
                1
            });
        }
        barrier.wait();
        assert_eq!(wait(list.join()).len(), 40);
        // An hour: one that has passed by the time of the put would need no timer.
        let hour = Duration::from_secs(3_600);
        let kv = Kv::<_, u32>::builder().on(&codap::Threads).deadline(hour).build();
        kv.put("stuck", std::future::pending::<u32>());
        // A thread bears its name only once it runs.
        let most = once(|now| now.timer == 1);
        assert!(most.pool >= 40 && most.timer == 1, "{most:?}");
    }
    let now = once(|now| now.pool + now.monitor == 0);
    assert_eq!(now, Threads { timer: 1, ..before }, "only the timer's thread stays");
}

/// The threads once they are as wanted, or after 40 s: nothing tells from outside that a thread has
/// come or gone but looking again.
fn once(wanted: impl Fn(&Threads) -> bool) -> Threads {
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        let now = Threads::now();
        if wanted(&now) || Instant::now() > until {
            return now;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
