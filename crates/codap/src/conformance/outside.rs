//! Entries whose work is done elsewhere, callbacks, and the record of what happened.

use std::sync::mpsc::channel;

use super::kit::{Home, Shape, Value, wait};
use crate::{Ending, Waiter, What};

pub(super) fn external_entries_obey_the_limit<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(2).build();
    let (open, opened) = channel();
    let replies: Vec<_> = (0..10)
        .map(|n| {
            let open = open.clone();
            c.external(n, move |entry| open.send((n, entry)).unwrap())
        })
        .collect();
    let mut running: Vec<_> = opened.try_iter().collect();
    for n in 2..10 {
        assert_eq!(running.len(), 2, "as many as may run");
        let (_, entry) = running.remove(0);
        assert!(entry.fill(Value::new(0)));
        running.extend(opened.try_iter());
        assert_eq!(running[1].0, n, "the next is started by the end of one");
    }
    assert!(replies[8].cancel());
    running.into_iter().for_each(|(n, entry)| {
        assert_eq!(entry.is_over(), n == 8);
        entry.fill(Value::new(0));
    });
    assert_eq!(wait(c.join()).len(), 10);
    assert_eq!(c.failed(), 1);
}

pub(super) fn external_entries_end_in_every_way<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let ends = [
        (c.external(0, |entry| assert!(entry.fill(Value::new(1)))), Ending::Ok),
        (c.external(1, |entry| assert!(entry.fail("refused"))), Ending::Failed),
        (c.external(2, |entry| assert!(entry.cancel())), Ending::Cancelled),
        (c.external(3, drop), Ending::Abandoned),
    ];
    for (n, (reply, ending)) in ends.iter().enumerate() {
        assert_eq!(reply.ending(), Some(*ending));
        assert_eq!(*wait(c.next()).unwrap().0, n, "arrivals are in the order of the ends");
    }
    let (open, opened) = channel();
    let reply = c.external(4, move |entry| open.send(entry).unwrap());
    let entry = opened.recv().unwrap();
    assert!(reply.cancel());
    assert!(entry.is_over() && !entry.fill(Value::new(0)));
}

pub(super) fn a_pause_gives_the_permit_back<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let (open, opened) = channel();
    let first = c.external(0, move |entry| open.send(entry).unwrap());
    let entry = opened.recv().unwrap();
    let second = c.add(1, async { Value::new(20) });
    assert!(second.try_get().is_none(), "the first holds the only permit");
    let pause = entry.pause_for(&second).unwrap();
    let part = wait(second.get()).unwrap().number;
    let (resumed, resumes) = channel();
    pause.resume(move || resumed.send(()).unwrap());
    resumes.recv().unwrap();
    let third = c.external(2, |entry| assert!(entry.fill(Value::new(0))));
    assert!(third.try_get().is_none(), "the first holds it again");
    assert!(entry.fill(Value::new(part + 1)));
    assert_eq!(wait(first.get()).unwrap().number, 21);
    assert_eq!(wait(third.get()).unwrap().number, 0);
}

pub(super) fn a_pause_that_would_never_end_is_a_cycle<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let (open, opened) = channel();
    let replies = [0, 1].map(|n| {
        let open = open.clone();
        c.external(n, move |entry| open.send(entry).unwrap())
    });
    let entries = [opened.recv().unwrap(), opened.recv().unwrap()];
    let pause = entries[0].pause_for(&replies[1]).unwrap();
    assert!(entries[0].pause_for(&replies[0]).unwrap_err().is_cycle(), "itself");
    assert!(entries[1].pause_for(&replies[0]).unwrap_err().is_cycle(), "each other");
    assert!(entries[1].enter(|| replies[0].get_blocking().is_err_and(|error| error.is_cycle())));
    drop(pause);
    assert!(entries[1].pause_for(&replies[0]).is_ok(), "nobody waits any more");
}

pub(super) fn callbacks_are_called_once<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let (called, calls) = channel();
    let tell = |what: &'static str| {
        let called = called.clone();
        move |reply: Result<&Value, crate::Error>| called.send((what, reply.is_ok())).unwrap()
    };
    let slot = c.slot(0);
    let reply = slot.reply();
    reply.on_done(tell("before"));
    assert!(calls.try_recv().is_err());
    assert!(slot.fill(Value::new(0)));
    reply.on_done(tell("after"));
    let cancelled = c.slot(1);
    cancelled.reply().on_done(tell("cancelled"));
    assert!(cancelled.reply().cancel());
    let all: Vec<_> = calls.try_iter().collect();
    assert_eq!(all, [("before", true), ("after", true), ("cancelled", false)]);
    drop(c);
    assert!(calls.try_recv().is_err());
}

pub(super) fn events_tell_what_happened<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).record(true).build();
    let first = c.add(0, async { Value::new(1) });
    wait(first.get()).unwrap();
    let slot = c.slot(1);
    let awaited = slot.reply();
    let (polled, polls) = channel();
    let second = c.add(2, async move {
        let mut get = awaited.get();
        assert!(super::kit::poll_once(&mut get).is_pending());
        polled.send(()).unwrap();
        get.await.map(|value| Value::new(value.number))
    });
    polls.recv().unwrap();
    assert!(slot.fail("refused"));
    assert!(wait(second.get()).is_err());
    let events = c.events();
    assert!(events.is_sorted_by_key(|event| event.at));
    let of = |n: usize| -> Vec<_> {
        let own = events.iter().filter(|event| event.entry == n);
        own.filter(|event| !matches!(event.what, What::Waited { .. })).map(|e| &e.what).collect()
    };
    let full = |ending| vec![What::Queued, What::Started, What::Ended(ending)];
    assert_eq!(of(0), full(Ending::Ok).iter().collect::<Vec<_>>());
    assert_eq!(of(1), full(Ending::Failed).iter().collect::<Vec<_>>());
    assert_eq!(of(2), full(Ending::Failed).iter().collect::<Vec<_>>());
    let wait = events.iter().find_map(|event| match &event.what {
        What::Waited { by: Waiter::Entry { container, entry, .. }, from } if event.entry == 1 => {
            Some((*container, *entry, *from, event.at))
        }
        _ => None,
    });
    let (container, entry, from, until) = wait.expect("an entry waited for the slot");
    assert_eq!((container, entry), (c.id(), 2));
    assert!(from <= until);
}
