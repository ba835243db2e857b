//! What the models have in common: a runtime, outside work, and ways to look at the end.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::board::{Board, Config};
use crate::group::{Group, Name};
use crate::reply::{Replies, Reply};
use crate::runtime::{BoxFuture, Home, Runtime};
use crate::slot::External;
use crate::sync::lock;
use crate::waiters::Mark;

/// Plays `play` in every order, or says that the time was up before.
pub(super) fn model(play: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.max_branches = 10_000;
    let (plays, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let counted = plays.clone();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        play();
    });
    let plays = plays.load(Ordering::Relaxed);
    // Loom looks at the time before each play with a round number, and ends without a word.
    let at_a_look = (plays + 1).is_multiple_of(builder.checkpoint_interval);
    let time_is_up = builder.max_duration.is_some_and(|most| began.elapsed() >= most);
    if at_a_look && time_is_up {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a model");
        // Past libtest, which shows what a test prints only if it fails.
        let line = format!("{name}: its time was up after {plays} orders, there are more\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    }
}

/// What is ours and no part of the model: loom sees no switch of threads in it.
pub(super) fn unseen<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A runtime whose tasks are run, and whose clock is moved, by the threads of the model.
#[derive(Clone)]
pub(super) struct Tasks {
    queue: Arc<Mutex<VecDeque<BoxFuture>>>,
    /// Unseen, because a container's epoch is read from it inside of a `OnceLock`.
    clock: Arc<Mutex<Instant>>,
    sleepers: Arc<crate::sync::Mutex<Vec<Waker>>>,
}

impl Default for Tasks {
    fn default() -> Self {
        let sleepers = Arc::new(crate::sync::Mutex::new(Vec::new()));
        Self { queue: Arc::default(), clock: Arc::new(Mutex::new(Instant::now())), sleepers }
    }
}

impl Runtime for Tasks {
    fn spawn(&self, work: BoxFuture) {
        unseen(&self.queue).push_back(work);
    }

    fn now(&self) -> Instant {
        *unseen(&self.clock)
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture {
        let tasks = self.clone();
        Box::pin(poll_fn(move |cx| {
            let waker = cx.waker().clone();
            let mut sleepers = lock(&tasks.sleepers);
            if tasks.now() >= at {
                return Poll::Ready(());
            }
            sleepers.push(waker);
            Poll::Pending
        }))
    }
}

impl Tasks {
    pub(super) fn take(&self) -> BoxFuture {
        unseen(&self.queue).pop_front().expect("a future was put")
    }

    /// The same, once there is one.
    pub(super) fn take_soon(&self) -> BoxFuture {
        loop {
            if let Some(task) = unseen(&self.queue).pop_front() {
                return task;
            }
            thread::yield_now();
        }
    }

    /// Runs what was spawned, and what that spawns.
    pub(super) fn run_all(&self) {
        loop {
            let task = unseen(&self.queue).pop_front();
            let Some(task) = task else { return };
            block_on(task);
        }
    }

    /// Drops what was spawned, as a runtime that ends does.
    pub(super) fn drop_all(&self) {
        loop {
            let task = unseen(&self.queue).pop_front();
            let Some(task) = task else { return };
            drop(task);
        }
    }

    /// Runs the task that was spawned first on a thread of its own.
    pub(super) fn run(&self) -> JoinHandle<()> {
        let task = self.take();
        thread::spawn(move || block_on(task))
    }

    pub(super) fn pass(&self, time: Duration) {
        let mut sleepers = lock(&self.sleepers);
        *unseen(&self.clock) += time;
        let woken = std::mem::take(&mut *sleepers);
        drop(sleepers);
        woken.into_iter().for_each(Waker::wake);
    }
}

pub(super) type Numbers = Group<usize, u32>;

pub(super) fn group(limit: Option<usize>) -> (Arc<Numbers>, Tasks) {
    built(Config { limit, ..Config::default() })
}

pub(super) fn built(config: Config) -> (Arc<Numbers>, Tasks) {
    let tasks = Tasks::default();
    (Group::new(config, Some(Home::Custom(Arc::new(tasks.clone())))), tasks)
}

pub(super) fn next() -> Name<usize> {
    Name::Position(|at| at)
}

pub(super) fn polled_once<F: Future>(future: F) -> impl Future<Output = Option<F::Output>> {
    let mut future = Box::pin(future);
    poll_fn(move |cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
}

/// How many entries have no work any more.
pub(super) fn gone(board: &Board) -> u32 {
    (0..).find(|&n| !board.reached(Mark::Gone(n + 1))).expect("entries are counted in 32 bits")
}

/// Work outside of codap, as the limiter starts it.
#[derive(Clone, Default)]
pub(super) struct Outside(Arc<Mutex<Scene>>);

#[derive(Default)]
pub(super) struct Scene {
    /// Entries in the order in which they were started.
    started: Vec<usize>,
    /// Those of them that run.
    running: VecDeque<External<u32>>,
    /// How many ran at once, at most.
    most: usize,
}

impl Outside {
    pub(super) fn put(&self, group: &Arc<Numbers>) -> Reply<u32> {
        let outside = self.clone();
        group.put_outside(next(), move |slot| outside.start(External::new(slot)))
    }

    pub(super) fn start(&self, entry: External<u32>) {
        let mut scene = unseen(&self.0);
        scene.started.push(entry.reply().index());
        scene.running.push_back(entry);
        scene.most = scene.most.max(scene.running.len());
    }

    pub(super) fn take(&self) -> Option<External<u32>> {
        unseen(&self.0).running.pop_front()
    }

    /// Ends what runs, and what that starts, and so on.
    pub(super) fn fill_all(&self) {
        while let Some(entry) = self.take() {
            entry.fill(0);
        }
    }

    pub(super) fn started(&self) -> Vec<usize> {
        unseen(&self.0).started.clone()
    }

    pub(super) fn most(&self) -> usize {
        unseen(&self.0).most
    }
}

/// Asserts that everything has ended and gone, and that all permits are free, by taking them.
pub(super) fn assert_whole(group: &Arc<Numbers>, limit: usize) {
    let len = group.len();
    assert_eq!((group.board().counts().0, gone(group.board())), (len, len));
    let outside = Outside::default();
    for _ in 0..=limit {
        outside.put(group);
    }
    assert_eq!(outside.started().len(), limit);
    outside.fill_all();
    assert_eq!(outside.started().len(), limit + 1);
}
