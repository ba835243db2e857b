use std::cell::Cell;
use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::task::Poll;

use codap::{BoxError, Kv, drain, ok};
use fastrand::Rng;
use futures_util::StreamExt;
use tokio::sync::watch;

use super::{placed, poll, rest};
use crate::clock::{Sim, ms};
use crate::leaks::Watch;
use crate::stage::{bounded, recv};
use crate::watched::On;

#[derive(Default)]
struct Counts {
    drawn: AtomicUsize,
    running: AtomicUsize,
    finished: AtomicUsize,
}

struct Running(Arc<Counts>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

impl Counts {
    /// The n-th work, which takes as long as `work` does.
    fn work<W: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        n: usize,
        work: W,
    ) -> impl Future<Output = Result<usize, BoxError>> + Send + use<W> {
        let counts = self.clone();
        counts.drawn.fetch_add(1, SeqCst);
        async move {
            counts.running.fetch_add(1, SeqCst);
            let running = Running(counts.clone());
            work.await;
            drop(running);
            counts.finished.fetch_add(1, SeqCst);
            ok(n)
        }
    }
}

#[test]
fn nothing_is_drawn_before_the_first_poll_and_then_the_limit() {
    for (limit, first) in [(Some(3), 3), (Some(usize::MAX), 100), (None, 64)] {
        let (_watch, sim) = (Watch::new(), Sim::new());
        let (counts, clock) = (Arc::new(Counts::default()), sim.clock());
        let works = counts.clone();
        let work = (0..100).map(move |n| works.work(n, clock.sleep(ms(1))));
        let mut drain = drain(work).on(&sim.clock());
        if let Some(limit) = limit {
            drain = drain.limit(limit);
        }
        sim.run();
        assert_eq!(counts.drawn.load(SeqCst), 0);
        assert!(poll(&sim, &mut drain).is_pending());
        sim.settle();
        assert_eq!((counts.drawn.load(SeqCst), counts.running.load(SeqCst)), (first, first));
        assert_eq!(rest(&sim, &mut drain).len(), 100);
    }
}

#[test]
#[should_panic(expected = "a limit of 0 would let no entry run")]
fn a_limit_of_zero_is_refused() {
    let _watch = Watch::new();
    let _drain = drain([async { ok(1) }]).limit(0);
}

/// Whenever the consumer comes, and how long the work takes.
#[test]
fn in_flight_and_finished_untaken_are_each_within_the_limit() {
    const LIMIT: usize = 5;
    let (_watch, sim) = (Watch::new(), Sim::new());
    let (counts, clock) = (Arc::new(Counts::default()), sim.clock());
    let (works, mut rng) = (counts.clone(), Rng::with_seed(1));
    let work = (0..1000).map(move |n| works.work(n, clock.sleep(ms(rng.u64(..4)))));
    let mut drain = drain(work).on(&sim.clock()).limit(LIMIT);
    let (mut rng, mut taken, mut most) = (Rng::with_seed(2), 0, (0, 0));
    while taken < 1000 {
        match poll(&sim, &mut drain) {
            Poll::Ready(item) => assert!(item.unwrap().1.is_ok()),
            Poll::Pending => {
                sim.pass(ms(rng.u64(..6)));
                continue;
            }
        }
        taken += 1;
        // At times the consumer is away for so long that all that is in flight ends.
        sim.pass(ms(if rng.bool() { 10 } else { 0 }));
        let untaken = counts.finished.load(SeqCst) - taken;
        most = (most.0.max(counts.running.load(SeqCst)), most.1.max(untaken));
        assert!(most.0 <= LIMIT && most.1 <= LIMIT, "in flight, untaken: {most:?}");
    }
    assert!(poll(&sim, &mut drain).is_ready(), "the end");
}

#[test]
fn as_many_run_at_once_as_may_and_no_more_on_every_runtime() {
    const LIMIT: usize = 4;
    let _watch = Watch::new();
    for on in On::all() {
        on.run(async {
            let (counts, most) = (Arc::new(Counts::default()), Arc::new(AtomicUsize::new(0)));
            let started = Arc::new(watch::Sender::new(0));
            let (works, max) = (counts.clone(), most.clone());
            let work = (0..100).map(move |n| {
                let (started, max, counts) = (started.clone(), max.clone(), works.clone());
                works.work(n, async move {
                    started.send_modify(|started| *started += 1);
                    // None of the first ends before all of them have begun.
                    let mut all = started.subscribe();
                    all.wait_for(|started| *started >= LIMIT).await.expect("the sender is here");
                    max.fetch_max(counts.running.load(SeqCst), SeqCst);
                })
            });
            let drain = placed(on, drain(work).limit(LIMIT));
            assert_eq!(drain.count().await, 100);
            assert_eq!(most.load(SeqCst), LIMIT, "on {on:?}");
        });
    }
}

#[test]
fn what_is_in_flight_runs_on_while_nobody_polls() {
    let _watch = Watch::new();
    for on in On::all() {
        // The runtime of one thread runs other work only while its own future waits.
        let (sender, ended) = channel();
        let work = (0..100).map(move |n| {
            let sender = sender.clone();
            async move {
                let mut turns = 3;
                std::future::poll_fn(|cx| {
                    turns -= 1;
                    cx.waker().wake_by_ref();
                    if turns == 0 { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                sender.send(n).unwrap();
                ok(n)
            }
        });
        on.run(async {
            let mut drain = placed(on, drain(work).limit(10));
            let first = std::future::poll_fn(|cx| Poll::Ready(drain.poll_next_unpin(cx))).await;
            let (done, is_done) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                let mut all: Vec<_> = (0..10).map(|_| recv(&ended)).collect();
                all.sort_unstable();
                done.send((all, ended)).unwrap();
            });
            let (all, ended) = is_done.await.unwrap();
            assert_eq!(all, (0..10).collect::<Vec<_>>(), "on {on:?}");
            let taken = usize::from(first.is_ready());
            assert_eq!(drain.count().await, 100 - taken);
            assert_eq!(ended.try_iter().count(), 90);
        });
    }
}

/// A `Cell` can be sent and not shared: whoever takes a value owns it.
#[test]
fn values_need_to_be_send_only() {
    let _watch = Watch::new();
    let (_, sum) = bounded(|| {
        let work = (0..100).map(|n| async move { ok(Cell::new(n)) });
        let drain = drain(work).on(&codap::Threads);
        crate::stage::wait(drain.fold((0, 0), async |(count, sum), (at, cell)| {
            let cell: Cell<usize> = cell.unwrap();
            assert_eq!(cell.replace(0), at);
            (count + 1, sum + at)
        }))
    });
    assert_eq!(sum, 4950);
}

#[test]
fn a_hundred_thousand_go_by_and_few_are_there_at_a_time() {
    const LIMIT: usize = 16;
    let watch = Watch::new();
    for on in On::all() {
        on.run(async {
            let mut seen = vec![false; 100_000];
            let mut most = 0;
            let lives: Vec<_> = (0..2).map(|_| watch.life()).collect();
            let watch = &watch;
            let work = (0..100_000).map(|n| {
                let life = watch.life();
                async move { ok((n, life)) }
            });
            let mut drain = std::pin::pin!(placed(on, drain(work).limit(LIMIT)));
            while let Some((at, item)) = drain.next().await {
                let (n, _life) = item.unwrap();
                assert_eq!((at, std::mem::replace(&mut seen[at], true)), (n, false));
                most = most.max(watch.alive());
            }
            assert!(seen.into_iter().all(|seen| seen), "one is lost on {on:?}");
            // Those in flight, those untaken, and the one in hand.
            assert!(most <= 2 * LIMIT + 1 + lives.len(), "{most} at once on {on:?}");
        });
    }
}

/// Under limit 1: waiting for a drain is waiting, and the permit goes to what it waits for.
#[test]
fn an_entry_that_drains_gives_its_permit_back() {
    let _watch = Watch::new();
    for on in On::all() {
        on.run(async {
            let kv = on.build(Kv::<_, usize>::builder().limit(1));
            let handle = kv.handle();
            let outer = kv.put(usize::MAX, async move {
                let work = (0..10).map(move |n| {
                    let inner = handle.put(n, async move { n });
                    async move { inner.get().await.copied() }
                });
                let mut sum = 0;
                let mut drain = placed(on, drain(work).limit(3));
                while let Some((_, item)) = drain.next().await {
                    sum += item?;
                }
                ok(sum)
            });
            assert_eq!(*outer.get().await.unwrap(), 45, "on {on:?}");
        });
    }
}

#[test]
fn a_dropped_drain_cancels_what_is_in_flight_on_every_runtime() {
    let watch = Watch::new();
    for on in On::all() {
        on.run(async {
            let started = Arc::new(watch::Sender::new(0));
            let (lives, starts) = (&watch, started.clone());
            let work = (0..).map(move |n| {
                let (life, starts) = (lives.life(), starts.clone());
                async move {
                    starts.send_modify(|started| *started += 1);
                    if n % 2 == 0 {
                        pending::<()>().await;
                    }
                    ok(life)
                }
            });
            let mut drain = placed(on, drain(work).limit(20));
            // One of those that end; others of them are left untaken.
            let (at, first) = drain.next().await.unwrap();
            assert_eq!(at % 2, 1);
            let mut all = started.subscribe();
            all.wait_for(|started| *started >= 20).await.expect("the sender is here");
            drop(drain);
            drop(first);
            // A runtime of one thread drops them only while its own future waits.
            on.spawn(async {}).await;
            if on == On::Threads {
                watch.settle();
            }
        });
        watch.settle();
    }
}
