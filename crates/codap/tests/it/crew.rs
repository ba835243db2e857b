//! A runtime from outside, which codap knows by the public trait alone: a few threads and a queue.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};

use codap::{BoxFuture, Runtime};

/// Owns the threads. When it goes, so does the work that is left, as in any runtime that ends.
pub(crate) struct Crew {
    hand: Hand,
    threads: Vec<JoinHandle<()>>,
}

/// What spawns.
#[derive(Clone)]
pub(crate) struct Hand(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Arc<Task>>,
    /// All that has not ended, by number.
    tasks: HashMap<u64, Weak<Task>>,
    spawned: u64,
    over: bool,
}

struct Task {
    number: u64,
    turn: Mutex<Turn>,
    shared: Weak<Shared>,
}

enum Turn {
    Rests(BoxFuture),
    Stands(BoxFuture),
    Runs { again: bool },
    Over,
}

thread_local! {
    static HERE: RefCell<Option<Hand>> = const { RefCell::new(None) };
}

impl Crew {
    pub(crate) fn new(threads: usize) -> Self {
        let hand = Hand(Arc::default());
        let threads = (0..threads).map(|_| {
            let hand = hand.clone();
            thread::spawn(move || hand.serve())
        });
        Self { threads: threads.collect(), hand }
    }

    /// Drives a future on this thread, which is none of the crew.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let before = HERE.replace(Some(self.hand.clone()));
        let output = crate::watched::block_on(future);
        HERE.set(before);
        output
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let mut state = self.hand.0.state();
        state.over = true;
        let (ready, tasks) = (std::mem::take(&mut state.ready), std::mem::take(&mut state.tasks));
        drop(state);
        self.hand.0.changed.notify_all();
        for thread in self.threads.drain(..) {
            let joined = thread.join();
            assert!(joined.is_ok() || thread::panicking(), "a thread of the crew panicked");
        }
        drop(ready);
        for task in tasks.into_values().filter_map(|task| task.upgrade()) {
            let left = std::mem::replace(&mut *task.turn.lock().unwrap(), Turn::Over);
            drop(left);
        }
    }
}

impl Hand {
    /// Of the crew that runs this thread's work, or drives it.
    pub(crate) fn current() -> Self {
        HERE.with_borrow(|here| here.clone().expect("this is inside of a crew"))
    }

    fn serve(&self) {
        HERE.set(Some(self.clone()));
        let mut state = self.0.state();
        while !state.over {
            let Some(task) = state.ready.pop_front() else {
                // The room that many took goes back: a test that counts bytes counts codap's.
                state.ready.shrink_to(64);
                state.tasks.shrink_to(64);
                state = self.0.changed.wait(state).unwrap();
                continue;
            };
            drop(state);
            task.run();
            state = self.0.state();
        }
    }
}

impl Runtime for Hand {
    fn spawn(&self, work: BoxFuture) {
        let mut state = self.0.state();
        if state.over {
            drop(state);
            return drop(work);
        }
        state.spawned += 1;
        let (number, turn) = (state.spawned, Mutex::new(Turn::Stands(work)));
        let task = Arc::new(Task { number, turn, shared: Arc::downgrade(&self.0) });
        state.tasks.insert(number, Arc::downgrade(&task));
        state.ready.push_back(task);
        drop(state);
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn push(&self, task: Arc<Task>) {
        let mut state = self.state();
        // Once all is over, `Crew` drops it.
        if !state.over {
            state.ready.push_back(task);
            drop(state);
            self.changed.notify_one();
        }
    }
}

impl Task {
    fn run(self: Arc<Self>) {
        let stood = std::mem::replace(&mut *self.turn.lock().unwrap(), Turn::Runs { again: false });
        let Turn::Stands(mut work) = stood else { unreachable!("what is queued stands in line") };
        let waker = Waker::from(self.clone());
        if let Poll::Ready(()) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
            *self.turn.lock().unwrap() = Turn::Over;
            if let Some(shared) = self.shared.upgrade() {
                shared.state().tasks.remove(&self.number);
            }
            return;
        }
        let mut turn = self.turn.lock().unwrap();
        let again = matches!(*turn, Turn::Runs { again: true });
        *turn = if again { Turn::Stands(work) } else { Turn::Rests(work) };
        drop(turn);
        if again && let Some(shared) = self.shared.upgrade() {
            shared.push(self);
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut turn = self.turn.lock().unwrap();
        match std::mem::replace(&mut *turn, Turn::Over) {
            Turn::Rests(work) => {
                *turn = Turn::Stands(work);
                drop(turn);
                if let Some(shared) = self.shared.upgrade() {
                    shared.push(self);
                }
            }
            Turn::Runs { .. } => *turn = Turn::Runs { again: true },
            other => *turn = other,
        }
    }
}
