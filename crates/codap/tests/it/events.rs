//! The record of what happened: in order, complete, and with who waited for whom.

use std::sync::mpsc::channel;
use std::time::Duration;

use codap::{Ending, Error, Event, Kv, Threads, Waiter, What};

use crate::leaks::Watch;
use crate::stage::{poll_once, recv, wait};

/// What is recorded of one entry, waits left out.
fn of(events: &[Event], entry: usize) -> Vec<What> {
    let own = events.iter().filter(|event| event.entry == entry).map(|event| event.what.clone());
    own.filter(|what| !matches!(what, What::Waited { .. })).collect()
}

#[test]
fn nothing_is_recorded_unless_asked() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    kv.put("a", async { 1 });
    assert_eq!(kv["a"], 1);
    assert!(kv.events().is_empty());
}

#[test]
fn queued_started_ended_for_every_kind_of_entry() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).record(true).build();
    kv.put(0, async { 1 });
    kv.put_blocking(1, || Err::<u32, _>("refused"));
    drop(kv.slot(2));
    kv.put_external(3, |entry| assert!(entry.cancel()));
    kv.put(4, async { panic!("deliberate") as u32 });
    wait(kv.join());
    let events = kv.events();
    assert!(events.is_sorted_by_key(|event| event.at));
    let endings =
        [Ending::Ok, Ending::Failed, Ending::Abandoned, Ending::Cancelled, Ending::Panicked];
    for (n, ending) in endings.into_iter().enumerate() {
        assert_eq!(of(&events, n), [What::Queued, What::Started, What::Ended(ending)], "of {n}");
    }
}

/// An entry that was cancelled in the queue had an end and no beginning: its put was recorded with
/// its start only, which never came.
#[test]
fn what_never_started_was_queued_all_the_same() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).limit(1).record(true).build();
    let (open, opened) = channel();
    kv.put_external(0, move |entry| open.send(entry).unwrap());
    let first = recv(&opened);
    kv.put(1, async { 1 });
    kv.put_external(2, |entry| assert!(entry.fill(2)));
    assert!(kv.cancel(&1) && kv.cancel(&2));
    kv.insert(3, 3);
    let queued = first.reply();
    assert!(first.fill(0));
    assert_eq!(*wait(queued.get()).unwrap(), 0);
    let events = kv.events();
    for (n, ending) in [(1, Ending::Cancelled), (2, Ending::Cancelled), (3, Ending::Ok)] {
        assert_eq!(of(&events, n), [What::Queued, What::Ended(ending)], "of {n}");
    }
}

#[test]
fn the_queue_is_seen_between_put_and_start() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).limit(1).record(true).build();
    let (open, opened) = channel();
    kv.put_external("first", move |entry| open.send(entry).unwrap());
    let second = kv.put("second", async { 2 });
    let first = recv(&opened);
    assert_eq!(of(&kv.events(), 1), [What::Queued], "it is seen while it waits");
    assert!(first.fill(1));
    assert_eq!(*wait(second.get()).unwrap(), 2);
    let events = kv.events();
    let at = |entry: usize, what: What| {
        events.iter().find(|event| event.entry == entry && event.what == what).unwrap().at
    };
    assert!(at(1, What::Queued) <= at(0, What::Ended(Ending::Ok)));
    assert!(at(1, What::Started) >= at(0, What::Ended(Ending::Ok)), "under limit 1");
}

#[test]
fn who_waited_for_whom_from_when_to_when() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).record(true).build();
    let slot = kv.slot("slot");
    let (polled, polls) = channel();
    let awaited = slot.reply();
    let secret = "https://ada:s3cret@host/?token=s3cret";
    let reader = kv.put(secret, async move {
        let mut get = awaited.get();
        assert!(poll_once(&mut get).is_pending());
        polled.send(()).unwrap();
        Ok::<_, Error>(get.await? + 1)
    });
    recv(&polls);
    let mut outside = reader.get();
    assert!(poll_once(&mut outside).is_pending());
    // One that gives up has waited as well.
    let mut gives_up = reader.get();
    assert!(poll_once(&mut gives_up).is_pending());
    drop(gives_up);
    let before = kv.recorded_since().elapsed();
    assert!(slot.fill(1));
    assert_eq!(*wait(outside).unwrap(), 2);
    let waits: Vec<_> = kv
        .events()
        .into_iter()
        .filter_map(|event| match event.what {
            What::Waited { by, from } => Some((event.entry, by, from, event.at)),
            _ => None,
        })
        .collect();
    assert!(waits.iter().all(|(_, _, from, at)| from <= at && *from <= before));
    assert_eq!(waits.iter().filter(|w| w.0 == 1 && w.1 == Waiter::Outside).count(), 2);
    let inside: Vec<_> = waits.iter().filter(|(entry, ..)| *entry == 0).collect();
    let [(_, Waiter::Entry { container, entry, name }, _, until)] = &inside[..] else {
        panic!("one entry waited for the slot: {waits:?}")
    };
    assert_eq!((*container, *entry), (kv.id(), 1));
    assert!(!name.contains("s3cret"), "{name}");
    assert!(*until >= before, "it waited until the slot was filled");
}

#[test]
fn a_wait_across_containers_names_the_waiting_one() {
    let _watch = Watch::new();
    let first = Kv::<_, u32>::builder().on(&Threads).record(true).build();
    let second = Kv::<_, u32>::on(&Threads);
    let slot = first.slot("slot");
    let (polled, polls) = channel();
    let awaited = slot.reply();
    let reader = second.put("reader", async move {
        let mut get = awaited.get();
        assert!(poll_once(&mut get).is_pending());
        polled.send(()).unwrap();
        get.await.copied()
    });
    recv(&polls);
    assert!(slot.fill(1));
    assert_eq!(*wait(reader.get()).unwrap(), 1);
    let named = first.events().into_iter().any(|event| match event.what {
        What::Waited { by: Waiter::Entry { container, entry, name }, .. } => {
            (container, entry, &*name) == (second.id(), 0, "\"reader\"")
        }
        _ => false,
    });
    assert!(named);
}

/// Who waited for which entry, in the order in which they stopped.
fn waits(events: Vec<Event>) -> Vec<(usize, Waiter)> {
    let waited = |event: Event| match event.what {
        What::Waited { by, .. } => Some((event.entry, by)),
        _ => None,
    };
    events.into_iter().filter_map(waited).collect()
}

/// A `finish_by` whose time was up, or a `join` that was dropped, left no trace, although it is
/// known for whom they waited.
#[test]
fn a_wait_for_everything_that_is_given_up_was_for_what_was_pending() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).record(true).build();
    let one = kv.slot(0);
    kv.insert(1, 1);
    let other = kv.slot(2);
    assert_eq!(wait(kv.finish_by(std::time::Instant::now())).missing().len(), 2);
    assert_eq!(waits(kv.events()), [(0, Waiter::Outside), (2, Waiter::Outside)]);
    assert!(one.fill(0));
    {
        let mut join = Box::pin(kv.join());
        assert!(poll_once(&mut join).is_pending());
        // Which arrival this would have seen, nobody knows.
        let mut next = Box::pin(kv.arrivals());
        assert!(
            poll_once(&mut Box::pin(async { while next.next().await.is_some() {} })).is_pending()
        );
    }
    assert_eq!(waits(kv.events())[2..], [(2, Waiter::Outside)]);
    let mut join = Box::pin(kv.join());
    assert!(poll_once(&mut join).is_pending());
    assert!(other.fill(2));
    assert_eq!(wait(join).len(), 3);
    assert_eq!(waits(kv.events())[3..], [(2, Waiter::Outside)], "it came to its end");
}

#[test]
fn a_wait_for_everything_in_an_entry_names_that_entry() {
    let _watch = Watch::new();
    let parts = Kv::<_, u32>::builder().on(&Threads).record(true).build();
    let slot = parts.slot("slot");
    let parts = std::sync::Arc::new(parts);
    let whole = Kv::<_, bool>::on(&Threads);
    let inside = parts.clone();
    whole.put(
        "whole",
        async move { inside.finish_by(std::time::Instant::now()).await.is_complete() },
    );
    assert!(!whole["whole"]);
    let name = String::from("\"whole\"");
    let by = Waiter::Entry { container: whole.id(), entry: 0, name };
    assert_eq!(waits(parts.events()), [(0, by)]);
    assert!(slot.fill(1));
}

#[test]
fn times_are_counted_from_the_first_put() {
    let _watch = Watch::new();
    let before = std::time::Instant::now();
    let kv = Kv::<_, u32>::builder().on(&Threads).record(true).build();
    kv.put("a", async { 1 });
    assert_eq!(kv["a"], 1);
    let since = kv.recorded_since();
    assert!(since >= before);
    let last = kv.events().last().map_or(Duration::ZERO, |event| event.at);
    assert!(since + last <= std::time::Instant::now());
}
