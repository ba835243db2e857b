use std::future::pending;
use std::sync::mpsc::channel;
use std::time::Duration;

use codap::{Ending, Error, Kv, What, fetch};

use super::{Log, Oops, every, oops, rounded};
use crate::clock::{Sim, ms};
use crate::leaks::Watch;

fn hangs() -> std::future::Pending<Result<u64, Oops>> {
    pending()
}

/// A container that has been in use for a second: its times are exact from then on.
fn with_deadline(sim: &Sim, deadline: Duration) -> Kv<&'static str, u64> {
    let kv = Kv::builder().on(&sim.clock()).deadline(deadline).record(true).build();
    kv.insert("first", 0);
    sim.pass(ms(1000));
    kv
}

/// When an entry ended, counted from the second after the first put.
fn ended(kv: &Kv<&'static str, u64>, entry: usize) -> Duration {
    let is_it = |what: &What| matches!(what, What::Ended(_));
    let event = kv.events().into_iter().find(|event| event.entry == entry && is_it(&event.what));
    rounded(event.unwrap().at) - ms(1000)
}

#[test]
fn no_rest_begins_that_would_end_past_the_deadline() {
    for (delay, attempts, end) in [(30, 4, 90), (25, 4, 75), (33, 4, 99), (1000, 1, 0)] {
        let (_watch, sim) = (Watch::new(), Sim::new());
        let kv = with_deadline(&sim, ms(100));
        let log = Log::new(&sim.clock());
        kv.put("a", fetch(log.always_fails()).retry(every(ms(delay))));
        sim.run();
        assert_eq!(log.times().len(), attempts, "with rests of {delay} ms");
        assert_eq!(ended(&kv, 1), ms(end), "it is over as soon as nothing can come any more");
        let error = kv.try_get("a").unwrap().unwrap_err();
        assert_eq!(oops(&error), Some(attempts as u64), "the last error stands");
        assert_eq!(kv.ending("a"), Some(Ending::Failed));
    }
}

#[test]
fn a_server_that_asks_for_more_time_than_there_is_gets_none() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = with_deadline(&sim, ms(100));
    let log = Log::new(&sim.clock());
    let work = fetch(log.always_fails()).retry(every(ms(1)));
    kv.put("a", work.retry_after(|_| Some(Duration::from_secs(60))));
    sim.run();
    assert_eq!((log.times(), ended(&kv, 1)), (vec![0], ms(0)));
    assert_eq!(oops(&kv.try_get("a").unwrap().unwrap_err()), Some(1));
}

#[test]
fn an_attempt_ends_with_the_deadline_whatever_its_timeout() {
    let (watch, sim) = (Watch::new(), Sim::new());
    let kv = with_deadline(&sim, ms(100));
    let attempt = watch.life();
    let mut attempt = Some(attempt);
    let work = fetch(move || {
        let attempt = attempt.take();
        async move {
            let _attempt = attempt.expect("there is no second attempt");
            hangs().await
        }
    });
    kv.put("a", work.timeout(ms(5000)).retry(every(ms(1))));
    sim.pass(ms(99));
    assert!(kv.try_get("a").is_none());
    sim.pass(ms(1));
    assert!(kv.try_get("a").unwrap().unwrap_err().is_timeout());
    assert_eq!((ended(&kv, 1), watch.alive()), (ms(100), 0));
}

#[test]
fn the_deadline_counts_from_the_put_also_for_what_waited_in_the_queue() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let builder = Kv::<_, u64>::builder().on(&sim.clock()).limit(1).deadline(ms(100));
    let kv = builder.record(true).build();
    kv.insert("first", 0);
    sim.pass(ms(1000));
    let nap = sim.clock().sleep(ms(75));
    kv.put("before", async move {
        nap.await;
        1
    });
    let log = Log::new(&sim.clock());
    kv.put("a", fetch(log.always_fails()).retry(every(ms(10))));
    sim.run();
    assert_eq!(log.times(), [75, 85, 95]);
    assert_eq!(ended(&kv, 2), ms(95));
}

// ---- defaults ----------------------------------------------------------------------------

#[test]
fn a_default_ends_the_entry_as_defaulted() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::builder().on(&sim.clock()).record(true).build();
    let log = Log::new(&sim.clock());
    kv.put("or", fetch(log.always_fails()).or(7));
    kv.put("or_default", fetch(log.always_fails()).or_default());
    kv.put("or_else", fetch(log.always_fails()).or_else(|error| oops(error).unwrap() + 40));
    sim.run();
    for (key, value) in [("or", 7), ("or_default", 0), ("or_else", 43)] {
        assert_eq!(*kv.try_get(key).unwrap().unwrap(), value);
        assert_eq!(kv.ending(key), Some(Ending::Defaulted));
    }
    assert_eq!((kv.done(), kv.failed()), (3, 0), "a default is a value");
    let ends = kv.events().into_iter().filter(|e| e.what == What::Ended(Ending::Defaulted));
    assert_eq!(ends.map(|event| event.entry).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_default_is_told_of_what_it_stands_in_for() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let (told, errors) = channel();
    let tell = |to: &std::sync::mpsc::Sender<Error>| {
        let to = to.clone();
        move |error: &Error| {
            to.send(error.clone()).unwrap();
            1
        }
    };
    kv.put("fails", fetch(log.always_fails()).retry([10, 20].map(ms)).or_else(tell(&told)));
    sim.run();
    let error = errors.try_recv().unwrap();
    assert_eq!((oops(&error), error.attempts()), (Some(3), 3));
    assert_eq!(error.elapsed(), ms(30));
    kv.put("hangs", fetch(hangs).timeout(ms(5)).or_else(tell(&told)));
    sim.run();
    let error = errors.try_recv().unwrap();
    assert!(error.is_timeout() && error.elapsed() == ms(5), "{error}");
}

#[test]
fn a_success_needs_no_default() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let work = fetch(log.succeeds_at(2)).retry([ms(10)]);
    let reply = kv.put("a", work.or_else(|_| panic!("a default nobody needs")));
    sim.run();
    assert_eq!(*reply.try_get().unwrap().unwrap(), 2);
    assert_eq!(reply.ending(), Some(Ending::Ok));
}

#[test]
fn the_last_default_that_was_given_counts() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let reply = kv.put("a", fetch(log.always_fails()).or(1).or(2));
    sim.run();
    assert_eq!(*reply.try_get().unwrap().unwrap(), 2);
}

/// A sixteenth of the deadline, at most 5 ms: else the deadline itself would come first.
#[test]
fn a_default_is_handed_over_just_before_the_deadline() {
    for (deadline, at) in [(32, 30), (80, 75), (8000, 7995)] {
        let (_watch, sim) = (Watch::new(), Sim::new());
        let kv = with_deadline(&sim, ms(deadline));
        kv.put("hangs", fetch(hangs).or(7));
        // One that rests would rest too long.
        let log = Log::new(&sim.clock());
        kv.put("rests", fetch(log.always_fails()).retry([ms(at)]).or(8));
        kv.put("without", fetch(hangs));
        sim.run();
        assert_eq!((ended(&kv, 1), kv.ending("hangs")), (ms(at), Some(Ending::Defaulted)));
        assert_eq!((ended(&kv, 2), kv.ending("rests")), (ms(0), Some(Ending::Defaulted)));
        assert_eq!((ended(&kv, 3), kv.ending("without")), (ms(deadline), Some(Ending::TimedOut)));
        assert_eq!(*kv.try_get("hangs").unwrap().unwrap(), 7);
    }
}

/// The rest was short enough, and then another entry had the permit.
#[test]
fn the_last_error_stands_if_the_permit_comes_back_too_late_for_another_attempt() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let builder = Kv::<_, u64>::builder().on(&sim.clock()).limit(1).deadline(ms(160));
    let kv = builder.record(true).build();
    kv.insert("first", 0);
    sim.pass(ms(1000));
    let log = Log::new(&sim.clock());
    let (told, errors) = channel();
    let work = fetch(log.always_fails()).retry([ms(10)]).or_else(move |error| {
        told.send(error.clone()).unwrap();
        7
    });
    kv.put("a", work);
    let nap = sim.clock().sleep(ms(157));
    kv.put("b", async move {
        nap.await;
        1
    });
    sim.run();
    assert_eq!((log.times(), kv.ending("a")), (vec![0], Some(Ending::Defaulted)));
    let error = errors.try_recv().unwrap();
    assert_eq!((oops(&error), error.attempts()), (Some(1), 1), "{error}");
}
