use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use codap::{drain, drain_stream, ok};
use futures_util::StreamExt;
use futures_util::stream::{self, LocalBoxStream};
use tokio::sync::{mpsc, oneshot};

use super::{Item, placed, poll, rest};
use crate::clock::{Sim, ms};
use crate::leaks::Watch;
use crate::watched::On;

#[test]
fn results_come_as_they_arrive_with_the_position_of_their_work() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let clock = sim.clock();
    let work = [30, 10, 20].map(|length| {
        let nap = clock.sleep(ms(length));
        async move {
            nap.await;
            ok(length)
        }
    });
    let mut drain = drain(work).on(&sim.clock());
    let items = rest(&sim, &mut drain);
    let values: Vec<_> = items.into_iter().map(|(at, item)| (at, item.unwrap())).collect();
    assert_eq!(values, [(1, 10), (2, 20), (0, 30)]);
    assert_eq!(sim.elapsed(), ms(30), "all at once");
}

#[test]
fn one_result_makes_room_for_one_more() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let clock = sim.clock();
    let work = (0..6).map(move |n| {
        let nap = clock.sleep(ms(10));
        async move {
            nap.await;
            ok(n)
        }
    });
    let mut drain = drain(work).on(&sim.clock()).limit(2);
    let items = rest(&sim, &mut drain);
    let mut values: Vec<_> = items.into_iter().map(|(_, item)| item.unwrap()).collect();
    values.sort_unstable();
    assert_eq!((values, sim.elapsed()), (vec![0, 1, 2, 3, 4, 5], ms(30)), "two by two");
}

#[test]
fn of_no_work_there_are_no_results() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let nothing = std::iter::empty::<std::future::Ready<Result<u32, &str>>>();
    let mut drain = drain(nothing).on(&sim.clock());
    assert!(matches!(poll(&sim, &mut drain), Poll::Ready(None)));
    assert!(matches!(poll(&sim, &mut drain), Poll::Ready(None)), "and again");
    let nothing = stream::empty::<std::future::Ready<Result<u32, &str>>>();
    let mut drain = drain_stream(nothing).on(&sim.clock());
    assert!(matches!(poll(&sim, &mut drain), Poll::Ready(None)));
}

#[test]
fn after_the_last_result_it_stays_at_its_end() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let mut drain = drain([async { ok(1) }]).on(&sim.clock());
    assert_eq!(rest(&sim, &mut drain).len(), 1);
    assert!(matches!(poll(&sim, &mut drain), Poll::Ready(None)));
}

#[test]
fn every_result_comes_once_on_every_runtime() {
    let _watch = Watch::new();
    for on in On::all() {
        for limit in [1, 7, 10_000] {
            on.run(async {
                let work = (0..1000usize).map(|n| async move { ok(n * 3) });
                let results = placed(on, drain(work).limit(limit)).collect::<Vec<_>>().await;
                let work = stream::iter(0..1000usize).map(|n| async move { ok(n * 3) });
                let streamed = placed(on, drain_stream(work).limit(limit)).collect().await;
                for mut items in [results, streamed] {
                    items.sort_unstable_by_key(|(at, _)| *at);
                    let all = items.into_iter().map(|(at, item)| (at, item.unwrap()));
                    assert!(all.eq((0..1000).map(|n| (n, n * 3))), "limit {limit} on {on:?}");
                }
            });
        }
    }
}

/// Where it runs is as of a container: the tokio runtime that it is first polled in.
#[cfg(feature = "tokio")]
#[test]
fn it_runs_where_it_is_polled() {
    let _watch = Watch::new();
    let work = [async { ok(tokio::runtime::Handle::current().id()) }];
    let drain = drain(work);
    let runtime = crate::stage::multi_thread();
    let items: Vec<_> = runtime.block_on(drain.collect());
    assert_eq!(*items[0].1.as_ref().unwrap(), runtime.handle().id());
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A drain of what comes through a channel.
struct Late {
    drain: LocalBoxStream<'static, Item<u32>>,
    works: Option<mpsc::UnboundedSender<oneshot::Receiver<u32>>>,
    wakes: Arc<Wakes>,
    sim: Sim,
}

impl Late {
    fn new() -> Self {
        let (works, mut receiver) = mpsc::unbounded_channel::<oneshot::Receiver<u32>>();
        let stream = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let sim = Sim::new();
        let drain = drain_stream(stream).on(&sim.clock()).limit(4).boxed_local();
        Self { drain, works: Some(works), wakes: Arc::default(), sim }
    }

    /// Work, and its answer.
    fn send(&self) -> oneshot::Sender<u32> {
        let (answer, work) = oneshot::channel();
        self.works.as_ref().unwrap().send(work).unwrap();
        answer
    }

    /// What one poll gives, if the last one's task was woken since.
    fn woken(&mut self) -> Option<Poll<Option<(usize, u32)>>> {
        self.sim.settle();
        (self.wakes.0.swap(0, SeqCst) > 0).then(|| self.poll())
    }

    fn poll(&mut self) -> Poll<Option<(usize, u32)>> {
        let waker = Waker::from(self.wakes.clone());
        let polled = self.drain.poll_next_unpin(&mut Context::from_waker(&waker));
        polled.map(|item| item.map(|(at, item)| (at, item.unwrap())))
    }
}

const NOTHING_YET: Option<Poll<Option<(usize, u32)>>> = Some(Poll::Pending);

const fn item(at: usize, value: u32) -> Option<Poll<Option<(usize, u32)>>> {
    Some(Poll::Ready(Some((at, value))))
}

#[test]
fn a_stream_that_is_late_keeps_no_result_back() {
    let _watch = Watch::new();
    let mut late = Late::new();
    assert!(late.poll().is_pending());
    let first = late.send();
    assert_eq!(late.woken(), NOTHING_YET, "there is work where there was none");
    first.send(10).unwrap();
    assert_eq!(late.woken(), item(0, 10), "the stream is pending all the time");
    assert!(late.poll().is_pending());
    let _second = late.send();
    assert_eq!(late.woken(), NOTHING_YET);
    let third = late.send();
    assert_eq!(late.woken(), NOTHING_YET, "there is more work while some is in flight");
    third.send(30).unwrap();
    assert_eq!(late.woken(), item(2, 30), "and it was started");
}

#[test]
fn a_stream_that_ends_late_ends_the_drain_after_what_is_in_flight() {
    let _watch = Watch::new();
    let mut late = Late::new();
    assert!(late.poll().is_pending());
    let first = late.send();
    assert_eq!(late.woken(), NOTHING_YET);
    late.works = None;
    assert_eq!(late.woken(), NOTHING_YET, "the stream is at its end, the drain is not");
    first.send(10).unwrap();
    assert_eq!(late.woken(), item(0, 10));
    assert_eq!(late.poll(), Poll::Ready(None));

    let mut late = Late::new();
    assert!(late.poll().is_pending());
    late.works = None;
    assert_eq!(late.woken(), Some(Poll::Ready(None)), "with nothing in flight");
}
