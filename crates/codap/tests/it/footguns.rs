//! What other libraries were found to do, and codap does not. Each test is named after what was
//! seen elsewhere. The sixth, bytes kept for each finished entry, has a binary of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;

use codap::{Ending, Error, Kv, Ordered, Threads};

use crate::leaks::Watch;
use crate::stage::{poll_once, recv, wait};

/// Elsewhere: futures in a buffer are polled by the consumer, and stand still while it works.
#[test]
fn no_1_a_slow_consumer_stalls_no_producer() {
    let _watch = Watch::new();
    let list = Ordered::<u32>::builder().on(&Threads).limit(4).build();
    let (ended, ends) = channel();
    for n in 0..8 {
        let ended = ended.clone();
        list.push(async move {
            // Two hops, each of which needs a poll of its own.
            for _ in 0..2 {
                let mut polled = false;
                std::future::poll_fn(|cx| {
                    if std::mem::replace(&mut polled, true) {
                        return std::task::Poll::Ready(());
                    }
                    cx.waker().wake_by_ref();
                    std::task::Poll::Pending
                })
                .await;
            }
            ended.send(n).unwrap();
            n
        });
    }
    drop(ended);
    // The consumer takes one, and is then busy until all the others have run to their end.
    assert!(wait(list.next()).is_some());
    assert_eq!(ends.iter().count(), 8);
}

/// Counts the polls of an entry whose reply is ready at its `ready`th poll.
fn counted(polls: &Arc<AtomicUsize>) -> impl Future<Output = u32> + Send + use<> {
    let polls = polls.clone();
    std::future::poll_fn(move |_| {
        polls.fetch_add(1, SeqCst);
        std::task::Poll::Ready(1)
    })
}

/// Elsewhere: from the 31st future on, joining becomes another algorithm, 83 times as dear.
#[test]
fn no_2_nothing_changes_at_31_entries() {
    let _watch = Watch::new();
    for n in [30, 31, 32, 1_000] {
        let list = Ordered::<u32>::on(&Threads);
        let polls = Arc::new(AtomicUsize::new(0));
        for _ in 0..n {
            list.push(counted(&polls));
        }
        assert_eq!(wait(list.join()).len(), n);
        assert_eq!(polls.load(SeqCst), n, "one poll for each, at every size");
    }
}

/// Elsewhere: from the 31st future on, the first error comes only after all have ended.
#[test]
fn no_3_the_first_error_comes_at_once_at_every_size() {
    let _watch = Watch::new();
    for n in [30, 31, 1_000] {
        let list = Ordered::<u32>::on(&Threads);
        let slots: Vec<_> = (1..n).map(|_| list.slot()).collect();
        list.push(async { Err::<u32, _>("refused") });
        // All the others are pending, and stay so until the error is here.
        let error = wait(list.try_join()).unwrap_err();
        assert_eq!(error.entry(), Some(&*(n - 1).to_string()));
        assert_eq!(list.pending(), n - 1);
        assert!(slots.into_iter().all(|slot| slot.fill(0)));
    }
}

/// Elsewhere: joining everything panics if one task was aborted.
#[test]
fn no_4_joining_a_cancelled_entry_does_not_panic() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    kv.put("a", async { 1 });
    kv.put("b", std::future::pending::<u32>()).cancel();
    kv.put("c", async { panic!("deliberate") as u32 });
    let endings: Vec<_> = wait(kv.join())
        .into_iter()
        .map(|(key, reply)| (*key, reply.map_or_else(|e| e.ending(), |_| Some(Ending::Ok))))
        .collect();
    let expected = [("a", Ending::Ok), ("b", Ending::Cancelled), ("c", Ending::Panicked)];
    assert_eq!(endings, expected.map(|(key, ending)| (key, Some(ending))));
    assert!(wait(kv.try_join()).is_err());
    assert_eq!(wait(kv.into_results()).unwrap().len(), 3);
}

/// Elsewhere: putting a key again throws a finished result away that nobody has taken yet.
#[test]
fn no_5_putting_a_key_again_loses_no_result() {
    let watch = Watch::new();
    let kv = Kv::<_, (u32, crate::leaks::Life)>::on(&Threads);
    let first = kv.insert("a", (1, watch.life()));
    let value: *const _ = first.get_blocking().unwrap();
    kv.insert("a", (2, watch.life()));
    assert_eq!(watch.alive(), 2);
    assert_eq!(kv["a"].0, 2);
    assert!(std::ptr::eq(value, first.get_blocking().unwrap()));
    let mut arrivals = kv.arrivals();
    let mut seen = Vec::new();
    while let Some((key, reply)) = wait(arrivals.next()) {
        seen.push((*key, reply.unwrap().0));
    }
    assert_eq!(seen, [("a", 1), ("a", 2)]);
}

/// Elsewhere: a limit and a map in the wrong order ran ten at once and gave completion order.
#[test]
fn no_7_the_limit_holds_and_so_does_the_order() {
    let _watch = Watch::new();
    let list = Ordered::<usize>::builder().on(&Threads).limit(2).build();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (open, opened) = channel();
    for n in 0..10 {
        let (now, most, open) = (now.clone(), most.clone(), open.clone());
        list.push_blocking(move || {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            let (go, going) = channel::<()>();
            open.send((n, go)).unwrap();
            let _ = going.recv();
            now.fetch_sub(1, SeqCst);
            Ok::<_, Error>(n)
        });
    }
    // The later of the two that run goes first: completion order is not push order.
    let mut running = vec![recv(&opened), recv(&opened)];
    for _ in 2..10 {
        running.sort_by_key(|(n, _)| *n);
        drop(running.pop());
        running.push(recv(&opened));
    }
    drop(running);
    let read: Vec<_> = (&list).into_iter().map(|reply| *reply.unwrap()).collect();
    assert!(read.into_iter().eq(0..10));
    assert_eq!(most.load(SeqCst), 2);
    let first = *wait(list.first()).unwrap().0;
    assert_ne!(first, 0, "and they did not end in order");
}

/// Elsewhere: a wait in a loop of `select!` leaves a waker behind at each turn.
#[test]
fn a_wait_that_is_given_up_leaves_nothing_behind() {
    struct Counted(Arc<crate::leaks::Life>);
    impl std::task::Wake for Counted {
        fn wake(self: Arc<Self>) {
            let _ = &self.0;
        }
    }
    let watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    let slot = kv.slot("slot");
    for _ in 0..1_000 {
        let life = Arc::new(watch.life());
        let waker = std::task::Waker::from(Arc::new(Counted(life)));
        let mut get = kv.get("slot");
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(std::pin::Pin::new(&mut get).poll(&mut cx).is_pending());
        let mut next = Box::pin(kv.next());
        assert!(next.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(watch.alive(), 0);
    let mut get = kv.get("slot");
    assert!(poll_once(&mut get).is_pending());
    assert!(slot.fill(1));
    assert!(poll_once(&mut get).is_ready());
}
