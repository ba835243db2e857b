//! Every entry ends, as exactly one of the endings.

use std::error::Error as _;
use std::future::pending;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::kit::{Census, Gate, Home, Shape, Value, wait};
use crate::{Ending, Error, Reply};

/// The error of an entry that ended in `ending` and in no other way.
fn ended(reply: &Reply<Value>, ending: Ending) -> Error {
    let error = wait(reply.get()).expect_err("the entry has no value");
    let all = [
        (Ending::Failed, error.is_failed()),
        (Ending::Panicked, error.is_panic()),
        (Ending::TimedOut, error.is_timeout()),
        (Ending::Cancelled, error.is_cancelled()),
        (Ending::Abandoned, error.is_abandoned()),
    ];
    for (which, is) in all {
        assert_eq!(is, which == ending, "{error} is {which:?}");
    }
    assert_eq!((error.ending(), reply.ending()), (Some(ending), Some(ending)));
    assert!(!error.is_missing() && !error.is_cycle() && !error.is_would_block());
    error
}

pub(super) fn a_value_is_ok<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let plain = c.add(0, async { Value::new(1) });
    let fallible = c.add(1, async { Ok::<_, Error>(Value::new(2)) });
    assert_eq!(wait(plain.get()).unwrap().number, 1);
    assert_eq!(wait(fallible.get()).unwrap().number, 2);
    assert_eq!((plain.ending(), fallible.ending()), (Some(Ending::Ok), Some(Ending::Ok)));
}

pub(super) fn an_error_is_failed_and_keeps_its_source<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let parse = || "many".parse::<u64>().map(Value::new);
    for reply in [c.add(0, async move { parse() }), c.add_blocking(1, parse)] {
        let error = ended(&reply, Ending::Failed);
        assert!(error.source().is_some_and(|source| source.is::<std::num::ParseIntError>()));
        assert!(error.to_string().contains("invalid digit"), "{error}");
        assert_eq!(error.entry(), Some(&*reply.index().to_string()));
    }
}

pub(super) fn a_panic_is_panicked_with_its_message<C: Shape>(runtime: &Home) {
    fn fall(text: Option<&'static str>) -> Value {
        match text {
            Some("owned") => panic!("deliberate {}", "owned"),
            Some(text) => panic!("deliberate {text}"),
            None => std::panic::panic_any(7_u8),
        }
    }
    let c = C::on(runtime);
    let gate = Gate::default();
    let late = gate.passed();
    let panics = [
        (c.add(0, async { fall(Some("first poll")) }), "deliberate first poll"),
        (c.add_blocking(1, || fall(Some("owned"))), "deliberate owned"),
        (c.add(2, async { fall(None) }), "not a string"),
        (
            c.add(3, async move {
                late.await;
                fall(Some("later poll"))
            }),
            "deliberate later poll",
        ),
    ];
    gate.open();
    for (reply, message) in panics {
        let error = ended(&reply, Ending::Panicked);
        assert!(error.to_string().contains(message), "{error}");
    }
    assert_eq!(c.failed(), 4);
}

pub(super) fn a_deadline_ends_what_is_pending<C: Shape>(runtime: &Home) {
    let after = Duration::from_millis(20);
    let c = C::builder().on(runtime).deadline(after).build();
    let (release, held) = channel::<()>();
    let census = Census::default();
    let life = census.life();
    let future = c.add(0, async move {
        let _life = life;
        pending::<Value>().await
    });
    let function = c.add_blocking(1, move || {
        let _ = held.recv();
        Value::new(0)
    });
    let slot = c.slot(2);
    let outside = c.external(3, std::mem::forget);
    for reply in [&future, &function, &slot.reply(), &outside] {
        let error = ended(reply, Ending::TimedOut);
        assert!(error.elapsed() >= after, "early: {error}");
    }
    assert!(!slot.fill(Value::new(0)), "an entry that timed out takes no value");
    census.wait_for_none();
    drop(release);
    let late = c.insert(4, Value::new(5));
    assert_eq!(wait(late.get()).unwrap().number, 5);
}

pub(super) fn a_deadline_counts_the_time_in_the_queue<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).deadline(Duration::from_millis(20)).build();
    let (release, held) = channel::<()>();
    let (started, starts) = channel();
    // A function keeps its permit beyond its deadline, so that the others never get one.
    let first = c.add_blocking(0, move || {
        let _ = held.recv();
        Value::new(0)
    });
    let (in_future, in_function) = (started.clone(), started);
    let queued = [
        c.add(1, async move {
            let _ = in_future.send(1);
            Value::new(1)
        }),
        c.add_blocking(2, move || {
            let _ = in_function.send(2);
            Value::new(2)
        }),
    ];
    for reply in [&first, &queued[0], &queued[1]] {
        ended(reply, Ending::TimedOut);
    }
    drop(release);
    wait(c.shutdown());
    assert_eq!(starts.try_iter().next(), None, "an entry past its deadline was started");
}

pub(super) fn a_cancelled_entry_is_cancelled_and_its_future_dropped<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let census = Census::default();
    let (life, fresh) = (census.life(), census.life());
    let (started, starts) = channel();
    let running = c.add(0, async move {
        let _life = life;
        started.send(()).unwrap();
        pending::<Value>().await
    });
    starts.recv().unwrap();
    let new = c.add(1, async move {
        let _life = fresh;
        pending::<Value>().await
    });
    for reply in [running, new] {
        assert!(reply.cancel());
        assert!(!reply.cancel(), "an entry is cancelled once");
        ended(&reply, Ending::Cancelled);
    }
    census.wait_for_none();
}

pub(super) fn a_dropped_slot_is_abandoned<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let slot = c.slot(0);
    let reply = slot.reply();
    drop(slot);
    assert!(ended(&reply, Ending::Abandoned).to_string().contains("unfilled"));
    ended(&c.external(1, drop), Ending::Abandoned);
    ended(&c.external(2, |_| panic!("deliberate, in a start")), Ending::Abandoned);
}

pub(super) fn the_first_ending_stays<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let census = Census::default();
    let slot = c.slot(0);
    let reply = slot.reply();
    assert!(reply.cancel());
    assert!(slot.is_over());
    assert!(!slot.fill(Value::alive(1, census.life())), "a cancelled entry takes no value");
    census.wait_for_none();
    ended(&reply, Ending::Cancelled);

    let filled = c.slot(1);
    let reply = filled.reply();
    assert!(filled.fill(Value::new(2)));
    assert!(!reply.cancel(), "a finished entry cannot be cancelled");
    assert_eq!(wait(reply.get()).unwrap().number, 2);
    assert_eq!((c.done(), c.failed()), (2, 1));
}

pub(super) fn every_way_to_add_gives_its_value<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let replies = [
        c.add(0, async { Value::new(0) }),
        c.add_blocking(1, || Value::new(1)),
        c.insert(2, Value::new(2)),
        {
            let slot = c.slot(3);
            let reply = slot.reply();
            assert!(slot.fill(Value::new(3)));
            reply
        },
        c.external(4, |entry| assert!(entry.fill(Value::new(4)))),
        c.add_with(5, 2, |two| async move { Value::new(two + 3) }),
    ];
    for (n, reply) in replies.iter().enumerate() {
        assert_eq!(reply.index(), n);
        assert_eq!(wait(reply.get()).unwrap().number, n as u64);
        assert_eq!(reply.get_blocking().unwrap().number, n as u64);
    }
}
