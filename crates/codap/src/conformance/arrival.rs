//! Waiting for many: in the order of arrival, for all of them, for the first, until an instant.

use std::future::pending;
use std::time::{Duration, Instant};

use super::kit::{Home, Shape, Value, poll_once, wait};
use crate::Why;

pub(super) fn replies_come_in_the_order_of_their_ends<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let slots: Vec<_> = (0..30).map(|n| c.slot(n)).collect();
    for (n, slot) in slots.into_iter().enumerate().rev() {
        match n % 3 {
            0 => assert!(slot.fill(Value::new(n as u64))),
            1 => assert!(slot.fail("refused")),
            _ => drop(slot),
        }
    }
    let order: Vec<_> = (0..30).map(|_| *wait(c.next()).unwrap().0).collect();
    assert!(order.into_iter().eq((0..30).rev()));
}

pub(super) fn the_one_cursor_hands_out_each_reply_once<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    assert!(wait(c.next()).is_none(), "nothing was put");
    c.add(0, async { Value::new(0) });
    assert_eq!(*wait(c.next()).unwrap().0, 0);
    assert!(wait(c.next()).is_none());
    c.add(1, async { Value::new(1) });
    assert_eq!(*wait(c.next()).unwrap().0, 1, "a later put makes it go on");
    let slot = c.slot(2);
    {
        let mut two = (Box::pin(c.next()), Box::pin(c.next()));
        assert!(poll_once(&mut two.0).is_pending() && poll_once(&mut two.1).is_pending());
        assert!(slot.fill(Value::new(2)));
        let got = [wait(two.0).is_some(), wait(two.1).is_some()];
        assert_eq!(got, [true, false], "two consumers share one reply");
    }
    assert!(wait(c.next()).is_none());
}

pub(super) fn own_cursors_see_everything<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    for n in 0..10 {
        c.insert(n, Value::new(n as u64));
    }
    while wait(c.next()).is_some() {}
    for _ in 0..2 {
        let mut arrivals = c.arrivals();
        for n in 0..10 {
            assert_eq!(*wait(arrivals.next()).unwrap().0, n);
        }
        assert!(wait(arrivals.next()).is_none());
    }
}

pub(super) fn join_waits_for_everything<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let handle = c.handle();
    let slot = c.slot(0);
    let mut join = Box::pin(c.join());
    assert!(poll_once(&mut join).is_pending());
    // What an entry puts meanwhile is waited for as well.
    c.add(1, async move {
        C::put(&handle, 2, async { Err::<Value, _>("refused") });
        Value::new(1)
    });
    assert!(slot.fill(Value::new(0)));
    let all = wait(join);
    assert_eq!(all.iter().map(|&(&n, _)| n).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(all[2].1.is_err() && all[..2].iter().all(|(_, reply)| reply.is_ok()));
}

pub(super) fn try_join_stops_at_the_first_error<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let slot = c.slot(0);
    c.add(1, async { Err::<Value, _>("refused") });
    let error = wait(c.try_join()).unwrap_err();
    assert_eq!(error.entry(), Some("1"));
    assert!(slot.fill(Value::new(5)), "the others run on");

    let fine = C::on(runtime);
    fine.insert(0, Value::new(0));
    fine.add(1, async { Value::new(1) });
    let all = wait(fine.try_join()).unwrap();
    assert!(all.iter().map(|&(&n, value)| (n as u64, value.number)).eq([(0, 0), (1, 1)]));
}

pub(super) fn first_is_whoever_ends_first<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    assert!(wait(c.first()).is_none(), "nothing was put");
    let slot = c.slot(0);
    c.add(1, async { Err::<Value, _>("refused") });
    for _ in 0..2 {
        let (&n, reply) = wait(c.first()).unwrap();
        assert!(n == 1 && reply.unwrap_err().is_failed());
    }
    assert!(slot.fill(Value::new(0)), "the others run on");
}

pub(super) fn first_ok_takes_the_first_success_and_cancels_the_rest<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let loser = c.add(0, pending::<Value>());
    c.add(1, async { Err::<Value, _>("refused") });
    let slot = c.slot(2);
    let winner = c.slot(3);
    assert!(winner.fill(Value::new(3)));
    let (&n, value) = wait(c.first_ok()).unwrap();
    assert_eq!((n, value.number), (3, 3));
    assert!(wait(loser.get()).unwrap_err().is_cancelled());
    assert!(slot.is_over());
    let later = c.add(4, async { Value::new(4) });
    assert_eq!(wait(later.get()).unwrap().number, 4, "what is put after the race runs");
}

pub(super) fn first_ok_keeps_every_error<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    assert!(wait(c.first_ok()).unwrap_err().is_empty(), "nothing was put");
    c.add(0, async { Err::<Value, _>("refused") });
    c.add(1, async { panic!("deliberate") as Value });
    drop(c.slot(2));
    let errors = wait(c.first_ok()).unwrap_err();
    let mut entries: Vec<_> = errors.iter().filter_map(crate::Error::entry).collect();
    entries.sort_unstable();
    assert_eq!(entries, ["0", "1", "2"]);
}

pub(super) fn finish_by_is_never_early<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    c.add(0, pending::<Value>());
    let at = runtime.now() + Duration::from_millis(20);
    assert!(!wait(c.finish_by(at)).is_complete());
    assert!(runtime.now() >= at, "early");

    let ready = C::on(runtime);
    ready.add(0, async { Value::new(0) });
    let far = runtime.now() + Duration::from_secs(1_000_000);
    assert!(wait(ready.finish_by(far)).is_complete(), "all is there long before");
}

pub(super) fn finish_by_tells_who_is_missing_and_why<C: Shape>(runtime: &Home) {
    let c = C::builder().on(runtime).limit(1).build();
    let slot = c.slot(0);
    let done = c.add(1, async { Value::new(1) });
    let failed = c.add(2, async { Err::<Value, _>("refused") });
    wait(done.get()).unwrap();
    assert!(wait(failed.get()).is_err());
    let (started, starts) = std::sync::mpsc::channel();
    c.add(3, async move {
        started.send(()).unwrap();
        pending::<Value>().await
    });
    starts.recv().unwrap();
    let queued = c.add(4, async { Value::new(4) });
    let past: Instant = runtime.now();
    let finished = wait(c.finish_by(past));
    assert!(finished.values().iter().map(|&(&n, value)| (n, value.number)).eq([(1, 1)]));
    let why: Vec<_> = finished
        .missing()
        .iter()
        .map(|missing| match &missing.why {
            Why::Running => (*missing.key, "running"),
            Why::Queued => (*missing.key, "queued"),
            Why::Ended(error) => {
                assert!(error.is_failed());
                (*missing.key, "ended")
            }
        })
        .collect();
    assert_eq!(why, [(0, "running"), (2, "ended"), (3, "running"), (4, "queued")]);
    assert!(slot.fill(Value::new(0)), "the missing run on");
    assert!(queued.try_get().is_none());
}

pub(super) fn results_are_moved_out<C: Shape>(runtime: &Home) {
    let c = C::on(runtime);
    let kept = c.add(0, async { Value::new(0) });
    for n in 1..100 {
        c.add(n, async move { if n == 50 { Err("refused") } else { Ok(Value::new(n as u64)) } });
    }
    let Err(c) = wait(c.into_results()) else { panic!("a reply was out that may read") };
    assert_eq!(c.len(), 100, "the container comes back as it was");
    drop(kept);
    let Ok(results) = wait(c.into_results()) else { panic!("nothing was out any more") };
    let mut numbers = Vec::new();
    for (n, result) in results {
        match result {
            Ok(value) => assert_eq!(value.number, n as u64),
            Err(error) => assert!(n == 50 && error.is_failed()),
        }
        numbers.push(n);
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..100));
}
