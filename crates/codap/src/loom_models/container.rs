//! The end of a container, while others go on.

use std::future::pending;
use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::stage::{Outside, assert_whole, gone, group, model, next};
use crate::reply::Replies;
use crate::until::Until;
use crate::waiters::Mark;

#[test]
fn a_container_that_ends_while_another_puts_leaves_nothing_pending() {
    model(|| {
        let (group, tasks) = group(Some(1));
        let outside = Outside::default();
        outside.put(&group);
        let puts = thread::spawn({
            let group = group.clone();
            move || group.put(next(), pending::<u32>())
        });
        group.cancel_all(true, "its container was dropped");
        let late = puts.join().unwrap();
        let error = late.try_get().unwrap().unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        block_on(tasks.take());
        outside.fill_all();
        assert_eq!((group.board().counts(), gone(group.board())), ((2, 2), 2));
    });
}

#[test]
fn a_put_while_all_others_are_cancelled_is_cancelled_or_runs() {
    model(|| {
        let (group, tasks) = group(Some(1));
        let outside = Outside::default();
        outside.put(&group);
        let puts = thread::spawn({
            let group = group.clone();
            move || group.put(next(), async { 7 })
        });
        group.cancel_all(false, "on request");
        let late = puts.join().unwrap();
        outside.fill_all();
        block_on(tasks.take());
        assert!(late.try_get().unwrap().map_or_else(|error| error.is_cancelled(), |&n| n == 7));
        assert_whole(&group, 1);
    });
}

#[test]
fn a_container_is_taken_apart_while_its_last_task_leaves() {
    model(|| {
        let (group, tasks) = group(None);
        group.put(next(), async { 7 });
        let task = tasks.run();
        assert!(block_on(Until::new(group.board(), Mark::Gone(1))));
        let group = Arc::try_unwrap(group).expect("tasks hold no group");
        let results = group.into_results(thread::yield_now);
        assert_eq!(
            results.into_iter().map(|(at, reply)| (at, reply.ok())).collect::<Vec<_>>(),
            [(0, Some(7))]
        );
        task.join().unwrap();
    });
}
