use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use codap::{Ending, Kv, What, fetch};

use super::{Log, Oops, every, oops, rounded};
use crate::clock::{Sim, ms};
use crate::leaks::Watch;

#[test]
fn nothing_is_tried_again_unless_asked() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let reply = kv.put("a", fetch(log.always_fails()).timeout(ms(100)));
    sim.run();
    assert_eq!(log.times(), [0]);
    let error = reply.try_get().unwrap().unwrap_err();
    assert_eq!((oops(&error), error.attempts()), (Some(1), 1));
    assert!(!error.to_string().contains("attempts"), "{error}");
}

#[test]
fn it_does_nothing_before_it_is_polled() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let log = Log::new(&sim.clock());
    drop(fetch(log.always_fails()).timeout(ms(1)).retry([ms(1)]).or(0));
    assert!(log.times().is_empty());
}

#[test]
fn an_array_says_how_often_and_when() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let reply = kv.put("a", fetch(log.succeeds_at(4)).retry([10, 20, 40].map(ms)));
    sim.run();
    assert_eq!(log.times(), [0, 10, 30, 70]);
    assert_eq!(*reply.try_get().unwrap().unwrap(), 4);
    assert_eq!(reply.ending(), Some(Ending::Ok));
}

#[test]
fn a_success_ends_it_whatever_is_left_of_the_backoff() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let reply = kv.put("a", fetch(log.succeeds_at(1001)).retry(every(ms(5))));
    sim.run();
    assert_eq!((log.times().len(), sim.elapsed()), (1001, ms(5000)));
    assert_eq!(*reply.try_get().unwrap().unwrap(), 1001);
}

#[test]
fn what_backon_builds_is_a_backoff() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let backoff = ExponentialBuilder::default().with_min_delay(ms(10)).with_max_times(3).build();
    kv.put("a", fetch(log.always_fails()).retry(backoff));
    sim.run();
    assert_eq!(log.times(), [0, 10, 30, 70]);
}

#[test]
fn after_the_last_attempt_its_error_tells_the_whole_story() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::builder().on(&sim.clock()).record(true).build();
    let log = Log::new(&sim.clock());
    let reply = kv.put("a", fetch(log.always_fails()).retry([10, 20].map(ms)));
    sim.run();
    let error = reply.try_get().unwrap().unwrap_err();
    assert!(error.is_failed());
    assert_eq!((error.entry(), error.attempts()), (Some("\"a\""), 3));
    assert_eq!((oops(&error), rounded(error.elapsed())), (Some(3), ms(30)));
    assert_eq!(error.to_string(), "entry \"a\" failed after 3 attempts and 30.0ms: oops 3");
}

/// The fetch has looked at the clock, so the error need not go without its time.
#[test]
fn how_long_it_took_is_told_without_any_option_of_the_container() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let reply = kv.put("a", fetch(log.always_fails()).retry([10, 20].map(ms)));
    sim.run();
    let error = reply.try_get().unwrap().unwrap_err();
    assert_eq!(rounded(error.elapsed()), ms(30));
}

#[test]
fn the_timeout_counts_for_each_attempt_anew() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let clock = sim.clock();
    let kv = Kv::<_, u64>::on(&clock);
    let log = Log::new(&clock);
    let work = {
        let log = log.clone();
        fetch(move || {
            // The third attempt is just in time, although all three together are not.
            let (nth, nap) = (log.note(), clock.sleep(ms(99)));
            async move {
                if nth < 3 {
                    pending::<()>().await;
                }
                nap.await;
                Ok::<_, Oops>(nth)
            }
        })
    };
    let reply = kv.put("a", work.timeout(ms(100)).retry([10, 20].map(ms)));
    sim.run();
    assert_eq!(log.times(), [0, 110, 230]);
    assert_eq!(sim.elapsed(), ms(329));
    assert_eq!(*reply.try_get().unwrap().unwrap(), 3);
}

#[test]
fn the_timeout_does_not_count_the_time_in_the_queue() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let clock = sim.clock();
    let kv = Kv::<_, u64>::builder().on(&clock).limit(1).build();
    let first = clock.sleep(ms(500));
    kv.put("first", async move {
        first.await;
        1
    });
    let work = move || {
        let nap = clock.sleep(ms(50));
        async move {
            nap.await;
            Ok::<_, Oops>(2)
        }
    };
    let second = kv.put("second", fetch(work).timeout(ms(100)));
    sim.run();
    assert_eq!(sim.elapsed(), ms(550));
    assert_eq!(*second.try_get().unwrap().unwrap(), 2);
}

#[test]
fn a_timeout_is_an_error_of_its_own_and_retried_as_one() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::builder().on(&sim.clock()).record(true).build();
    let hangs = || pending::<Result<u64, Oops>>();
    let reply = kv.put("a", fetch(hangs).timeout(ms(20)).retry([ms(5)]));
    sim.run();
    let error = reply.try_get().unwrap().unwrap_err();
    assert!(error.is_timeout() && std::error::Error::source(&error).is_none());
    assert_eq!(error.to_string(), "entry \"a\" timed out after 2 attempts and 45.0ms");
    assert_eq!(reply.ending(), Some(Ending::TimedOut));
}

/// Whichever way the attempts end, only the last one counts.
#[test]
fn of_a_timeout_and_a_failure_the_later_stands() {
    for hangs_at in [1, 2] {
        let (_watch, sim) = (Watch::new(), Sim::new());
        let kv = Kv::<_, u64>::on(&sim.clock());
        let mut nth = 0;
        let work = fetch(move || {
            nth += 1;
            let nth = nth;
            async move {
                if nth == hangs_at {
                    pending::<()>().await;
                }
                Err::<u64, _>(Oops(nth))
            }
        });
        let reply = kv.put("a", work.timeout(ms(20)).retry([ms(5)]));
        sim.run();
        let error = reply.try_get().unwrap().unwrap_err();
        assert_eq!(sim.elapsed(), ms(25));
        assert_eq!(error.is_timeout(), hangs_at == 2, "{error}");
        assert_eq!(oops(&error), (hangs_at == 1).then_some(2));
    }
}

#[test]
fn an_attempt_is_polled_before_it_times_out() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let reply = kv.put("a", fetch(log.succeeds_at(1)).timeout(Duration::ZERO));
    sim.run();
    assert_eq!(*reply.try_get().unwrap().unwrap(), 1);
}

#[test]
fn beyond_the_end_of_time_is_never() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let stuck = kv.put("stuck", fetch(pending::<Result<u64, Oops>>).timeout(Duration::MAX));
    let fails = kv.put("fails", fetch(log.always_fails()).retry(every(Duration::MAX)));
    sim.run();
    assert!(stuck.try_get().is_none());
    assert_eq!(oops(&fails.try_get().unwrap().unwrap_err()), Some(1), "there is no next attempt");
}

#[test]
fn jitter_draws_every_rest_anew_between_zero_and_its_length() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    fastrand::seed(7);
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    kv.put("a", fetch(log.always_fails()).retry([ms(1000); 300]).jitter());
    sim.run();
    let times = log.times();
    let rests: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(rests.len(), 300);
    assert!(rests.iter().all(|&rest| rest <= 1000));
    // Of 300 even draws about 30 are in each tenth.
    for tenth in 0..10 {
        let in_it = rests.iter().filter(|&&rest| rest.min(999) / 100 == tenth).count();
        assert!((5..80).contains(&in_it), "{in_it} of 300 rests are in tenth {tenth}");
    }
}

#[test]
fn what_is_not_to_be_tried_again_is_not() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let work = fetch(log.always_fails()).retry(every(ms(10)));
    let reply = kv.put("a", work.retry_if(|error| error.0 != 3));
    sim.run();
    assert_eq!(log.times(), [0, 10, 20], "the third error ends it at once");
    assert_eq!(sim.elapsed(), ms(20));
    assert_eq!(oops(&reply.try_get().unwrap().unwrap_err()), Some(3));
}

/// `retry_if` is asked about errors, and a timeout has none.
#[test]
fn a_timeout_is_tried_again_whatever_retry_if_says() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let attempts = log.clone();
    let work = fetch(move || {
        let nth = attempts.note();
        async move {
            if nth == 1 {
                pending::<()>().await;
            }
            Err::<u64, _>(Oops(nth))
        }
    });
    kv.put("a", work.timeout(ms(20)).retry(every(ms(10))).retry_if(|_| false));
    sim.run();
    assert_eq!(log.times(), [0, 30]);
}

#[test]
fn what_the_error_says_takes_the_place_of_the_delay() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    let told = |error: &Oops| (error.0 == 2).then_some(ms(300));
    // With jitter as well: what a server tells is kept to.
    let work = fetch(log.always_fails()).retry([ms(0), ms(10), ms(0)]).jitter();
    kv.put("a", work.retry_after(told));
    sim.run();
    assert_eq!(log.times(), [0, 0, 300, 300], "and the backoff still says how often");
}

#[test]
fn retry_after_alone_is_no_retry() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let log = Log::new(&sim.clock());
    kv.put("a", fetch(log.always_fails()).retry_after(|_| Some(ms(1))));
    sim.run();
    assert_eq!(log.times(), [0]);
}

#[test]
fn attempts_are_on_the_record() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::builder().on(&sim.clock()).record(true).build();
    let log = Log::new(&sim.clock());
    kv.put("a", fetch(log.always_fails()).retry([10, 20].map(ms)));
    sim.run();
    let events: Vec<_> =
        kv.events().into_iter().map(|event| (rounded(event.at), event.what)).collect();
    let expected = [
        (ms(0), What::Queued),
        (ms(0), What::Started),
        (ms(0), What::Attempt(1)),
        (ms(10), What::Attempt(2)),
        (ms(30), What::Attempt(3)),
        (ms(30), What::Ended(Ending::Failed)),
    ];
    assert_eq!(events, expected);
}

/// One that has failed is gone before the next begins, as connections are few.
#[test]
fn there_is_one_attempt_at_a_time() {
    struct One(Arc<AtomicU64>);
    impl Drop for One {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u64>::on(&sim.clock());
    let (alive, mut nth) = (Arc::new(AtomicU64::new(0)), 0);
    let counted = alive.clone();
    let work = fetch(move || {
        nth += 1;
        let nth = nth;
        assert_eq!(counted.fetch_add(1, SeqCst), 0, "two attempts at once");
        let one = One(counted.clone());
        async move {
            let _one = one;
            if nth < 3 {
                pending::<()>().await;
            }
            Ok::<_, Oops>(nth)
        }
    });
    let reply = kv.put("a", work.timeout(ms(20)).retry(every(ms(10))));
    sim.pass(ms(25));
    assert_eq!(alive.load(SeqCst), 0, "none is kept during a rest");
    sim.run();
    assert_eq!(*reply.try_get().unwrap().unwrap(), 3);
}
