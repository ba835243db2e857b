//! The limit: reached, not exceeded, first come first served, never lost.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;

use super::kit::{Gate, Home, Shape, Value, wait};

pub(super) fn starts_are_in_the_order_of_the_puts<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let (started, starts) = channel();
    let gate = Gate::default();
    for n in 0..60 {
        let (started, passed) = (started.clone(), gate.passed());
        match n % 3 {
            0 => c.add(n, async move {
                passed.await;
                started.send(n).unwrap();
                Value::new(0)
            }),
            1 => c.add_blocking(n, move || {
                started.send(n).unwrap();
                Value::new(0)
            }),
            _ => c.external(n, move |entry| {
                started.send(n).unwrap();
                entry.fill(Value::new(0));
            }),
        };
    }
    drop(started);
    gate.open();
    assert!(starts.iter().eq(0..60), "the order of the starts");
}

pub(super) fn the_limit_is_reached_and_not_exceeded<C: Shape>(runtime: &Home) {
    const LIMIT: usize = 3;
    let c = C::builder().on(runtime).limit(LIMIT).build();
    let running = Arc::new(AtomicUsize::new(0));
    let (started, starts) = channel();
    let gates: Vec<_> = (0..30).map(|_| Gate::default()).collect();
    for (n, gate) in gates.iter().enumerate() {
        let (started, passed, running) = (started.clone(), gate.passed(), running.clone());
        c.add(n, async move {
            started.send((n, running.fetch_add(1, SeqCst) + 1)).unwrap();
            passed.await;
            running.fetch_sub(1, SeqCst);
            Value::new(0)
        });
    }
    let first: Vec<_> = starts.iter().take(LIMIT).collect();
    assert!(first.iter().all(|&(n, _)| n < LIMIT), "first come, first served");
    for (n, gate) in gates.iter().enumerate() {
        gate.open();
        if n + LIMIT < gates.len() {
            let (next, at_once) = starts.recv().unwrap();
            assert_eq!(next, n + LIMIT, "one goes, the next comes");
            assert!(at_once <= LIMIT, "{at_once} ran at once");
        }
    }
    assert_eq!(wait(c.join()).len(), 30);
}

pub(super) fn a_future_cancelled_in_line_goes_at_once<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let gate = Gate::default();
    let passed = gate.passed();
    c.add(0, async move {
        passed.await;
        Value::new(0)
    });
    let (life, end) = channel::<()>();
    let in_line = c.add(1, async move {
        let _life = life;
        Value::new(1)
    });
    let last = c.add(2, async { Value::new(2) });
    assert!(in_line.cancel());
    // Its own is the only sender. The permit is still taken.
    assert!(end.recv().is_err());
    assert!(last.try_get().is_none());
    gate.open();
    assert_eq!(wait(last.get()).unwrap().number, 2);
}

pub(super) fn permits_are_whole_after_cancels<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(2).build();
    let running = Arc::new(AtomicUsize::new(0));
    let replies: Vec<_> = (0..60)
        .map(|n| {
            let running = running.clone();
            let work = move || {
                assert!(running.fetch_add(1, SeqCst) < 2, "the limit is exceeded");
                std::thread::yield_now();
                running.fetch_sub(1, SeqCst);
                Value::new(0)
            };
            match n % 6 {
                0 => c.add(n, pending::<Value>()),
                1 | 2 => c.add_blocking(n, work),
                3 => c.external(n, drop),
                _ => c.add(n, async move { work() }),
            }
        })
        .collect();
    // From the end, so that most are cancelled in the queue, and some while they run.
    for reply in replies.iter().rev().filter(|reply| reply.index() % 3 == 0) {
        reply.cancel();
    }
    for (n, reply) in replies.iter().enumerate() {
        let outcome = wait(reply.get());
        assert_eq!(outcome.is_err(), n % 3 == 0, "entry {n}: {outcome:?}");
    }
    assert_two_permits(&c);
}

/// Two entries that each wait for the other to have started.
fn assert_two_permits<C: Shape>(c: &C) {
    let gates = [Gate::default(), Gate::default()];
    let pair = [0, 1].map(|n| {
        let (own, other) = (gates[n].clone(), gates[1 - n].passed());
        c.add(1_000 + n, async move {
            own.open();
            other.await;
            Value::new(0)
        })
    });
    for reply in pair {
        wait(reply.get()).unwrap();
    }
}

pub(super) fn a_cancelled_function_keeps_its_permit_until_it_returns<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let (log, logged) = channel();
    let (started, starts) = channel();
    let (release, held) = channel::<()>();
    let (in_function, in_future) = (log.clone(), log);
    let function = c.add_blocking(0, move || {
        started.send(()).unwrap();
        let _ = held.recv();
        in_function.send("returned").unwrap();
        Value::new(0)
    });
    let next = c.add(1, async move {
        in_future.send("started").unwrap();
        Value::new(1)
    });
    starts.recv().unwrap();
    assert!(function.cancel());
    drop(release);
    wait(next.get()).unwrap();
    assert_eq!(logged.iter().collect::<Vec<_>>(), ["returned", "started"]);
}

pub(super) fn slots_and_values_need_no_permit<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    c.add(0, pending::<Value>());
    let queued = c.add(1, async { Value::new(0) });
    let slots: Vec<_> = (2..10).map(|n| c.slot(n)).collect();
    for slot in slots {
        let reply = slot.reply();
        assert!(slot.fill(Value::new(3)));
        assert_eq!(wait(reply.get()).unwrap().number, 3);
    }
    assert_eq!(wait(c.insert(10, Value::new(4)).get()).unwrap().number, 4);
    assert!(queued.try_get().is_none());
}
