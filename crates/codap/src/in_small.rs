//! The whole core in small, on plain threads: short enough for Miri to interpret.

use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_core::Stream;

use crate::leaks::Watch;
use crate::reply::park_on;
use crate::{
    BoxError, Ending, Error, FirstReply, Kv, KvHandle, Ordered, Reply, Threads, drain, fetch,
};

fn wait<F: Future>(future: F) -> F::Output {
    park_on(&mut pin!(future))
}

/// Tells when it is dropped.
struct Guard(Sender<&'static str>, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        // Who does not listen any more does not mind.
        let _ = self.0.send(self.1);
    }
}

#[test]
fn every_way_to_put_and_to_read() {
    let _watch = Watch::new();
    let kv = Kv::<String, String>::on(&Threads);
    let text = |text: &str| text.to_owned();
    kv.put(text("future"), async { "a".to_owned() });
    kv.put_with(text("context"), Arc::new(7), |n| async move { n.to_string() });
    kv.put_blocking(text("function"), || Ok::<_, BoxError>("b".to_owned()));
    kv.put(text("error"), async { Err::<String, _>("no") });
    kv.insert(text("value"), text("c"));
    let slot = kv.slot(text("slot"));
    assert!(kv.try_get("slot").is_none());
    assert!(slot.fill(text("d")));
    assert_eq!(wait(kv.get("future")).unwrap(), "a");
    assert_eq!(kv.get_blocking("context").unwrap(), "7");
    assert_eq!(kv["function"], "b");
    assert_eq!(kv.try_get("value").unwrap().unwrap(), "c");
    assert_eq!(kv["slot"], "d");
    assert!(kv.get_blocking("error").unwrap_err().is_failed());
    assert!(kv.get_blocking("other").unwrap_err().is_missing());
    assert_eq!((kv.len(), kv.done(), kv.failed()), (6, 6, 1));
}

#[test]
fn two_threads_put_and_read_while_the_arena_grows() {
    let _watch = Watch::new();
    const EACH: usize = if cfg!(miri) { 50 } else { 5_000 };
    let kv = Kv::<usize, usize>::on(&Threads);
    let begin = Barrier::new(2);
    thread::scope(|scope| {
        for first in [0, 1] {
            let (kv, begin) = (&kv, &begin);
            scope.spawn(move || {
                begin.wait();
                for n in (first..2 * EACH).step_by(2) {
                    kv.insert(n, n);
                    assert_eq!(kv[&n], n);
                    match kv.try_get(&(n ^ 1)) {
                        Some(Ok(other)) => assert_eq!(*other, n ^ 1),
                        Some(Err(error)) => assert!(error.is_missing(), "{error}"),
                        None => {}
                    }
                }
            });
        }
    });
    assert_eq!(kv.len(), 2 * EACH);
    let results = wait(kv.into_results()).unwrap();
    assert!(results.into_iter().all(|(key, reply)| reply.is_ok_and(|value| value == key)));
}

#[test]
fn a_key_that_is_put_again() {
    let _watch = Watch::new();
    let kv = Kv::<&str, u32>::on(&Threads);
    let (sender, receiver) = channel();
    let guard = Guard(sender, "dropped");
    let replaced = kv.put("key", async move {
        let _guard = guard;
        pending::<u32>().await
    });
    kv.insert("key", 2);
    assert!(replaced.get_blocking().unwrap_err().is_cancelled());
    assert_eq!(kv["key"], 2);
    assert_eq!(receiver.recv(), Ok("dropped"));
}

#[test]
fn cancelled_while_it_runs_and_while_it_waits_for_a_permit() {
    let _watch = Watch::new();
    let list = Ordered::<u32>::builder().on(&Threads).limit(1).build();
    let (sender, receiver) = channel();
    let (runs, waits) = (Guard(sender.clone(), "runs"), Guard(sender, "waits"));
    let runs = list.push(async move {
        let _runs = runs;
        pending::<u32>().await
    });
    let waits = list.push_blocking(move || {
        let _waits = &waits;
        2
    });
    let last = list.push(ready(3));
    assert!(waits.cancel());
    assert!(runs.cancel());
    assert!(!runs.cancel());
    assert_eq!(last.get_blocking().unwrap(), &3);
    let mut dropped = [receiver.recv().unwrap(), receiver.recv().unwrap()];
    dropped.sort_unstable();
    assert_eq!(dropped, ["runs", "waits"]);
    wait(list.shutdown());
}

#[test]
fn a_dropped_container_cancels_and_its_replies_stay() {
    let _watch = Watch::new();
    let kv = Kv::<&str, String>::on(&Threads);
    let (sender, receiver) = channel();
    let guard = Guard(sender, "dropped");
    let done = kv.insert("done", "value".to_owned());
    let runs = kv.put("runs", async move {
        let _guard = guard;
        pending::<String>().await
    });
    let slot = kv.slot("slot");
    drop(kv);
    assert_eq!(done.get_blocking().unwrap(), "value");
    assert!(runs.get_blocking().unwrap_err().is_cancelled());
    assert_eq!(receiver.recv(), Ok("dropped"));
    assert!(slot.is_over());
    assert!(!slot.fill("late".to_owned()));
}

#[test]
fn a_detached_container_runs_on() {
    let _watch = Watch::new();
    let kv = Kv::<&str, u32>::on(&Threads);
    let (sender, receiver) = channel();
    let go = kv.slot("go");
    let gone = go.reply();
    let late = kv.put("late", async move {
        let answer = gone.get().await.copied();
        sender.send(()).expect("the test waits for it");
        answer
    });
    kv.detach();
    assert!(go.fill(7));
    assert_eq!(receiver.recv(), Ok(()));
    assert_eq!(late.get_blocking().unwrap(), &7);
}

/// Panics when it is dropped, once.
#[derive(Debug)]
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("in a drop");
    }
}

#[test]
fn panics_in_work_and_in_drops() {
    let _watch = Watch::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let bomb = || Bomb(drops.clone());
    let list = Ordered::<Option<Bomb>>::on(&Threads);
    let in_poll = list.push(poll_fn(|_| -> Poll<Option<Bomb>> { panic!("in a poll") }));
    let in_call = list.push_blocking(|| -> Option<Bomb> { panic!("in a call") });
    let held = bomb();
    let of_future = list.push(async move {
        let _held = held;
        None
    });
    let payload = bomb();
    let of_payload = list.push_blocking(move || -> Option<Bomb> { std::panic::panic_any(payload) });
    let value = bomb();
    let of_value = list.push(async move { Some(value) });
    for reply in [in_poll, in_call, of_future, of_payload] {
        assert!(reply.get_blocking().unwrap_err().is_panic());
    }
    assert!(of_value.get_blocking().unwrap().is_some());
    drop(of_value);
    drop(list);
    // The task of the last may let go of it a little later.
    while drops.load(Ordering::Relaxed) < 3 {
        thread::yield_now();
    }
}

#[test]
fn a_limit_holds_and_starts_in_order() {
    let _watch = Watch::new();
    const ALL: usize = 12;
    let list = Ordered::<usize>::builder().on(&Threads).limit(1).build();
    let (running, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for n in 0..ALL {
        let (running, started) = (running.clone(), started.clone());
        let work = move || {
            assert_eq!(running.fetch_add(1, Ordering::Relaxed), 0);
            assert_eq!(started.fetch_add(1, Ordering::Relaxed), n);
            assert_eq!(running.fetch_sub(1, Ordering::Relaxed), 1);
            n
        };
        if n % 2 == 0 {
            list.push(async move { work() });
        } else {
            list.push_blocking(work);
        }
    }
    for n in 0..ALL {
        assert_eq!(list[n], n);
    }
}

#[test]
fn entries_wait_for_entries_with_one_permit() {
    let _watch = Watch::new();
    fn future(kv: KvHandle<u32, u32>, n: u32) -> crate::BoxFuture {
        Box::pin(async move {
            if n > 0 {
                let inner = kv.put(n - 1, nested(kv.clone(), n - 1));
                inner.get().await.expect("the inner entry ends");
            }
        })
    }
    async fn nested(kv: KvHandle<u32, u32>, n: u32) -> u32 {
        future(kv, n).await;
        n
    }
    fn function(kv: &KvHandle<u32, u32>, n: u32) -> Result<u32, Error> {
        let handle = kv.clone();
        match n.checked_sub(1) {
            Some(n) => Ok(kv.put_blocking(n, move || function(&handle, n)).get_blocking()? + 1),
            None => Ok(0),
        }
    }
    let kv = Kv::<u32, u32>::builder().on(&Threads).limit(1).build();
    assert_eq!(kv.put(4, nested(kv.handle(), 4)).get_blocking().unwrap(), &4);
    let kv = Kv::<u32, u32>::builder().on(&Threads).limit(1).build();
    let handle = kv.handle();
    assert_eq!(kv.put_blocking(4, move || function(&handle, 4)).get_blocking().unwrap(), &4);
}

#[test]
fn an_entry_that_waits_for_itself() {
    let _watch = Watch::new();
    let kv = Kv::<&str, u32>::on(&Threads);
    let (first, second) = (kv.handle(), kv.handle());
    let begin = kv.slot("begin");
    let begun = begin.reply();
    kv.put("first", async move {
        begun.get().await?;
        first.get("second").await.copied()
    });
    kv.put("second", async move { second.get("first").await.copied() });
    assert!(begin.fill(0));
    for key in ["first", "second"] {
        assert!(kv.get_blocking(key).unwrap_err().root().is_cycle());
    }
}

#[test]
fn arrivals_and_races() {
    let _watch = Watch::new();
    let race = FirstReply::<u32>::on(&Threads);
    race.push(async { Err::<u32, _>("no") });
    let slow = race.push(pending::<u32>());
    assert!(race.get_blocking(0).unwrap_err().is_failed());
    race.push_blocking(|| 7);
    assert_eq!(wait(race.first_ok()).unwrap(), (&2, &7));
    assert!(slow.get_blocking().unwrap_err().is_cancelled());
    let mut pushes = Vec::new();
    while let Some((push, _)) = wait(race.next()) {
        pushes.push(*push);
    }
    assert_eq!(pushes, [0, 2, 1]);
    assert_eq!(wait(race.join()).len(), 3);
}

#[test]
fn a_deadline_ends_what_runs_and_what_waits() {
    let _watch = Watch::new();
    let after = Duration::from_millis(5);
    let list = Ordered::<u32>::builder().on(&Threads).limit(1).deadline(after).build();
    let replies = [list.push(pending::<u32>()), list.push(async { 7 }), list.push_blocking(|| 7)];
    assert!(replies[0].get_blocking().unwrap_err().is_timeout());
    wait(list.join());
    assert!(replies.iter().all(|reply| reply.ending().is_some()));
    wait(list.shutdown());
}

#[test]
fn attempts_and_a_default() {
    let _watch = Watch::new();
    let kv = Kv::<&str, u32>::builder().on(&Threads).limit(1).build();
    let tries = Arc::new(AtomicUsize::new(0));
    let count = tries.clone();
    let retried = kv.put(
        "retried",
        fetch(move || {
            let nth = count.fetch_add(1, Ordering::Relaxed);
            async move { if nth < 2 { Err("not yet") } else { Ok(7) } }
        })
        .retry([Duration::from_millis(1); 3]),
    );
    let hung = fetch(pending::<Result<u32, BoxError>>).timeout(Duration::from_millis(1)).or(3);
    let defaulted = kv.put("defaulted", hung);
    assert_eq!(retried.get_blocking().unwrap(), &7);
    assert_eq!(tries.load(Ordering::Relaxed), 3);
    assert_eq!(defaulted.get_blocking().unwrap(), &3);
    assert_eq!(defaulted.ending(), Some(Ending::Defaulted));
}

#[test]
fn the_bulk_form_gives_everything_once() {
    let _watch = Watch::new();
    let all = if cfg!(miri) { 30 } else { 3_000 };
    let mut bulk =
        pin!(drain((0..all).map(|n| async move { Ok::<_, BoxError>(n) })).limit(3).on(&Threads));
    let mut sum = 0;
    while let Some((_, reply)) = wait(poll_fn(|cx| bulk.as_mut().poll_next(cx))) {
        sum += reply.unwrap();
    }
    assert_eq!(sum, (0..all).sum::<u32>());
}

#[test]
fn outside_work_starts_and_pauses_by_permits() {
    let _watch = Watch::new();
    let kv = Kv::<u32, u32>::builder().on(&Threads).limit(1).build();
    let (sender, receiver) = channel();
    for n in 0..2 {
        let sender = sender.clone();
        kv.put_external(n, move |entry| sender.send(entry).expect("the test listens"));
    }
    let other = Kv::<(), u32>::on(&Threads);
    let slot = other.slot(());
    let first = receiver.recv().unwrap();
    assert!(receiver.try_recv().is_err());
    let pause = first.pause_for(&slot.reply()).unwrap();
    let second = receiver.recv().unwrap();
    let (back, resumed) = channel();
    let resume = Arc::new(std::sync::Mutex::new(Some((pause, back))));
    slot.reply().on_done(move |_| {
        let (pause, back) = resume.lock().unwrap().take().expect("called once");
        pause.resume(move || back.send(()).expect("the test listens"));
    });
    let fills = thread::spawn(move || slot.fill(1));
    assert!(fills.join().unwrap());
    assert!(resumed.try_recv().is_err());
    assert!(second.fill(2));
    assert_eq!(resumed.recv(), Ok(()));
    assert!(first.fill(1));
    assert_eq!((kv[&0], kv[&1]), (1, 2));
}

#[test]
fn a_long_chain_of_errors_is_passed_on_and_dropped() {
    let _watch = Watch::new();
    #[derive(Debug)]
    struct Wrapped(Error);
    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "after {} attempts", self.0.attempts())
        }
    }
    impl std::error::Error for Wrapped {}
    let links = if cfg!(miri) { 200 } else { 300_000 };
    let list = Ordered::<()>::on(&Threads);
    let mut error = list.push(async { Err::<(), _>("first") }).get_blocking().unwrap_err();
    for _ in 0..links {
        error = Error::failed(Box::new(Wrapped(error)), "link", Duration::ZERO);
    }
    drop(error);
}

#[test]
fn what_happened_is_recorded() {
    let _watch = Watch::new();
    let kv = Kv::<u32, u32>::builder().on(&Threads).limit(1).record(true).build();
    let handle = kv.handle();
    let outer: Reply<u32> =
        kv.put(0, async move { handle.put(1, async { 7 }).get().await.copied() });
    assert_eq!(outer.get_blocking().unwrap(), &7);
    let events = kv.events();
    assert!(events.is_sorted_by_key(|event| event.at));
    assert_eq!(events.iter().filter(|event| event.entry == 1).count(), 4);
}

#[test]
fn a_poll_that_is_given_up_leaves_the_entry_readable() {
    let _watch = Watch::new();
    let kv = Kv::<&str, u32>::on(&Threads);
    let slot = kv.slot("late");
    {
        let mut get = pin!(kv.get("late"));
        let polled = get.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled.map(|reply| reply.is_ok()), Poll::Pending);
    }
    assert!(slot.fill(7));
    assert_eq!(kv["late"], 7);
}
