//! Waiting for more than one entry, and entries that wait for each other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use loom::future::block_on;
use loom::thread;

use super::stage::{Numbers, built, group, model, next, polled_once, unseen};
use crate::board::Config;
use crate::group::Name;
use crate::owner::Owner;
use crate::reply::{Replies, Reply};
use crate::until::Until;
use crate::waiters::Mark;

#[test]
fn who_waits_for_a_number_of_entries_does_not_miss_the_last() {
    model(|| {
        let (group, _) = group(None);
        let ends = [group.open(next()), group.open(next())]
            .map(|reply| thread::spawn(move || reply.finish(Ok(7))));
        for mark in [Mark::Ended(2), Mark::Gone(2)] {
            assert!(block_on(Until::new(group.board(), mark)));
        }
        for end in ends {
            assert!(end.join().unwrap());
        }
    });
}

#[test]
fn two_readers_of_one_cursor_share_the_replies() {
    model(|| {
        let (group, _) = group(None);
        let owner = Arc::new(Owner::new(group.clone(), ()));
        group.insert(next(), 7);
        let last = group.open(next());
        let reader = thread::spawn({
            let owner = owner.clone();
            move || block_on(owner.next()).map(|(at, _)| *at)
        });
        let filler = thread::spawn(move || last.finish(Ok(8)));
        let mut shares = vec![block_on(owner.next()).map(|(at, _)| *at), reader.join().unwrap()];
        assert!(filler.join().unwrap());
        shares.sort_unstable();
        assert_eq!(shares, [Some(0), Some(1)]);
        assert!(block_on(owner.next()).is_none());
    });
}

/// Takes replies in an entry of the very container; the answer is whether `last` had ended when
/// there were no more.
async fn takes_all(owner: Arc<Owner<usize, u32, ()>>, last: Reply<u32>) -> u32 {
    while owner.next().await.is_some() {}
    u32::from(last.try_get().is_some())
}

#[test]
fn entries_that_wait_for_the_rest_of_their_container_do_not_wait_for_each_other() {
    model(|| {
        let (group, tasks) = group(None);
        let owner = Arc::new(Owner::new(group.clone(), ()));
        let last = group.open(next());
        let insiders = [0, 1].map(|_| group.put(next(), takes_all(owner.clone(), last.clone())));
        let runs = [tasks.run(), tasks.run()];
        assert!(last.finish(Ok(7)));
        for run in runs {
            run.join().unwrap();
        }
        for insider in insiders {
            assert_eq!(insider.try_get().unwrap().ok(), Some(&1));
        }
    });
}

#[test]
fn both_of_two_that_wait_in_vain_learn_it_before_one_waits_for_the_other() {
    model(|| {
        let (group, tasks) = group(None);
        let owner = Arc::new(Owner::new(group.clone(), ()));
        let last = group.insert(next(), 7);
        let first = group.put(next(), takes_all(owner.clone(), last.clone()));
        let (all, reply) = (takes_all(owner.clone(), last), first.clone());
        let second = group.put(next(), async move {
            let answer = all.await;
            reply.get().await.map(|_| answer)
        });
        for run in [tasks.run(), tasks.run()] {
            run.join().unwrap();
        }
        for insider in [first, second] {
            assert_eq!(insider.try_get().unwrap().ok(), Some(&1));
        }
        assert_eq!(owner.done(), 3);
    });
}

#[test]
fn an_entry_that_waits_for_all_of_its_container_learns_that_only_it_is_left() {
    model(|| {
        let (group, tasks) = group(None);
        let last = group.open(next());
        let board = group.board().clone();
        let insider = group.put(next(), async move {
            let all = Until::new(&board, Mark::Ended(2)).await;
            u32::from(all)
        });
        let task = tasks.run();
        assert!(last.finish(Ok(7)));
        task.join().unwrap();
        assert_eq!(insider.try_get().unwrap().ok(), Some(&0));
    });
}

#[test]
fn an_entry_that_is_cancelled_while_it_waits_is_counted_once() {
    model(|| {
        let (group, tasks) = group(None);
        let owner = Arc::new(Owner::new(group.clone(), ()));
        let last = group.open(next());
        let board = group.board().clone();
        let first =
            group.put(next(), async move { u32::from(Until::new(&board, Mark::Ended(3)).await) });
        let second = group.put(next(), takes_all(owner.clone(), last.clone()));
        let mut first_task = tasks.take();
        block_on(polled_once(first_task.as_mut()));
        let second_task = tasks.run();
        assert!(first.cancel());
        drop(first_task);
        assert!(last.finish(Ok(7)));
        second_task.join().unwrap();
        assert_eq!(second.try_get().unwrap().ok(), Some(&1));
        assert_eq!(owner.failed(), 1);
    });
}

#[test]
fn an_entry_that_is_called_is_waited_for() {
    model(|| {
        let (group, tasks) = group(None);
        let owner = Arc::new(Owner::new(group.clone(), ()));
        let last = group.open(next());
        let any = owner.clone();
        group.put(next(), async move { any.first().await.map_or(0, |(at, _)| *at as u32) });
        let counts = owner.clone();
        let second = group.put(next(), async move {
            let mut replies = 0;
            while counts.next().await.is_some() {
                replies += 1;
            }
            replies
        });
        let mut first_task = tasks.take();
        block_on(polled_once(first_task.as_mut()));
        let second_task = tasks.run();
        assert!(last.finish(Ok(7)));
        block_on(first_task);
        second_task.join().unwrap();
        assert_eq!(second.try_get().unwrap().ok(), Some(&2));
        assert_eq!(owner.done(), 3);
    });
}

#[test]
fn of_a_circle_of_waits_one_is_refused() {
    model(|| {
        let (group, tasks) = group(None);
        let other = Arc::new(Mutex::new(None::<Reply<u32>>));
        let wait = other.clone();
        let first = group.put(next(), async move {
            let other = unseen(&wait).take().expect("both were put");
            other.get().await.copied()
        });
        let awaited = first.clone();
        let second = group.put(next(), async move { awaited.get().await.copied() });
        *unseen(&other) = Some(second.clone());
        let runs = [tasks.run(), tasks.run()];
        for run in runs {
            run.join().unwrap();
        }
        let errors = [first, second].map(|reply| reply.try_get().unwrap().err());
        let roots = errors.map(|error| error.is_some_and(|error| error.root().is_cycle()));
        assert_eq!(roots, [true, true]);
    });
}

#[test]
fn of_two_entries_with_one_key_the_later_stays() {
    model(|| {
        let (group, _) = group(None);
        let put = |group: Arc<Numbers>| group.open(Name::Key(5));
        let other = thread::spawn({
            let group = group.clone();
            move || put(group)
        });
        let replies = [put(group.clone()), other.join().unwrap()];
        let latest = group.find(&5).unwrap() as usize;
        assert_eq!(latest, 1);
        for reply in replies {
            assert_eq!(reply.try_get().is_some(), reply.index() != latest);
        }
    });
}

#[test]
fn an_entry_that_is_put_while_the_alarm_rings_has_its_own_time() {
    model(|| {
        let (after, tick) = (Duration::from_secs(10), Duration::from_millis(1));
        let (group, clock) = built(Config { deadline: Some(after), ..Config::default() });
        let early = group.open(next());
        let ring = thread::spawn({
            let clock = clock.clone();
            move || clock.pass(after + tick)
        });
        let late = group.open(next());
        ring.join().unwrap();
        assert!(early.try_get().unwrap().unwrap_err().is_timeout());
        let put_afterwards = late.try_get().is_none();
        clock.pass(after - tick);
        assert!(!put_afterwards || late.try_get().is_none());
        clock.pass(2 * tick);
        assert!(late.try_get().unwrap().unwrap_err().is_timeout());
        assert_eq!(group.board().counts(), (2, 2));
    });
}
