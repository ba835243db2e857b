//! Deadlines are kept to and drops are complete, also with many entries and busy threads. How late
//! and how quick they are is measured: `cargo xtask bench core`.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use codap::{BoxFuture, FirstReply, Kv, Ordered};
use fastrand::Rng;
use tokio::sync::{oneshot, watch};

use crate::watched::{On, watched};

/// What only a hang can take.
const PATIENCE: Duration = Duration::from_secs(60);

const MANY: usize = 10_000;

/// The three shapes behind one face.
enum Shape {
    Kv(Kv<usize, ()>),
    Ordered(Ordered<()>),
    FirstReply(FirstReply<()>),
}

impl Shape {
    const ALL: [fn(On) -> Self; 3] = [
        |on| Self::Kv(on.build(Kv::builder())),
        |on| Self::Ordered(on.build(Ordered::builder())),
        |on| Self::FirstReply(on.build(FirstReply::builder())),
    ];

    fn name(&self) -> &'static str {
        match self {
            Self::Kv(_) => "Kv",
            Self::Ordered(_) => "Ordered",
            Self::FirstReply(_) => "FirstReply",
        }
    }

    fn put(&self, key: usize, work: BoxFuture) {
        match self {
            Self::Kv(kv) => drop(kv.put(key, work)),
            Self::Ordered(list) => drop(list.push(work)),
            Self::FirstReply(list) => drop(list.push(work)),
        }
    }

    /// Who is missing at `at`.
    async fn missing_at(&self, at: Instant) -> Vec<usize> {
        let finished = match self {
            Self::Kv(kv) => kv.finish_by(at).await,
            Self::Ordered(list) => list.finish_by(at).await,
            Self::FirstReply(list) => list.finish_by(at).await,
        };
        finished.missing().iter().map(|missing| *missing.key).collect()
    }
}

/// Every shape on every runtime.
fn everywhere(test: impl AsyncFn(On, Shape) + Send + 'static) {
    watched(PATIENCE, move |doing| {
        for on in On::all() {
            on.run(async {
                for shape in Shape::ALL {
                    let shape = shape(on);
                    doing.step((on, shape.name()));
                    test(on, shape).await;
                }
            });
        }
    });
}

async fn not_early(shape: &Shape, at: Instant, missing: usize) {
    let who = shape.missing_at(at).await;
    let now = Instant::now();
    assert!(now >= at, "{} is early by {:?}", shape.name(), at - now);
    assert!(who.into_iter().eq(0..missing), "all that pends is missing, in the order of the puts");
}

/// Where nothing hides it by being slow.
#[test]
fn finish_by_is_never_early() {
    everywhere(async |_, shape| {
        shape.put(0, Box::pin(pending()));
        for round in 0..40 {
            not_early(&shape, Instant::now() + Duration::from_micros(37 * round), 1).await;
        }
    });
}

/// Spins on threads of the runtime until it is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    async fn begin(shape: &Shape, keys: std::ops::Range<usize>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for key in keys {
            let (stop, (started, has_started)) = (stop.clone(), oneshot::channel());
            let work = async move {
                let _ = started.send(());
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            };
            shape.put(key, Box::pin(work));
            has_started.await.expect("it starts");
        }
        Self(stop)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many threads may compute, so that one is left to wait.
fn spare(on: On) -> usize {
    match on {
        #[cfg(feature = "tokio")]
        On::TokioCurrent => 0,
        #[cfg(feature = "smol")]
        On::Smol => 1,
        _ => 2,
    }
}

#[test]
fn finish_by_comes_with_ten_thousand_pending_and_busy_workers() {
    everywhere(async |on, shape| {
        for key in 0..MANY {
            shape.put(key, Box::pin(pending()));
        }
        let all = MANY + spare(on);
        let _busy = Busy::begin(&shape, MANY..all).await;
        let mut rng = Rng::with_seed(1);
        for _ in 0..10 {
            let at = Instant::now() + Duration::from_micros(rng.u64(1_000..8_000));
            not_early(&shape, at, all).await;
        }
    });
}

/// Counts itself out when it is dropped.
struct Guard(Arc<watch::Sender<usize>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.send_modify(|left| *left -= 1);
    }
}

#[test]
fn dropping_ten_thousand_in_flight_runs_every_guard() {
    everywhere(async |_, shape| {
        let (polled, left) = (watch::Sender::new(0), watch::Sender::new(MANY));
        let (polled, left) = (Arc::new(polled), Arc::new(left));
        for key in 0..MANY {
            let (guard, polled) = (Guard(left.clone()), polled.clone());
            let work = async move {
                let _guard = guard;
                polled.send_modify(|polled| *polled += 1);
                pending::<()>().await;
            };
            shape.put(key, Box::pin(work));
        }
        let mut all_polled = polled.subscribe();
        all_polled.wait_for(|polled| *polled == MANY).await.expect("the sender is here");
        assert_eq!(*left.borrow(), MANY, "none goes before its container");
        drop(shape);
        let mut none_left = left.subscribe();
        none_left.wait_for(|left| *left == 0).await.expect("the sender is here");
    });
}
