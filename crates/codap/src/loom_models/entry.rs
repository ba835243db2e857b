//! One entry: how it ends, and who learns of it.

use std::future::pending;
use std::sync::{Arc, Mutex};

use loom::future::block_on;
use loom::thread;

use super::stage::{gone, group, model, next, polled_once, unseen};
use crate::entry::ENDED;
use crate::reply::Replies;

#[test]
fn of_two_ends_one_counts_and_is_seen_whole() {
    model(|| {
        let (group, _) = group(None);
        let reply = group.open(next());
        let filler = thread::spawn({
            let reply = reply.clone();
            move || reply.finish(Ok(7))
        });
        let reader = thread::spawn({
            let (reply, group) = (reply.clone(), group.clone());
            move || {
                let ended = reply.status().has(ENDED);
                let value = reply.try_get().map(|reply| reply.copied().ok());
                if ended {
                    assert!(value.is_some());
                    assert_eq!(group.board().arrival(0), Some(0));
                }
                value
            }
        });
        let cancelled = reply.cancel();
        let filled = filler.join().unwrap();
        let seen = reader.join().unwrap();
        assert_ne!(filled, cancelled);
        let value = reply.try_get().map(|reply| reply.copied().ok());
        assert_eq!(value, Some(filled.then_some(7)));
        assert!(seen.is_none() || seen == value);
        assert_eq!(group.board().counts(), (1, u32::from(cancelled)));
        assert_eq!(gone(group.board()), 1);
    });
}

#[test]
fn a_reader_that_comes_while_the_entry_ends_is_woken() {
    model(|| {
        let (group, _) = group(None);
        let reply = group.open(next());
        let filler = thread::spawn({
            let reply = reply.clone();
            move || reply.finish(Ok(7))
        });
        assert_eq!(block_on(reply.get()).ok(), Some(&7));
        assert!(filler.join().unwrap());
    });
}

#[test]
fn a_reader_that_gives_up_takes_no_other_along() {
    model(|| {
        let (group, _) = group(None);
        let reply = group.open(next());
        let stays = thread::spawn({
            let reply = reply.clone();
            move || block_on(reply.get()).ok().copied()
        });
        let filler = thread::spawn({
            let reply = reply.clone();
            move || reply.finish(Ok(7))
        });
        let left = block_on(polled_once(reply.get()));
        assert!(left.is_none_or(|reply| reply.ok() == Some(&7)));
        assert_eq!(stays.join().unwrap(), Some(7));
        assert!(filler.join().unwrap());
    });
}

#[test]
fn a_callback_is_called_once_however_late_it_comes() {
    model(|| {
        let (group, _) = group(None);
        let reply = group.open(next());
        let filler = thread::spawn({
            let reply = reply.clone();
            move || reply.finish(Ok(7))
        });
        let calls = Arc::new(Mutex::new(Vec::new()));
        reply.on_done({
            let calls = calls.clone();
            move |reply| unseen(&calls).push(reply.copied().ok())
        });
        assert!(filler.join().unwrap());
        assert_eq!(*unseen(&calls), [Some(7)]);
    });
}

#[test]
fn a_cancel_is_seen_by_the_task_or_wakes_it() {
    model(|| {
        let (group, tasks) = group(None);
        let guard = Arc::new(());
        let held = guard.clone();
        let reply = group.put(next(), async move {
            pending::<()>().await;
            drop(held);
            7
        });
        let task = tasks.run();
        assert!(reply.cancel());
        task.join().unwrap();
        assert_eq!(Arc::strong_count(&guard), 1);
        assert_eq!(gone(group.board()), 1);
    });
}

#[test]
fn a_cancel_that_meets_the_end_of_the_task_changes_nothing_or_all() {
    model(|| {
        let (group, tasks) = group(None);
        let reply = group.put(next(), async { 7 });
        let task = tasks.run();
        let cancelled = reply.cancel();
        task.join().unwrap();
        let value = reply.try_get().map(|reply| reply.copied().ok());
        assert_eq!(value, Some((!cancelled).then_some(7)));
        assert_eq!(group.board().counts(), (1, u32::from(cancelled)));
        assert_eq!(gone(group.board()), 1);
    });
}
