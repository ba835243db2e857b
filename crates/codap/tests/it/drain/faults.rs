use std::future::{IntoFuture, Ready, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use codap::{BoxError, BoxFuture, Error, Runtime, drain, fetch, ok};

use super::{poll, rest};
use crate::clock::{Sim, ms};
use crate::leaks::{Life, Watch};

fn cause(error: &Error) -> Option<&std::num::ParseIntError> {
    std::error::Error::source(error)?.downcast_ref()
}

#[test]
fn an_error_is_an_item_that_names_its_position() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let work = ["1", "two", "3"].map(|text| async move { text.parse::<u32>() });
    let mut drain = drain(work).on(&sim.clock()).limit(1);
    let items = rest(&sim, &mut drain);
    assert_eq!(items.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2]);
    let values: Vec<_> = items.iter().filter_map(|(_, item)| item.as_ref().ok()).collect();
    assert_eq!(values, [&1, &3], "the others go on");
    let error = items[1].1.as_ref().unwrap_err();
    assert!(error.is_failed() && cause(error).is_some());
    assert_eq!(error.entry(), Some("1"));
    assert!(error.to_string().starts_with("entry 1 failed"), "{error}");
}

#[test]
fn a_panic_is_an_item_wherever_it_happens() {
    struct Drops(Option<Life>);
    impl Drop for Drops {
        fn drop(&mut self) {
            if self.0.take().is_some() {
                panic!("deliberate: when dropped");
            }
        }
    }
    let (watch, sim) = (Watch::new(), Sim::new());
    let clock = sim.clock();
    let work = (0..4).map(|n| {
        let nap = clock.sleep(ms(1));
        let drops = Drops((n == 2).then(|| watch.life()));
        let mut work = Box::pin(async move {
            assert_ne!(n, 0, "deliberate: at once");
            nap.await;
            assert_ne!(n, 1, "deliberate: later");
            ok(n)
        });
        poll_fn(move |cx| {
            let _kept = &drops;
            work.as_mut().poll(cx)
        })
    });
    let mut items = rest(&sim, &mut drain(work).on(&sim.clock()).limit(2));
    items.sort_unstable_by_key(|(at, _)| *at);
    for (at, text) in ["at once", "later", "when dropped"].into_iter().enumerate() {
        let error = items[at].1.as_ref().unwrap_err();
        assert!(error.is_panic() && error.to_string().contains(text), "{error}");
        assert_eq!(error.entry(), Some(&*at.to_string()));
    }
    assert_eq!((items.len(), *items[3].1.as_ref().unwrap()), (4, 3));
}

/// By the clock of the runtime that the drain runs on.
#[test]
fn a_policy_works_in_a_drain() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let fails = || ready("x".parse::<u32>());
    let work = [fetch(fails).retry([ms(10)]), fetch(fails).retry([ms(10)]).or(7)];
    let mut items = rest(&sim, &mut drain(work).on(&sim.clock()).limit(1));
    assert_eq!(items.pop().map(|(at, item)| (at, item.unwrap())), Some((1, 7)));
    let error = items.pop().unwrap().1.unwrap_err();
    assert_eq!((error.entry(), error.attempts()), (Some("0"), 2));
    assert!(cause(&error).is_some());
    assert_eq!(sim.elapsed(), ms(20));
}

#[test]
fn a_panic_of_the_iterator_is_the_consumers_and_loses_nothing() {
    let (watch, sim) = (Watch::new(), Sim::new());
    let (clock, mut drawn, lives) = (sim.clock(), 0, &watch);
    let work = std::iter::from_fn(move || {
        drawn += 1;
        assert_ne!(drawn, 3, "deliberate: the iterator");
        let (nap, life) = (clock.sleep(ms(1)), lives.life());
        let n = drawn;
        (drawn < 5).then_some(async move {
            nap.await;
            drop(life);
            ok(n)
        })
    });
    let mut drain = drain(work).on(&sim.clock()).limit(4);
    let polled = catch_unwind(AssertUnwindSafe(|| poll(&sim, &mut drain)));
    assert!(polled.is_err(), "it is not swallowed");
    let items = rest(&sim, &mut drain);
    let mut values: Vec<_> = items.into_iter().map(|(at, item)| (at, item.unwrap())).collect();
    values.sort_unstable();
    assert_eq!(values, [(0, 1), (1, 2), (2, 4)]);
}

#[test]
fn a_drain_that_is_dropped_after_a_panic_of_the_iterator_cancels_all_the_same() {
    let (watch, sim) = (Watch::new(), Sim::new());
    let lives = &watch;
    let work = (0..).map(move |n| {
        assert_ne!(n, 3, "deliberate: the iterator");
        let life = lives.life();
        async move {
            let _life = life;
            pending::<Result<u32, BoxError>>().await
        }
    });
    let mut drain = drain(work).on(&sim.clock());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&sim, &mut drain))).is_err());
    sim.settle();
    assert_eq!(watch.alive(), 3);
    drop(drain);
    sim.settle();
    assert_eq!(watch.alive(), 0);
}

/// As a panic of the iterator itself: the consumer's, and no reason to wait for ever afterwards.
#[test]
fn a_panic_while_work_becomes_a_future_leaves_no_hole() {
    struct Work(u32);
    impl IntoFuture for Work {
        type Output = Result<u32, BoxError>;
        type IntoFuture = Ready<Self::Output>;
        fn into_future(self) -> Self::IntoFuture {
            assert_ne!(self.0, 1, "deliberate: into_future");
            ready(ok(self.0))
        }
    }
    let (_watch, sim) = (Watch::new(), Sim::new());
    let mut drain = drain([Work(0), Work(1), Work(2)]).on(&sim.clock());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&sim, &mut drain))).is_err());
    let items = rest(&sim, &mut drain);
    let values: Vec<_> = items.into_iter().filter_map(|(_, item)| item.ok()).collect();
    assert_eq!(values, [0, 2]);
}

#[test]
fn what_a_runtime_loses_is_an_item_too() {
    #[derive(Clone)]
    struct Lossy;
    impl Runtime for Lossy {
        fn spawn(&self, work: BoxFuture) {
            drop(work);
        }
    }
    let (_watch, sim) = (Watch::new(), Sim::new());
    let mut drain = drain((0..3).map(|n| async move { ok(n) })).on(&Lossy);
    let items = rest(&sim, &mut drain);
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|(_, item)| item.as_ref().is_err_and(Error::is_cancelled)));
}

#[test]
fn a_value_that_panics_when_dropped_untaken_harms_nobody() {
    struct Spiteful(Option<Life>);
    impl Drop for Spiteful {
        fn drop(&mut self) {
            drop(self.0.take());
            panic!("deliberate: drop of a value");
        }
    }
    let (watch, sim) = (Watch::new(), Sim::new());
    let lives = &watch;
    let work = (0..8).map(move |_| {
        let life = lives.life();
        async move { ok(Spiteful(Some(life))) }
    });
    let mut drain = drain(work).on(&sim.clock()).limit(8);
    assert!(matches!(poll(&sim, &mut drain), Poll::Pending));
    sim.settle();
    assert_eq!(watch.alive(), 8);
    drop(drain);
    assert_eq!(watch.alive(), 0);
}
