//! Runtimes of the user's own that behave badly: their entries end all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use codap::{BoxFuture, Kv, Runtime};
use futures_util::FutureExt;

use crate::leaks::Watch;
use crate::stage::{bounded, recv, wait};

/// Does so many spawns, each on a thread of its own, and then what `after` says.
#[derive(Clone)]
struct Wanes {
    left: Arc<AtomicUsize>,
    after: fn(BoxFuture),
}

impl Wanes {
    fn new(left: usize, after: fn(BoxFuture)) -> Self {
        Self { left: Arc::new(AtomicUsize::new(left)), after }
    }
}

impl Runtime for Wanes {
    fn spawn(&self, work: BoxFuture) {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match left {
            Ok(_) => drop(thread::spawn(|| work.now_or_never())),
            Err(_) => (self.after)(work),
        }
    }
}

/// The first entry holds the only permit until all others stand in line for it.
fn line_up(runtime: &Wanes, entries: usize) -> Kv<usize, ()> {
    let kv = Kv::builder().limit(1).on(runtime).build();
    let (open, is_open) = channel();
    kv.put(0, async move { recv(&is_open) });
    for n in 1..entries {
        kv.put(n, async {});
    }
    open.send(()).unwrap();
    kv
}

/// Each work that was dropped made room for the next, one call deeper: the stack overflowed.
#[test]
fn a_runtime_that_drops_its_work_under_a_limit() {
    const ENTRIES: usize = 20_000;
    let _watch = Watch::new();
    let kv = line_up(&Wanes::new(1, drop), ENTRIES);
    for n in 1..ENTRIES {
        assert!(wait(kv.get(&n)).unwrap_err().is_cancelled());
    }
}

#[test]
fn a_runtime_that_runs_its_work_at_once_under_a_limit() {
    const ENTRIES: usize = 20_000;
    let _watch = Watch::new();
    let runs = |work: BoxFuture| assert!(work.now_or_never().is_some());
    let kv = line_up(&Wanes::new(1, runs), ENTRIES);
    for n in 1..ENTRIES {
        assert!(wait(kv.get(&n)).is_ok());
    }
}

/// The panic came out of whatever made room: a cancel, a drop, the timer.
#[test]
fn a_runtime_that_panics_under_a_limit() {
    const ENTRIES: usize = 100;
    let _watch = Watch::new();
    let panics = |_: BoxFuture| panic!("deliberate: no runtime here");
    let kv = line_up(&Wanes::new(1, panics), ENTRIES);
    for n in 1..ENTRIES {
        assert!(wait(kv.get(&n)).unwrap_err().is_cancelled());
    }
}

/// The function stood in line behind the callback that waited for it.
#[test]
fn a_callback_that_waits_for_a_function() {
    let _watch = Watch::new();
    bounded(|| {
        let kv = Kv::<u32, u32>::on(&codap::Threads);
        let (sender, receiver) = channel();
        let slot = kv.slot(0);
        let inner = kv.handle();
        slot.reply().on_done(move |_| {
            inner.put_blocking(1, || 7);
            sender.send(*inner.get_blocking(&1).unwrap()).unwrap();
        });
        slot.fill(0);
        assert_eq!(recv(&receiver), 7);
    });
}
