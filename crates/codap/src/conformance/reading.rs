//! Reading and adding: by shared reference, again and again, with nobody in the way.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;

use super::kit::{Gate, Home, Shape, Value, poll_once, wait};

pub(super) fn started_work_runs_unread<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let (ran, runs) = channel();
    for n in 0..100 {
        let ran = ran.clone();
        c.add(n, async move {
            ran.send(n).unwrap();
            Value::new(0)
        });
    }
    drop(ran);
    let runs: BTreeSet<usize> = runs.iter().take(100).collect();
    assert_eq!(runs.len(), 100, "nobody reads, and all run");
}

pub(super) fn reads_repeat_at_one_place<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let reply = c.add(0, async { Value::new(1) });
    let again = reply.clone();
    let first: *const Value = wait(reply.get()).unwrap();
    for n in 1..200 {
        c.insert(n, Value::new(0));
    }
    let reads = [
        wait(reply.get()).unwrap(),
        again.get_blocking().unwrap(),
        again.try_get().unwrap().unwrap(),
        wait(c.join())[0].1.clone().unwrap(),
    ];
    for read in reads {
        assert!(std::ptr::eq(first, read), "a value moved");
    }
}

pub(super) fn a_read_that_is_given_up_changes_nothing<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let slot = c.slot(0);
    let reply = slot.reply();
    for _ in 0..100 {
        assert!(poll_once(&mut reply.get()).is_pending());
    }
    let mut kept = reply.get();
    assert!(poll_once(&mut kept).is_pending());
    {
        let next = std::pin::pin!(c.next());
        let mut next = next;
        assert!(poll_once(&mut next).is_pending());
    }
    assert!(slot.fill(Value::new(1)));
    assert!(matches!(poll_once(&mut kept), Poll::Ready(Ok(Value { number: 1, .. }))));
    assert!(wait(c.next()).is_some(), "a wait for the next that was given up took a reply along");
}

pub(super) fn all_readers_of_an_entry_get_its_reply<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let gate = Gate::default();
    let passed = gate.passed();
    let reply = c.add(0, async move {
        passed.await;
        Value::new(7)
    });
    let mut inside = Vec::new();
    for n in 1..20 {
        let reply = reply.clone();
        inside
            .push(c.add(n, async move { reply.get().await.map(|value| Value::new(value.number)) }));
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(reply.get_blocking().unwrap().number, 7));
            scope.spawn(|| assert_eq!(wait(reply.get()).unwrap().number, 7));
        }
        gate.open();
    });
    for reader in inside {
        assert_eq!(wait(reader.get()).unwrap().number, 7);
    }
}

pub(super) fn entries_are_added_while_others_read<C: Shape>(runtime: &Home) {
    const EACH: usize = 50;
    let c = C::on(runtime);
    let guard = c.slot(usize::MAX);
    let mut seen = BTreeSet::new();
    thread::scope(|scope| {
        for part in 0..4 {
            let c = &c;
            scope.spawn(move || {
                for n in part * EACH..(part + 1) * EACH {
                    c.add(n, async move { Value::new(n as u64) });
                }
            });
        }
        // The slot stays open: the cursor does not come to an end before all have been put.
        while seen.len() < 4 * EACH {
            let (_, reply) = wait(c.next()).expect("the slot is open");
            assert!(seen.insert(reply.unwrap().number), "a reply was handed out twice");
        }
    });
    assert!(guard.fill(Value::new(u64::MAX)));
    assert!(wait(c.next()).is_some() && wait(c.next()).is_none());
    assert_eq!(c.len(), 4 * EACH + 1);
}

pub(super) fn a_failure_harms_nobody_else<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let mut good = Vec::new();
    for n in 0..60_usize {
        match n % 6 {
            0 => drop(c.add(n, async { Err::<Value, _>("refused") })),
            1 => drop(c.add(n, async { panic!("deliberate") as Value })),
            2 => drop(c.add_blocking(n, || panic!("deliberate") as Value)),
            3 => assert!(c.add(n, pending::<Value>()).cancel()),
            4 => drop(c.slot(n)),
            _ => good.push(c.add(n, async move { Value::new(n as u64) })),
        }
    }
    for reply in good {
        assert_eq!(wait(reply.get()).unwrap().number, reply.index() as u64);
    }
    let all = wait(c.join());
    assert_eq!(all.len(), 60);
    assert_eq!(all.iter().filter(|(_, reply)| reply.is_err()).count(), 50);
    assert_eq!((c.done(), c.failed(), c.pending()), (60, 50, 0));
}

pub(super) fn the_key_travels_with_every_result<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    for n in 0..20_usize {
        c.add(
            n,
            async move { if n % 2 == 0 { Ok(Value::new(n as u64)) } else { Err(n.to_string()) } },
        );
    }
    let fits = |n: usize, reply: Result<&Value, crate::Error>| match reply {
        Ok(value) => assert_eq!((value.number, n % 2), (n as u64, 0)),
        Err(error) => {
            assert_eq!(n % 2, 1);
            assert_eq!(error.entry(), Some(&*n.to_string()));
            assert!(error.to_string().ends_with(&format!(": {n}")), "{error}");
        }
    };
    wait(async {
        while let Some((&n, reply)) = c.next().await {
            fits(n, reply);
        }
        let mut arrivals = c.arrivals();
        while let Some((&n, reply)) = arrivals.next().await {
            fits(n, reply);
        }
        for (at, (&n, reply)) in c.join().await.into_iter().enumerate() {
            assert_eq!(at, n);
            fits(n, reply);
        }
        for (at, (&n, reply)) in c.iter().enumerate() {
            assert_eq!(at, n);
            fits(n, reply.await);
        }
        let finished = c.finish_by(std::time::Instant::now()).await;
        finished.values().iter().for_each(|&(&n, value)| fits(n, Ok(value)));
        for missing in finished.missing() {
            assert_eq!(missing.key % 2, 1);
            assert!(missing.to_string().contains(&missing.key.to_string()), "{missing}");
        }
        assert_eq!((finished.values().len(), finished.missing().len()), (10, 10));
    });
}

pub(super) fn try_get_never_waits<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let slot = c.slot(0);
    let reply = slot.reply();
    assert!(reply.try_get().is_none() && reply.ending().is_none());
    assert!(slot.fail("refused"));
    assert!(reply.try_get().unwrap().unwrap_err().is_failed());
}

pub(super) fn counters_count<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let counts = || (c.len(), c.pending(), c.done(), c.failed());
    assert!(c.is_empty());
    assert_eq!(counts(), (0, 0, 0, 0));
    let slots: Vec<_> = (0..3).map(|n| c.slot(n)).collect();
    assert_eq!(counts(), (3, 3, 0, 0));
    let mut slots = slots.into_iter();
    assert!(slots.next().unwrap().fill(Value::new(0)));
    assert_eq!(counts(), (3, 2, 1, 0));
    assert!(slots.next().unwrap().fail("refused"));
    assert_eq!(counts(), (3, 1, 2, 1));
    drop(slots);
    assert_eq!(counts(), (3, 0, 3, 2));
    assert!(!c.is_empty());
}

pub(super) fn ten_thousand_are_all_there<C: Shape>(runtime: &Home) {
    // A runtime of threads may not have ten thousand at once.
    let c = C::builder().on(runtime).limit(64).build();
    let step = c.add(0, async { Value::new(0) });
    wait(step.get()).unwrap();
    for part in 0..100 {
        let replies: Vec<_> = (0..100)
            .map(|n| part * 100 + n + 1)
            .map(|n| (n, c.add(n, async move { Value::new(n as u64) })))
            .collect();
        for (n, reply) in replies {
            assert_eq!(wait(reply.get()).unwrap().number, n as u64);
        }
    }
    let mut seen = BTreeSet::new();
    while let Some((&n, reply)) = wait(c.next()) {
        assert_eq!(reply.unwrap().number, n as u64);
        assert!(seen.insert(n));
    }
    assert_eq!(seen.len(), 10_001);
}
