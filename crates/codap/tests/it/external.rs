//! Entries whose work is done outside of codap: limits, deadlines, arrival order and cancels hold
//! for them as for any other, and no thread blocks for them.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codap::{Error, External, Kv, Ordered, Threads};

use crate::leaks::{Life, Watch};
use crate::stage::{bounded, recv, wait};

#[test]
fn they_start_in_order_as_the_limit_allows_and_arrive_as_they_end() {
    let _watch = Watch::new();
    let list = Ordered::<u32>::builder().on(&Threads).limit(3).build();
    let (open, opened) = channel();
    for n in 0..9 {
        let open = open.clone();
        list.push_external(move |entry| open.send((n, entry)).unwrap());
    }
    let mut running: Vec<(u32, External<u32>)> = opened.try_iter().collect();
    let mut ends = Vec::new();
    while let Some((n, entry)) = running.pop() {
        assert!(entry.fill(n));
        ends.push(n as usize);
        running.extend(opened.try_iter());
    }
    assert_eq!(ends, [2, 3, 4, 5, 6, 7, 8, 1, 0]);
    for end in ends {
        assert_eq!(*wait(list.next()).unwrap().0, end);
    }
}

#[test]
fn a_deadline_ends_them_started_or_not() {
    let watch = Watch::new();
    let after = Duration::from_millis(20);
    let kv = Kv::<_, Life>::builder().on(&Threads).limit(1).deadline(after).build();
    let (open, opened) = channel();
    let mut replies = Vec::new();
    for n in 0..2 {
        let (open, life) = (open.clone(), watch.life());
        replies.push(kv.put_external(n, move |entry| open.send((life, entry)).unwrap()));
    }
    let (life, running) = recv(&opened);
    for reply in &replies {
        let error = wait(reply.get()).unwrap_err();
        assert!(error.is_timeout() && error.elapsed() >= after, "{error}");
    }
    // What is over still holds its permit, until the outside work lets go.
    assert!(running.is_over() && opened.try_recv().is_err());
    assert!(!running.fill(life));
    assert!(opened.try_recv().is_err(), "an entry past its deadline was started");
}

#[test]
fn cancelled_in_the_queue_they_are_never_started() {
    let watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).limit(1).build();
    let (open, opened) = channel();
    for n in 0..3 {
        let (open, life) = (open.clone(), watch.life());
        kv.put_external(n, move |entry| open.send((n, entry, life)).unwrap());
    }
    let (_, first, _life) = recv(&opened);
    assert!(kv.cancel(&1));
    assert!(first.fill(0));
    let (n, third, _life) = recv(&opened);
    assert_eq!(n, 2, "the permit passes over who was cancelled");
    assert!(third.fill(0));
    assert!(opened.try_recv().is_err());
    wait(kv.shutdown());
}

#[test]
fn a_hundred_thousand_that_end_at_once_do_not_use_up_the_stack() {
    let _watch = Watch::new();
    // Each end starts the next: one inside another they would need some 50 MiB.
    let small = std::thread::Builder::new().stack_size(128 << 10);
    let thread = small.spawn(|| {
        let list = Ordered::<usize>::builder().on(&Threads).limit(1).build();
        let held: Arc<Mutex<Option<External<usize>>>> = Arc::default();
        let hold = held.clone();
        list.push_external(move |entry| *hold.lock().unwrap() = Some(entry));
        for n in 1..100_000 {
            list.push_external(move |entry| assert!(entry.fill(n)));
        }
        assert_eq!(list.done(), 0);
        let first = held.lock().unwrap().take().unwrap();
        assert!(first.fill(0));
        assert_eq!((list.done(), list.failed()), (100_000, 0));
        assert!((&list).into_iter().map(Result::unwrap).copied().eq(0..100_000));
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn a_chain_of_callbacks_does_not_use_up_the_stack() {
    let _watch = Watch::new();
    let small = std::thread::Builder::new().stack_size(128 << 10);
    let thread = small.spawn(|| {
        let list = Ordered::<usize>::on(&Threads);
        let mut slots: Vec<_> = (0..100_000).map(|_| list.slot()).collect();
        let first = slots.remove(0);
        let mut before = first.reply();
        for slot in slots {
            let own = slot.reply();
            before.on_done(move |reply| assert!(slot.fill(reply.unwrap() + 1)));
            before = own;
        }
        assert!(first.fill(0));
        assert_eq!(list[99_999], 99_999);
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn ten_thousand_hold_no_thread() {
    let _watch = Watch::new();
    let list = Ordered::<usize>::on(&Threads);
    let (open, opened) = channel();
    for n in 0..10_000 {
        let open = open.clone();
        list.push_external(move |entry| {
            open.send((std::thread::current().id(), n, entry)).unwrap()
        });
    }
    let entries: Vec<_> = opened.try_iter().collect();
    assert_eq!(entries.len(), 10_000, "all were started within their puts");
    let here = std::thread::current().id();
    assert!(entries.iter().all(|(thread, ..)| *thread == here));
    std::thread::scope(|scope| {
        let (even, odd): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(_, n, _)| n % 2 == 0);
        for half in [even, odd] {
            scope.spawn(move || half.into_iter().for_each(|(_, n, entry)| assert!(entry.fill(n))));
        }
    });
    assert!((&list).into_iter().map(Result::unwrap).copied().eq(0..10_000));
}

#[test]
fn a_pause_lets_others_run_and_resume_waits_its_turn() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).limit(1).build();
    let (open, opened) = channel();
    let put = |key: &'static str| {
        let open = open.clone();
        kv.put_external(key, move |entry| open.send(entry).unwrap())
    };
    let (_outer, inner, _later) = (put("outer"), put("inner"), put("later"));
    let outer = recv(&opened);
    assert!(opened.try_recv().is_err());
    let pause = outer.pause_for(&inner).unwrap();
    let in_work = recv(&opened);
    // The inner one works: whoever resumes now stands in line, before who has not started.
    let (resumed, resumes) = channel();
    pause.resume(move || resumed.send(outer).unwrap());
    assert!(resumes.try_recv().is_err(), "the only permit is in use");
    assert!(in_work.fill(1));
    let outer = recv(&resumes);
    assert!(opened.try_recv().is_err(), "who comes back goes first");
    assert!(outer.fill(2));
    assert!(recv(&opened).fill(3));
    assert_eq!((kv["outer"], kv["inner"], kv["later"]), (2, 1, 3));
}

#[test]
fn what_is_read_in_its_name_counts_as_its_wait() {
    let _watch = Watch::new();
    let kv = Arc::new(Kv::<_, u32>::builder().on(&Threads).limit(1).build());
    let (open, opened) = channel();
    let outer = kv.put_external("outer", move |entry| open.send(entry).unwrap());
    let entry = recv(&opened);
    let handle = kv.handle();
    let sum = bounded(move || {
        let part = entry.enter(|| {
            // Would hang under the limit if it did not count.
            let inner = handle.put_blocking("inner", || 20);
            inner.get_blocking().copied()
        });
        entry.fill(part.unwrap() + 1)
    });
    assert!(sum);
    assert_eq!(*wait(outer.get()).unwrap(), 21);
}

#[test]
fn an_entry_cancelled_while_it_pauses_lets_its_work_know() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).limit(1).build();
    let (open, opened) = channel();
    let reply = kv.put_external("outer", move |entry| open.send(entry).unwrap());
    let entry = recv(&opened);
    let slot = kv.slot("awaited");
    let pause = entry.pause_for(&slot.reply()).unwrap();
    assert!(reply.cancel());
    let (resumed, resumes) = channel();
    pause.resume(move || resumed.send(entry).unwrap());
    let entry = recv(&resumes);
    assert!(entry.is_over() && !entry.fill(1));
    let after = kv.put("after", async { Ok::<_, Error>(1) });
    assert_eq!(*wait(after.get()).unwrap(), 1, "the permit is back");
}
