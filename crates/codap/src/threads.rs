//! Futures on plain threads: an executor over the [pool], and what a thread blocks on.
//!
//! A task's state tells who may touch its future:
//!
//! | state | the future belongs to | a wake makes it |
//! |---|---|---|
//! | `IDLE` | nobody: it lies in the task | `SCHEDULED`, and queues the task |
//! | `SCHEDULED` | the thread that will take the task from the queue | the same |
//! | `RUNNING` | the thread that polls it | `NOTIFIED` |
//! | `NOTIFIED` | the same thread, which queues the task again after the poll | the same |
//! | `DONE` | nobody: it is dropped | the same |
//!
//! 1. The task is in the queue once if `SCHEDULED`, otherwise not at all: no two threads poll.
//! 2. A woken task goes to the back of the queue, also if it woke itself: nobody is starved.
//! 3. A future that is ready, or that panicked, is dropped at once by the thread that polled it.
//!    One that nobody can wake any more is dropped with the last waker.
//! 4. A pending future holds no thread.
//!
//! A spawn of a boxed future costs one allocation, a wake none.

use std::{
    cell::Cell,
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering::*},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::contain::{contained, quietly};
use crate::pool;

const IDLE: u8 = 0;
const SCHEDULED: u8 = 1;
const RUNNING: u8 = 2;
const NOTIFIED: u8 = 3;
const DONE: u8 = 4;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    state: AtomicU8,
    future: Mutex<Option<BoxFuture>>,
}

/// Runs `future` on the pool. Where no thread can be had it is dropped unpolled.
pub(crate) fn spawn(future: BoxFuture) {
    pool::run_task(Task::new(future));
}

impl Task {
    fn new(future: BoxFuture) -> Arc<Self> {
        Arc::new(Self { state: AtomicU8::new(SCHEDULED), future: Mutex::new(Some(future)) })
    }

    fn future(&self) -> MutexGuard<'_, Option<BoxFuture>> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if the caller has to queue the task.
    ///
    /// Every wake writes, even if the state stays the same: what happened before it must be seen
    /// by the poll that follows.
    fn schedule(&self) -> bool {
        let next = |state| match state {
            IDLE | SCHEDULED => Some(SCHEDULED),
            RUNNING | NOTIFIED => Some(NOTIFIED),
            _ => None,
        };
        self.state.fetch_update(AcqRel, Acquire, next) == Ok(IDLE)
    }

    fn finish(&self, future: Option<BoxFuture>) {
        self.state.store(DONE, Release);
        quietly(future);
    }
}

impl pool::Run for Task {
    fn run(self: Arc<Self>) {
        self.state.swap(RUNNING, AcqRel);
        let mut future = self.future().take();
        let waker = Waker::from(Arc::clone(&self));
        let mut poll = Poll::Ready(());
        if let Some(future) = &mut future {
            contained(|| poll = future.as_mut().poll(&mut Context::from_waker(&waker)));
        }
        if poll.is_ready() {
            return self.finish(future);
        }
        *self.future() = future;
        if self.state.compare_exchange(RUNNING, IDLE, AcqRel, Acquire).is_err() {
            self.state.swap(SCHEDULED, AcqRel);
            pool::run_task(self);
        }
    }

    fn refused(self: Arc<Self>) {
        let future = self.future().take();
        self.finish(future);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if self.schedule() {
            pool::run_task(self);
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.schedule() {
            pool::run_task(self.clone());
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let future = self.future().take();
        quietly(future);
    }
}

const EMPTY: u8 = 0;
const PARKED: u8 = 1;
const WOKEN: u8 = 2;

/// Blocks a thread until its waker is called.
///
/// Each holds at most one wake, which is its own: a thread that blocks inside a poll inside
/// another block has two, and neither takes what was meant for the other, nor what is meant for
/// [`std::thread::park`]. A wake may be left over from an earlier use: look again, and park again.
pub(crate) struct Parker {
    pair: Option<Pair>,
}

struct Signal {
    state: AtomicU8,
    lock: Mutex<()>,
    changed: Condvar,
}

thread_local! {
    static CACHED: Cell<Option<Pair>> = const { Cell::new(None) };
}

struct Pair {
    signal: Arc<Signal>,
    waker: Waker,
}

impl Parker {
    /// The thread's own one, or a new one while that is in use.
    pub(crate) fn new() -> Self {
        let cached = CACHED.try_with(Cell::take).ok().flatten();
        if let Some(pair) = &cached {
            pair.signal.state.store(EMPTY, Release);
        }
        Self { pair: Some(cached.unwrap_or_else(Pair::new)) }
    }

    fn pair(&self) -> &Pair {
        self.pair.as_ref().expect("only drop takes it out")
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.pair().waker
    }

    /// Until woken; at once if that was before.
    pub(crate) fn park(&self) {
        self.pair().signal.wait();
    }
}

impl Drop for Parker {
    fn drop(&mut self) {
        let pair = self.pair.take();
        // Where the thread's locals are gone already, the pair goes with this closure.
        let _ = CACHED.try_with(|cached| cached.set(pair));
    }
}

impl Pair {
    fn new() -> Self {
        let signal = Arc::new(Signal {
            state: AtomicU8::new(EMPTY),
            lock: Mutex::new(()),
            changed: Condvar::new(),
        });
        Self { waker: Waker::from(Arc::clone(&signal)), signal }
    }
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until woken. Only the parker's thread sets `PARKED` or `EMPTY`, only wakers set `WOKEN`.
    fn wait(&self) {
        let mut guard = self.lock();
        if self.state.compare_exchange(EMPTY, PARKED, AcqRel, Acquire).is_err() {
            self.state.swap(EMPTY, AcqRel);
            return;
        }
        while self.state.compare_exchange(WOKEN, EMPTY, AcqRel, Acquire).is_err() {
            guard = self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, AcqRel) == PARKED {
            // Held once, so that this does not fall between the thread's last look and its wait.
            drop(self.lock());
            self.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn},
        sync::{
            atomic::{AtomicBool, AtomicUsize},
            mpsc::{Sender, channel},
        },
        thread,
    };

    use super::{pool::Run, *};
    use crate::leaks::Watch;

    fn task(future: impl Future<Output = ()> + Send + 'static) -> Arc<Task> {
        Task::new(Box::pin(future))
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        super::spawn(Box::pin(future));
    }

    /// A receiver that has gone wants to know nothing.
    fn tell<T>(to: &Sender<T>, what: T) {
        let _ = to.send(what);
    }

    /// Pending once, having woken itself.
    fn yields() -> impl Future<Output = ()> + Send {
        let mut done = false;
        poll_fn(move |cx| {
            if done {
                return Poll::Ready(());
            }
            done = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    struct Tell(Sender<&'static str>);

    impl Drop for Tell {
        fn drop(&mut self) {
            tell(&self.0, "dropped");
        }
    }

    #[test]
    fn all_run() {
        let _watch = Watch::new();
        let n = if cfg!(miri) { 10 } else { 1_000 };
        let (tx, rx) = channel();
        for i in 0..n {
            let tx = tx.clone();
            spawn(async move {
                for _ in 0..10 {
                    yields().await;
                }
                tell(&tx, i);
            });
        }
        drop(tx);
        let mut all: Vec<_> = rx.iter().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..n));
    }

    #[test]
    fn a_self_woken_task_gives_its_thread_back() {
        let _watch = Watch::new();
        let (tx, rx) = channel();
        let task = task(async move {
            for _ in 0..50 {
                tell(&tx, thread::current().id());
                yields().await;
            }
        });
        task.run();
        let here = thread::current().id();
        assert_eq!(rx.iter().filter(|id| *id == here).count(), 1);
    }

    #[test]
    fn pending_futures_hold_no_threads() {
        let _watch = Watch::new();
        let n = if cfg!(miri) { 20 } else { pool::MAX_THREADS + 1 };
        let (tx, rx) = channel();
        let (done, all) = channel();
        for _ in 0..n {
            let (tx, done) = (tx.clone(), done.clone());
            let open = Arc::new(AtomicBool::new(false));
            spawn(async move {
                poll_fn(|cx| {
                    // Relaxed: it is the wake that orders it before the poll.
                    if open.load(Relaxed) {
                        return Poll::Ready(());
                    }
                    tell(&tx, (Arc::clone(&open), cx.waker().clone()));
                    Poll::Pending
                })
                .await;
                tell(&done, ());
            });
        }
        drop((tx, done));
        let waiting: Vec<_> = rx.iter().take(n).collect();
        assert_eq!(waiting.len(), n);
        assert!(all.try_recv().is_err());
        for (open, waker) in waiting {
            open.store(true, Relaxed);
            waker.wake();
        }
        assert_eq!(all.iter().count(), n);
    }

    #[test]
    fn no_wake_is_lost() {
        let _watch = Watch::new();
        let rounds = if cfg!(miri) { 20 } else { 20_000 };
        let (tx, rx) = channel();
        let (done, end) = channel();
        let turn = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&turn);
        spawn(async move {
            let mut next = 1;
            poll_fn(|cx| {
                while seen.load(Relaxed) >= next {
                    next += 1;
                }
                tell(&tx, (next, cx.waker().clone()));
                if next > rounds { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            tell(&done, ());
        });
        // The next turn is given while the poll that asked for it may still be running.
        for (next, waker) in rx {
            turn.store(next, Relaxed);
            waker.wake_by_ref();
            waker.wake();
        }
        assert_eq!(end.recv(), Ok(()));
    }

    #[test]
    fn ready_is_dropped_at_once_and_late_wakes_do_nothing() {
        let _watch = Watch::new();
        let (tx, rx) = channel();
        let guard = Tell(tx.clone());
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let task = task(async move {
            let _guard = guard;
            counted.fetch_add(1, SeqCst);
        });
        let waker = Waker::from(Arc::clone(&task));
        Arc::clone(&task).run();
        assert_eq!(rx.try_recv(), Ok("dropped"));
        waker.wake_by_ref();
        assert_eq!(task.state.load(SeqCst), DONE);
        assert_eq!(Arc::strong_count(&task), 2);
        assert_eq!(polls.load(SeqCst), 1);
    }

    #[test]
    fn dropped_with_its_last_waker() {
        let _watch = Watch::new();
        let (tx, rx) = channel();
        let guard = Tell(tx);
        spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        assert_eq!(rx.recv(), Ok("dropped"));
    }

    #[test]
    fn refused_is_dropped_even_if_a_waker_lives() {
        let _watch = Watch::new();
        let (tx, rx) = channel();
        let guard = Tell(tx);
        let task = task(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let waker = Waker::from(Arc::clone(&task));
        task.refused();
        assert_eq!(rx.try_recv(), Ok("dropped"));
        waker.wake();
    }

    #[test]
    fn panics_end_the_future_alone() {
        let _watch = Watch::new();
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in the drop of a future");
            }
        }

        let (tx, rx) = channel();
        let guard = Tell(tx.clone());
        spawn(async move {
            let _guard = guard;
            panic!("in a poll");
        });
        assert_eq!(rx.recv(), Ok("dropped"));
        let bomb = Bomb;
        let ready = poll_fn(move |_| {
            let _ = &bomb;
            Poll::Ready(())
        });
        spawn(ready);
        spawn(async move { tell(&tx, "run") });
        assert_eq!(rx.recv(), Ok("run"));
    }

    fn is_woken(parker: &Parker) -> bool {
        parker.pair().signal.state.load(SeqCst) == WOKEN
    }

    #[test]
    fn a_wake_before_park_is_kept_and_used_once() {
        let _watch = Watch::new();
        let parker = Parker::new();
        parker.waker().wake_by_ref();
        parker.waker().wake_by_ref();
        parker.park();
        assert!(!is_woken(&parker));
    }

    #[test]
    fn woken_from_another_thread() {
        let _watch = Watch::new();
        let rounds = if cfg!(miri) { 20 } else { 20_000 };
        let parker = Parker::new();
        let (tx, rx) = channel::<Waker>();
        let other = thread::spawn(move || rx.into_iter().for_each(Waker::wake));
        for _ in 0..rounds {
            tx.send(parker.waker().clone()).expect("the other thread receives to the end");
            parker.park();
        }
        drop(tx);
        other.join().expect("waking does not panic");
    }

    #[test]
    fn nested_parkers_keep_their_own_wakes() {
        let _watch = Watch::new();
        let outer = Parker::new();
        let inner = Parker::new();
        let (wake_outer, wake_inner) = (outer.waker().clone(), inner.waker().clone());
        thread::scope(|scope| {
            scope.spawn(move || {
                wake_outer.wake();
                wake_inner.wake();
            });
            inner.park();
        });
        drop(inner);
        outer.park();
        assert!(!is_woken(&outer));
    }

    #[test]
    fn one_parker_is_kept_for_a_thread() {
        let _watch = Watch::new();
        let first = Parker::new();
        let nested = Parker::new();
        let waker = first.waker().clone();
        let signal = Arc::clone(&first.pair().signal);
        assert!(!Arc::ptr_eq(&signal, &nested.pair().signal));
        drop(nested);
        drop(first);
        waker.wake_by_ref();
        let again = Parker::new();
        assert!(Arc::ptr_eq(&signal, &again.pair().signal));
        assert!(!is_woken(&again), "a wake from before is not for this use");
    }

    #[test]
    fn the_token_of_std_park_is_left_alone() {
        let _watch = Watch::new();
        let parker = Parker::new();
        thread::current().unpark();
        assert!(!is_woken(&parker));
        thread::park();
    }
}
