//! How late a deadline is, and how long a drop takes: the worst cases, in milliseconds.

use std::future::pending;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use codap::{BoxFuture, FirstReply, Kv, Ordered};
use futures_util::FutureExt;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::flags::Flags;
use crate::goal::Goal;
use crate::place::Place::{self, MultiMain, MultiTask, Single, SmolMain, SmolTask, Thread};
use crate::report::Row;

const N: u64 = 10_000;

/// Codap's figures and the peer's, in milliseconds.
type Samples = (Vec<f64>, Vec<f64>);

/// Every row of this file whose name is wanted.
pub(crate) fn rows(flags: &Flags) -> Vec<Row> {
    let mut rows = Vec::new();
    for shape in Shape::ALL {
        // A task cannot look at the time while all workers compute.
        for place in [MultiMain, Single, SmolMain, Thread] {
            let rounds = if flags.quick { 100 } else { 400 };
            let measure = || place.run(lateness(place, shape, rounds));
            rows.extend(row(flags, shape, "finish_by, late, p99", place, 10.0, measure));
        }
    }
    for shape in Shape::ALL {
        for place in [MultiTask, MultiMain, Single, SmolTask, SmolMain, Thread] {
            let rounds = if flags.quick { 3 } else { 11 };
            let measure = || place.run(falls(place, shape, rounds));
            rows.extend(row(flags, shape, "drop, last guard, slowest", place, 100.0, measure));
        }
    }
    rows
}

fn row(
    flags: &Flags,
    shape: Shape,
    what: &str,
    place: Place,
    goal: f64,
    measure: impl FnOnce() -> Samples,
) -> Option<Row> {
    let late = what.starts_with("finish_by");
    let peer = match place {
        _ if late => "a thread that sleeps",
        MultiTask | MultiMain | Single => "JoinSet",
        SmolTask | SmolMain => "Vec of smol Task",
        Thread => "Vec of futures",
    };
    let row = Row {
        work: format!("{shape:?} {what}"),
        n: N,
        runtime: place.to_string(),
        peer: peer.to_owned(),
        codap: 0.0,
        other: 0.0,
        unit: "ms".to_owned(),
        ratio: 0.0,
        gap: None,
        goal: Some(Goal::Own(goal)),
    };
    flags.wants(&row.name()).then(|| {
        let (ours, theirs) = measure();
        let (codap, other) = (worst(ours, late), worst(theirs, late));
        Row { codap, other, ratio: codap / other, ..row }
    })
}

/// All but one in a hundred are no worse, or, of few, none is.
fn worst(mut samples: Vec<f64>, but_one_in_a_hundred: bool) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len() - 1;
    samples[if but_one_in_a_hundred { last * 99 / 100 } else { last }]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Kv,
    Ordered,
    FirstReply,
}

enum Container {
    Kv(Kv<u64, ()>),
    Ordered(Ordered<()>),
    FirstReply(FirstReply<()>),
}

impl Shape {
    const ALL: [Self; 3] = [Self::Kv, Self::Ordered, Self::FirstReply];

    fn at(self, place: Place) -> Container {
        match self {
            Self::Kv => Container::Kv(place.build(Kv::builder())),
            Self::Ordered => Container::Ordered(place.build(Ordered::builder())),
            Self::FirstReply => Container::FirstReply(place.build(FirstReply::builder())),
        }
    }
}

impl Container {
    fn put(&self, key: u64, work: BoxFuture) {
        match self {
            Self::Kv(kv) => drop(kv.put(key, work)),
            Self::Ordered(list) => drop(list.push(work)),
            Self::FirstReply(list) => drop(list.push(work)),
        }
    }

    async fn finish_by(&self, at: Instant) -> usize {
        match self {
            Self::Kv(kv) => kv.finish_by(at).await.missing().len(),
            Self::Ordered(list) => list.finish_by(at).await.missing().len(),
            Self::FirstReply(list) => list.finish_by(at).await.missing().len(),
        }
    }
}

/// Computes on threads of the runtime until it is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    async fn begin(container: &Container, keys: Range<u64>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for key in keys {
            let (stop, (started, has_started)) = (stop.clone(), oneshot::channel());
            let work = async move {
                let _ = started.send(());
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            };
            container.put(key, Box::pin(work));
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

/// `finish_by` among 10,000 pending, while every worker computes that need not wait itself; beside
/// it, in turns, a thread that only sleeps.
async fn lateness(place: Place, shape: Shape, rounds: usize) -> Samples {
    let container = shape.at(place);
    for key in 0..N {
        container.put(key, Box::pin(pending()));
    }
    let workers = match place {
        Single => 0,
        SmolMain | SmolTask => 1,
        MultiMain | MultiTask | Thread => 2,
    };
    let _busy = Busy::begin(&container, N..N + workers).await;
    let mut samples = Samples::default();
    for round in 0..rounds {
        let wait = Duration::from_micros(1_000 + 37 * (round as u64 % 50));
        let at = Instant::now() + wait;
        let missing = container.finish_by(at).await;
        samples.0.push(ms(at.elapsed()));
        assert_eq!(missing as u64, N + workers, "all of them pend");
        let at = Instant::now() + wait;
        thread::sleep(at.saturating_duration_since(Instant::now()));
        samples.1.push(ms(at.elapsed()));
    }
    samples
}

/// Futures in flight, each of which holds a guard.
#[derive(Clone)]
struct Flight {
    polled: Arc<watch::Sender<u64>>,
    left: Arc<watch::Sender<u64>>,
}

struct Guard(Flight);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.left.send_modify(|left| *left -= 1);
    }
}

impl Flight {
    fn new() -> Self {
        Self { polled: Arc::new(watch::Sender::new(0)), left: Arc::new(watch::Sender::new(N)) }
    }

    fn future(&self) -> BoxFuture {
        let guard = Guard(self.clone());
        Box::pin(async move {
            guard.0.polled.send_modify(|polled| *polled += 1);
            pending::<()>().await;
            drop(guard);
        })
    }

    /// How long it takes from the drop of `owner` to that of the last guard.
    async fn fall(self, owner: impl Send) -> f64 {
        reached(&self.polled, N).await;
        let start = Instant::now();
        drop(owner);
        reached(&self.left, 0).await;
        ms(start.elapsed())
    }
}

async fn reached(count: &watch::Sender<u64>, n: u64) {
    count.subscribe().wait_for(|count| *count == n).await.expect("the sender is here");
}

async fn falls(place: Place, shape: Shape, rounds: usize) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..rounds {
        let (flight, container) = (Flight::new(), shape.at(place));
        (0..N).for_each(|key| container.put(key, flight.future()));
        samples.0.push(flight.fall(container).await);
        samples.1.push(peer_falls(place).await);
    }
    samples
}

async fn peer_falls(place: Place) -> f64 {
    let flight = Flight::new();
    match place {
        MultiTask | MultiMain | Single => {
            let mut set = JoinSet::new();
            (0..N).for_each(|_| drop(set.spawn(flight.future())));
            flight.fall(set).await
        }
        SmolTask | SmolMain => {
            let tasks: Vec<_> = (0..N).map(|_| smol::spawn(flight.future())).collect();
            flight.fall(tasks).await
        }
        Thread => {
            let mut futures: Vec<_> = (0..N).map(|_| flight.future()).collect();
            for future in &mut futures {
                assert!(future.now_or_never().is_none(), "it never ends");
            }
            flight.fall(futures).await
        }
    }
}
