//! Work in line for its first poll, and the starters who come and go.

use std::future::Future;
use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use super::stage::{group, model};
use crate::reply::Replies;

/// Counts how often it is polled, and that it is gone.
struct Tally {
    polls: AtomicU32,
    gone: AtomicU32,
}

struct Gone(Arc<Tally>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, Ordering::Relaxed);
    }
}

impl Tally {
    fn new() -> Arc<Self> {
        Arc::new(Self { polls: AtomicU32::new(0), gone: AtomicU32::new(0) })
    }

    fn work(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let gone = Gone(self.clone());
        async move {
            gone.0.polls.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn seen(&self) -> (u32, u32) {
        (self.polls.load(Ordering::Relaxed), self.gone.load(Ordering::Relaxed))
    }
}

#[test]
fn work_that_comes_while_the_last_starter_leaves_is_polled() {
    model(|| {
        let (group, tasks) = group(None);
        let (board, tally) = (group.board().clone(), Tally::new());
        board.ready().push(&board, Box::pin(tally.work()));
        let starter = tasks.run();
        board.ready().push(&board, Box::pin(tally.work()));
        starter.join().unwrap();
        tasks.run_all();
        assert_eq!(tally.seen(), (2, 2));
    });
}

#[test]
fn two_starters_poll_all_that_two_threads_bring_once() {
    model(|| {
        let (group, tasks) = group(None);
        let (board, tally) = (group.board().clone(), Tally::new());
        board.ready().push(&board, Box::pin(tally.work()));
        board.ready().push(&board, Box::pin(tally.work()));
        let starter = tasks.run();
        let brings = thread::spawn({
            let (board, tally) = (board.clone(), tally.clone());
            move || board.ready().push(&board, Box::pin(tally.work()))
        });
        tasks.run_all();
        brings.join().unwrap();
        starter.join().unwrap();
        tasks.run_all();
        assert_eq!(tally.seen(), (3, 3));
    });
}

#[test]
fn work_that_comes_while_its_runtime_ends_is_dropped() {
    model(|| {
        let (group, tasks) = group(None);
        let (board, tally) = (group.board().clone(), Tally::new());
        board.ready().push(&board, Box::pin(tally.work()));
        let starter = tasks.take();
        let ends = thread::spawn(move || drop(starter));
        board.ready().push(&board, Box::pin(tally.work()));
        ends.join().unwrap();
        // A runtime that has ended drops what is spawned on it.
        tasks.drop_all();
        assert_eq!(tally.seen(), (0, 2));
    });
}
