//! Work in line for its first poll, and the starters who come and go.

use std::future::Future;
use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use super::stage::{Tasks, model};
use crate::ready::Ready;
use crate::runtime::Home;

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
        let (tasks, tally) = (Tasks::default(), Tally::new());
        let ready = Arc::new(Ready::new(Some(Home::Custom(Arc::new(tasks.clone())))));
        ready.push(Box::pin(tally.work()));
        let starter = tasks.run();
        ready.push(Box::pin(tally.work()));
        starter.join().unwrap();
        tasks.run_all();
        assert_eq!(tally.seen(), (2, 2));
    });
}

#[test]
fn two_starters_poll_all_that_two_threads_bring_once() {
    model(|| {
        let (tasks, tally) = (Tasks::default(), Tally::new());
        let ready = Arc::new(Ready::new(Some(Home::Custom(Arc::new(tasks.clone())))));
        ready.push(Box::pin(tally.work()));
        ready.push(Box::pin(tally.work()));
        let starter = tasks.run();
        let brings = thread::spawn({
            let (ready, tally) = (ready.clone(), tally.clone());
            move || ready.push(Box::pin(tally.work()))
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
        let (tasks, tally) = (Tasks::default(), Tally::new());
        let ready = Arc::new(Ready::new(Some(Home::Custom(Arc::new(tasks.clone())))));
        ready.push(Box::pin(tally.work()));
        let starter = tasks.take();
        let ends = thread::spawn(move || drop(starter));
        ready.push(Box::pin(tally.work()));
        ends.join().unwrap();
        // A runtime that has ended drops what is spawned on it.
        tasks.drop_all();
        assert_eq!(tally.seen(), (0, 2));
    });
}
