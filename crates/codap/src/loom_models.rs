//! The core under every interleaving of a few threads, up to three preemptions.
//!
//! Each model is one race of the rules in `entry`, `board`, `limiter`, `work` and `group`, played
//! with the code itself. A lost wake shows as a deadlock, which loom reports; the rest is asserted
//! after all threads have ended, since the core contains the panics of work and callbacks.
//!
//! Run them with
//! `RUSTFLAGS='--cfg codap_loom' LOOM_MAX_PREEMPTIONS=3 cargo test --release -p codap --lib loom`.

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::Poll;
use std::time::Instant;

use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle};

use crate::board::{Board, Config, Mark};
use crate::crowd::Until;
use crate::entry::ENDED;
use crate::group::{Group, Name};
use crate::owner::Owner;
use crate::reply::{Replies, Reply};
use crate::runtime::{BoxFuture, Home, Runtime};
use crate::slot::External;

/// Plays `play` in every order.
fn model(play: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.max_branches = 10_000;
    builder.check(play);
}

/// What is ours and no part of the model: loom sees no switch of threads in it.
fn unseen<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A runtime whose tasks are run by the threads of the model, one each.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<VecDeque<BoxFuture>>>);

impl Runtime for Tasks {
    fn spawn(&self, work: BoxFuture) {
        unseen(&self.0).push_back(work);
    }

    /// Time stands still.
    fn now(&self) -> Instant {
        static NOW: LazyLock<Instant> = LazyLock::new(Instant::now);
        *NOW
    }
}

impl Tasks {
    fn take(&self) -> BoxFuture {
        unseen(&self.0).pop_front().expect("a future was put")
    }

    /// Runs the task that was spawned first on a thread of its own.
    fn run(&self) -> JoinHandle<()> {
        let task = self.take();
        thread::spawn(move || block_on(task))
    }
}

type Numbers = Group<usize, u32>;

fn group(limit: Option<usize>) -> (Arc<Numbers>, Tasks) {
    let tasks = Tasks::default();
    let config = Config { limit, ..Config::default() };
    (Group::new(config, Some(Home::Custom(Arc::new(tasks.clone())))), tasks)
}

fn next() -> Name<usize> {
    Name::Position(|at| at)
}

fn polled_once<F: Future>(future: F) -> impl Future<Output = Option<F::Output>> {
    let mut future = Box::pin(future);
    poll_fn(move |cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
}

/// How many entries have no work any more.
fn gone(board: &Board) -> u32 {
    (0..).find(|&n| !board.reached(Mark::Gone(n + 1))).expect("entries are counted in 32 bits")
}

/// Work outside of codap, as the limiter starts it.
#[derive(Clone, Default)]
struct Outside(Arc<Mutex<Scene>>);

#[derive(Default)]
struct Scene {
    /// Entries in the order in which they were started.
    started: Vec<usize>,
    /// Those of them that run.
    running: VecDeque<External<u32>>,
    /// How many ran at once, at most.
    most: usize,
}

impl Outside {
    fn put(&self, group: &Arc<Numbers>) -> Reply<u32> {
        let outside = self.clone();
        group.put_outside(next(), move |slot| outside.start(External::new(slot)))
    }

    fn start(&self, entry: External<u32>) {
        let mut scene = unseen(&self.0);
        scene.started.push(entry.reply().index());
        scene.running.push_back(entry);
        scene.most = scene.most.max(scene.running.len());
    }

    fn take(&self) -> Option<External<u32>> {
        unseen(&self.0).running.pop_front()
    }

    /// Ends what runs, and what that starts, and so on.
    fn fill_all(&self) {
        while let Some(entry) = self.take() {
            entry.fill(0);
        }
    }

    fn started(&self) -> Vec<usize> {
        unseen(&self.0).started.clone()
    }

    fn most(&self) -> usize {
        unseen(&self.0).most
    }
}

/// Asserts that everything has ended and gone, and that all permits are free, by taking them.
fn assert_whole(group: &Arc<Numbers>, limit: usize) {
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

// ---- one entry ---------------------------------------------------------------------------

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

// ---- permits -----------------------------------------------------------------------------

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
fn the_permit_of_a_task_that_is_cancelled_in_the_queue_passes_on() {
    model(|| {
        let (group, tasks) = group(Some(1));
        let outside = Outside::default();
        outside.put(&group);
        let second = group.put(next(), async { 7 });
        outside.put(&group);
        let task = tasks.run();
        let first = outside.take().unwrap();
        let filler = thread::spawn(move || first.fill(7));
        second.cancel();
        assert!(filler.join().unwrap());
        task.join().unwrap();
        assert_eq!(outside.started(), [0, 2]);
        outside.fill_all();
        assert_whole(&group, 1);
    });
}

#[test]
fn a_task_finds_its_permit_however_late_it_asks() {
    model(|| {
        let (group, tasks) = group(Some(1));
        let outside = Outside::default();
        outside.put(&group);
        let reply = group.put(next(), async { 7 });
        let task = tasks.run();
        assert!(outside.take().unwrap().fill(7));
        task.join().unwrap();
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
        let (first_task, second_task) = (tasks.run(), tasks.run());
        awaited.finish(Ok(7));
        first_task.join().unwrap();
        second_task.join().unwrap();
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

// ---- many entries ------------------------------------------------------------------------

#[test]
fn who_waits_for_a_number_of_entries_does_not_miss_the_last() {
    model(|| {
        let (group, _) = group(None);
        let ends = [group.open(next()), group.open(next())]
            .map(|reply| thread::spawn(move || reply.finish(Ok(7))));
        for mark in [Mark::Ended(2), Mark::Gone(2)] {
            assert!(block_on(Until::new(&**group.board(), mark)));
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
fn an_entry_that_is_cancelled_while_it_waits_is_counted_once() {
    model(|| {
        let (group, tasks) = group(None);
        let owner = Arc::new(Owner::new(group.clone(), ()));
        let last = group.open(next());
        let first = group.put(next(), takes_all(owner.clone(), last.clone()));
        let second = group.put(next(), takes_all(owner.clone(), last.clone()));
        let mut first_task = tasks.take();
        block_on(polled_once(first_task.as_mut()));
        let second_task = tasks.run();
        assert!(first.cancel());
        drop(first_task);
        assert!(last.finish(Ok(7)));
        second_task.join().unwrap();
        assert_eq!(second.try_get().unwrap().ok(), Some(&1));
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

// ---- the end of a container --------------------------------------------------------------

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
        assert!(block_on(Until::new(&**group.board(), Mark::Gone(1))));
        let group = Arc::try_unwrap(group).expect("tasks hold no group");
        let results = group.into_results(thread::yield_now);
        assert_eq!(
            results.into_iter().map(|(at, reply)| (at, reply.ok())).collect::<Vec<_>>(),
            [(0, Some(7))]
        );
        task.join().unwrap();
    });
}
