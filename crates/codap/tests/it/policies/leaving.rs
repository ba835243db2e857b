use std::future::{Future, pending, poll_fn};
use std::task::Poll;

use codap::{Ending, Kv, fetch};
use futures_util::future::join;

use super::{Log, Oops, every, oops};
use crate::clock::{Sim, ms};
use crate::leaks::Watch;
use crate::stage::poll_once;

#[test]
fn a_panic_in_an_attempt_is_the_entrys_and_not_tried_again() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let (calls, polls) = (log.clone(), log.clone());
    let call = move || -> std::future::Ready<Result<u64, Oops>> {
        calls.note();
        panic!("deliberate: when called")
    };
    let poll = move || {
        polls.note();
        async { panic!("deliberate: when polled") as Result<u64, Oops> }
    };
    kv.put("called", fetch(call).retry(every(ms(10))).or(1));
    kv.put("polled", fetch(poll).retry(every(ms(10))).or(1));
    let other = kv.put("other", fetch(|| std::future::ready(Ok::<u64, Oops>(3))));
    sim.run();
    for (key, text) in [("called", "when called"), ("polled", "when polled")] {
        let error = kv.try_get(key).unwrap().unwrap_err();
        assert!(error.is_panic() && error.to_string().contains(text), "{error}");
        assert_eq!(error.entry(), Some(&*format!("{key:?}")));
    }
    assert_eq!(log.times(), [0, 0], "a panic is a bug, and no failure to try again after");
    assert_eq!(*other.try_get().unwrap().unwrap(), 3);
}

#[test]
fn a_panic_in_the_policy_is_the_entrys_too() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let fails = || log.always_fails();
    let backoff = std::iter::from_fn(|| panic!("deliberate: backoff"));
    kv.put(0, fetch(fails()).retry(backoff));
    kv.put(1, fetch(fails()).retry([ms(1)]).retry_if(|_| panic!("deliberate: retry_if")));
    kv.put(2, fetch(fails()).retry([ms(1)]).retry_after(|_| panic!("deliberate: retry_after")));
    kv.put(3, fetch(fails()).or_else(|_| panic!("deliberate: default")));
    sim.run();
    for (key, text) in ["backoff", "retry_if", "retry_after", "default"].into_iter().enumerate() {
        let error = kv.try_get(&key).unwrap().unwrap_err();
        assert!(error.is_panic() && error.to_string().contains(text), "{error}");
        assert_eq!(kv.ending(&key), Some(Ending::Panicked));
    }
}

/// What every attempt does, but for its first poll.
type Outcome = fn() -> Poll<Result<u64, Oops>>;

const HANGS: Outcome = || Poll::Pending;
const FAILS: Outcome = || Poll::Ready(Err(Oops(1)));

/// A fetch all of whose five parts are counted, and every attempt besides.
fn counted(
    watch: &Watch,
    outcome: Outcome,
) -> impl Future<Output = Result<u64, codap::Error>> + Send + use<> {
    let (maker, backoff, default) = (watch.life(), watch.life(), watch.life());
    let (retry_if, retry_after) = (watch.life(), watch.life());
    let mut attempts = vec![watch.life()];
    let rests = std::iter::from_fn(move || {
        let _life = &backoff;
        Some(ms(50))
    });
    let attempt = move || {
        let _life = &maker;
        let attempt = attempts.pop();
        poll_fn(move |_| {
            let _life = &attempt;
            outcome()
        })
    };
    let work = fetch(attempt).timeout(ms(1000)).retry(rests);
    let work = work.retry_if(move |_| {
        let _life = &retry_if;
        true
    });
    let work = work.retry_after(move |_| {
        let _life = &retry_after;
        None
    });
    work.or_else(move |_| {
        drop(default);
        0
    })
}

#[test]
fn cancelling_in_the_middle_of_an_attempt_drops_every_part() {
    let (watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let reply = kv.put("a", counted(&watch, HANGS));
    sim.settle();
    assert_eq!((watch.alive(), sim.sleeps()), (6, 1), "the attempt is in flight, with its alarm");
    assert!(reply.cancel());
    sim.settle();
    assert_eq!((watch.alive(), sim.sleeps()), (0, 0));
}

#[test]
fn cancelling_in_the_middle_of_a_rest_drops_every_part() {
    let (watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let reply = kv.put("a", counted(&watch, FAILS));
    sim.pass(ms(20));
    assert_eq!((watch.alive(), sim.sleeps()), (5, 1), "the attempt has gone before the rest");
    assert!(reply.cancel());
    sim.settle();
    assert_eq!((watch.alive(), sim.sleeps()), (0, 0));
}

#[test]
fn a_dropped_container_drops_its_fetches_wherever_they_are() {
    let (watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    kv.put("tries", counted(&watch, HANGS));
    kv.put("rests", counted(&watch, FAILS));
    sim.pass(ms(20));
    assert_eq!((watch.alive(), sim.sleeps()), (11, 2));
    drop(kv);
    sim.settle();
    assert_eq!((watch.alive(), sim.sleeps()), (0, 0));
}

#[test]
fn a_fetch_outside_of_any_container_drops_every_part_too() {
    let watch = Watch::new();
    for outcome in [HANGS, FAILS] {
        let mut work = Box::pin(counted(&watch, outcome));
        assert!(poll_once(&mut work).is_pending());
        drop(work);
        assert_eq!(watch.alive(), 0);
    }
}

// ---- the permit --------------------------------------------------------------------------

#[test]
fn others_run_while_it_rests() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::builder().on(&sim.clock()).limit(1).build();
    let log = Log::new(&sim.clock());
    kv.put("rests", fetch(log.succeeds_at(2)).retry([ms(100)]));
    let nap = sim.clock().sleep(ms(40));
    kv.put("other", async move {
        nap.await;
        2
    });
    sim.pass(ms(40));
    assert_eq!(*kv.try_get("other").unwrap().unwrap(), 2);
    assert!(kv.try_get("rests").is_none());
    sim.run();
    assert_eq!(log.times(), [0, 100]);
    assert_eq!(*kv.try_get("rests").unwrap().unwrap(), 2);
}

#[test]
fn an_attempt_in_flight_keeps_the_permit() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::builder().on(&sim.clock()).limit(1).build();
    kv.put("hangs", fetch(pending::<Result<u64, Oops>>).timeout(ms(100)));
    let log = Log::new(&sim.clock());
    kv.put("other", fetch(log.succeeds_at(1)));
    sim.run();
    assert_eq!(log.times(), [100]);
}

#[test]
fn after_a_rest_it_waits_for_the_permit_ahead_of_what_has_not_started() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::builder().on(&sim.clock()).limit(1).build();
    let log = Log::new(&sim.clock());
    kv.put("rests", fetch(log.succeeds_at(2)).retry([ms(10)]));
    let nap = sim.clock().sleep(ms(40));
    kv.put("other", async move {
        nap.await;
        2
    });
    let queued = Log::new(&sim.clock());
    kv.put("queued", fetch(queued.always_fails()));
    sim.run();
    assert_eq!(log.times(), [0, 40], "its rest was over at 10, the permit free at 40");
    let order: Vec<_> = {
        let mut arrivals = kv.arrivals();
        std::iter::from_fn(|| match poll_once(&mut Box::pin(arrivals.next())) {
            Poll::Ready(Some((key, _))) => Some(*key),
            _ => None,
        })
        .collect()
    };
    assert_eq!(order, ["other", "rests", "queued"]);
    assert_eq!(queued.times(), [40]);
}

/// Two fetches in one entry: that one has stopped resting does not mean that the other has.
#[test]
fn an_entry_rests_as_long_as_any_of_its_fetches_does() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::builder().on(&sim.clock()).limit(1).build();
    let (short, long) = (Log::new(&sim.clock()), Log::new(&sim.clock()));
    let a = fetch(short.succeeds_at(2)).retry([ms(10)]);
    let b = fetch(long.succeeds_at(2)).retry([ms(100)]);
    kv.put("both", async move {
        let (a, b) = join(a, b).await;
        Ok::<_, codap::Error>(a? + b?)
    });
    sim.pass(ms(20));
    assert_eq!((short.times(), long.times()), (vec![0, 10], vec![0]));
    let other = Log::new(&sim.clock());
    kv.put("other", fetch(other.succeeds_at(1)));
    sim.run();
    assert_eq!(other.times(), [0], "nothing runs in the other entry");
    assert_eq!(*kv.try_get("both").unwrap().unwrap(), 4);
}

/// A rest that is given up is none.
#[test]
fn an_entry_that_drops_a_resting_fetch_counts_again() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let clock = sim.clock();
    let kv = Kv::<_, u64>::builder().on(&clock).limit(1).build();
    let log = Log::new(&clock);
    let fails = fetch(log.always_fails()).retry([ms(1000)]);
    let (gives_up, works) = (clock.sleep(ms(10)), clock.sleep(ms(50)));
    kv.put("a", async move {
        futures_util::future::select(Box::pin(fails), gives_up).await;
        works.await;
        1
    });
    sim.pass(ms(20));
    let other = Log::new(&clock);
    let reply = kv.put("other", fetch(other.always_fails()));
    sim.run();
    assert_eq!(other.times(), [30], "it ran from 20 in vain, as the first ran until 50");
    assert_eq!(oops(&reply.try_get().unwrap().unwrap_err()), Some(1));
}
