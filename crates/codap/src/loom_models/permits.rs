//! Permits: held by one entry each, in order, and never lost.

use std::sync::{Arc, Mutex};

use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::stage::{Outside, assert_whole, gone, group, model, next, polled_once, unseen};
use crate::current::carry;
use crate::reply::Replies;

#[test]
fn the_permit_of_an_entry_that_is_cancelled_in_the_queue_passes_on() {
    model(|| {
        let (group, _) = group(Some(1));
        let outside = Outside::default();
        outside.put(&group);
        let second = outside.put(&group);
        outside.put(&group);
        let first = outside.take().unwrap();
        let filler = thread::spawn(move || first.fill(7));
        assert!(second.cancel());
        assert!(filler.join().unwrap());
        outside.fill_all();
        assert!(outside.started().ends_with(&[2]));
        assert_eq!(outside.most(), 1);
        assert_whole(&group, 1);
    });
}

#[test]
fn the_permit_of_a_future_that_is_cancelled_in_the_queue_passes_on() {
    model(|| {
        let (group, tasks) = group(Some(1));
        let outside = Outside::default();
        outside.put(&group);
        let second = group.put(next(), async { 7 });
        outside.put(&group);
        let first = outside.take().unwrap();
        let filler = thread::spawn(move || first.fill(7));
        assert!(second.cancel());
        assert!(filler.join().unwrap());
        // With its permit or without, it was launched, to be dropped.
        block_on(tasks.take());
        assert_eq!(outside.started(), [0, 2]);
        outside.fill_all();
        assert_whole(&group, 1);
    });
}

#[test]
fn a_future_that_is_put_while_a_permit_comes_free_starts() {
    model(|| {
        let (group, tasks) = group(Some(1));
        let outside = Outside::default();
        outside.put(&group);
        let first = outside.take().unwrap();
        let filler = thread::spawn(move || first.fill(7));
        let reply = group.put(next(), async { 7 });
        assert!(filler.join().unwrap());
        block_on(tasks.take());
        assert_eq!(reply.try_get().unwrap().ok(), Some(&7));
        assert_whole(&group, 1);
    });
}

#[test]
fn an_entry_that_waits_lends_its_permit_and_comes_back() {
    model(|| {
        let ((group, tasks), (other, _)) = (group(Some(1)), group(None));
        let awaited = other.open(next());
        let wait = awaited.clone();
        let first = group.put(next(), async move { wait.get().await.copied() });
        let second = group.put(next(), async { 8 });
        let task = tasks.run();
        awaited.finish(Ok(7));
        block_on(tasks.take_soon());
        task.join().unwrap();
        assert_eq!(first.try_get().unwrap().ok(), Some(&7));
        assert_eq!(second.try_get().unwrap().ok(), Some(&8));
        assert_whole(&group, 1);
    });
}

#[test]
fn an_entry_that_comes_back_goes_before_those_that_are_new() {
    model(|| {
        let ((group, _), (other, _)) = (group(Some(1)), group(None));
        let outside = Outside::default();
        let awaited = other.open(next());
        for _ in 0..3 {
            outside.put(&group);
        }
        let first = outside.take().unwrap();
        let pause = first.pause_for(&awaited).unwrap();
        let second = outside.take().unwrap();
        let in_line = Arc::new(AtomicBool::new(false));
        let back = thread::spawn({
            let (in_line, outside) = (in_line.clone(), outside.clone());
            move || {
                pause.resume(move || outside.start(first));
                in_line.store(true, Ordering::Release);
            }
        });
        let was_in_line = in_line.load(Ordering::Acquire);
        assert!(second.fill(7));
        back.join().unwrap();
        outside.fill_all();
        let order = outside.started();
        assert!(order == [0, 1, 0, 2] || order == [0, 1, 2, 0] && !was_in_line, "{order:?}");
        assert_eq!(outside.most(), 1);
        assert_whole(&group, 1);
    });
}

#[test]
fn an_end_and_a_cancel_at_once_give_one_permit_back() {
    model(|| {
        let (group, _) = group(Some(1));
        let outside = Outside::default();
        let first = outside.put(&group);
        outside.put(&group);
        outside.put(&group);
        let running = outside.take().unwrap();
        let filler = thread::spawn(move || running.fill(7));
        let cancelled = first.cancel();
        assert_ne!(filler.join().unwrap(), cancelled);
        assert_eq!(gone(group.board()), 1);
        assert_eq!(outside.started(), [0, 1]);
        outside.fill_all();
        assert_eq!(outside.most(), 1);
        assert_whole(&group, 1);
    });
}

#[test]
fn puts_from_two_threads_start_in_their_order() {
    model(|| {
        let (group, _) = group(Some(1));
        let outside = Outside::default();
        outside.put(&group);
        let first = outside.take().unwrap();
        let puts = thread::spawn({
            let (group, outside) = (group.clone(), outside.clone());
            move || drop(outside.put(&group))
        });
        let fills = thread::spawn(move || first.fill(7));
        outside.put(&group);
        puts.join().unwrap();
        assert!(fills.join().unwrap());
        outside.fill_all();
        assert_eq!(outside.started(), [0, 1, 2]);
        assert_eq!(outside.most(), 1);
        assert_whole(&group, 1);
    });
}

#[test]
fn one_permit_is_enough_for_all_who_come_back_in_the_name_of_an_entry() {
    model(|| {
        let ((group, _), (other, _)) = (group(Some(1)), group(None));
        let outside = Outside::default();
        let awaited = other.open(next());
        outside.put(&group);
        outside.put(&group);
        let first = outside.take().unwrap();
        let pauses = [first.pause_for(&awaited).unwrap(), first.pause_for(&awaited).unwrap()];
        let second = outside.take().unwrap();
        let backs = Arc::new(Mutex::new(0));
        let resumes = pauses.map(|pause| {
            let backs = backs.clone();
            move || pause.resume(move || *unseen(&backs) += 1)
        });
        let [here, there] = resumes;
        let there = thread::spawn(there);
        let filler = thread::spawn(move || second.fill(7));
        here();
        there.join().unwrap();
        assert!(filler.join().unwrap());
        assert_eq!(*unseen(&backs), 2);
        assert!(first.fill(7));
        assert_whole(&group, 1);
    });
}

#[test]
fn a_subtask_that_is_dropped_in_line_leaves_no_permit_behind() {
    model(|| {
        let ((group, _), (other, _)) = (group(Some(1)), group(None));
        let outside = Outside::default();
        let awaited = other.open(next());
        for _ in 0..3 {
            outside.put(&group);
        }
        let first = outside.take().unwrap();
        let waits = awaited.clone();
        let mut subtask = Box::pin(first.enter(|| carry(async move { waits.get().await.is_ok() })));
        assert!(block_on(polled_once(subtask.as_mut())).is_none());
        let pause = first.pause_for(&awaited).unwrap();
        let second = outside.take().unwrap();
        // In line behind the second.
        assert!(block_on(polled_once(subtask.as_mut())).is_none());
        let filler = thread::spawn(move || second.fill(7));
        drop(subtask);
        assert!(filler.join().unwrap());
        assert_eq!(outside.started(), [0, 1, 2]);
        outside.fill_all();
        drop(pause);
        assert!(first.fill(7));
        assert_whole(&group, 1);
    });
}
