//! A runtime on the thread of its test, whose time passes only when nothing else can happen: so
//! timings are exact, and nobody sleeps.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use codap::{BoxFuture, Runtime};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What drives a [`Clock`]. When it goes, all work and all sleeps must have gone.
pub(crate) struct Sim(Clock);

/// The runtime itself.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<State>>);

struct State {
    began: Instant,
    now: Instant,
    ready: VecDeque<Arc<Task>>,
    sleeps: BTreeMap<(Instant, u64), Waker>,
    last_id: u64,
}

struct Task {
    work: Mutex<Option<BoxFuture>>,
    state: Weak<Mutex<State>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if let Some(state) = self.state.upgrade() {
            state.lock().unwrap().ready.push_back(self);
        }
    }
}

impl Task {
    fn poll(self: Arc<Self>) {
        let mut slot = self.work.lock().unwrap();
        let Some(mut work) = slot.take() else { return };
        let waker = Waker::from(self.clone());
        if work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            *slot = Some(work);
        }
    }
}

impl Clock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// How much time has passed.
    pub(crate) fn elapsed(&self) -> Duration {
        let state = self.state();
        state.now - state.began
    }

    pub(crate) fn sleep(&self, length: Duration) -> BoxFuture {
        self.sleep_until(self.now() + length)
    }
}

impl Runtime for Clock {
    fn spawn(&self, work: BoxFuture) {
        let task = Task { work: Mutex::new(Some(work)), state: Arc::downgrade(&self.0) };
        self.state().ready.push_back(Arc::new(task));
    }

    fn block(&self, _: &mut dyn FnMut()) -> bool {
        false
    }

    fn now(&self) -> Instant {
        self.state().now
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture {
        Box::pin(Sleep { at, id: None, clock: self.clone() })
    }
}

struct Sleep {
    at: Instant,
    id: Option<u64>,
    clock: Clock,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { at, id, clock } = &mut *self;
        let mut state = clock.state();
        if state.now >= *at {
            return Poll::Ready(());
        }
        state.last_id += 1;
        let last_id = state.last_id;
        let id = *id.get_or_insert(last_id);
        let replaced = state.sleeps.insert((*at, id), cx.waker().clone());
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let waker = self.clock.state().sleeps.remove(&(self.at, id));
        drop(waker);
    }
}

impl Sim {
    pub(crate) fn new() -> Self {
        let began = Instant::now();
        let (ready, sleeps) = (VecDeque::new(), BTreeMap::new());
        Self(Clock(Arc::new(Mutex::new(State { began, now: began, ready, sleeps, last_id: 0 }))))
    }

    pub(crate) fn clock(&self) -> Clock {
        self.0.clone()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// How many sleeps somebody waits for.
    pub(crate) fn sleeps(&self) -> usize {
        self.0.state().sleeps.len()
    }

    /// Whatever can happen without any time passing.
    pub(crate) fn settle(&self) {
        loop {
            let task = self.0.state().ready.pop_front();
            let Some(task) = task else { return };
            task.poll();
        }
    }

    fn next_sleep(&self) -> Option<Instant> {
        self.0.state().sleeps.first_key_value().map(|(&(at, _), _)| at)
    }

    fn pass_to(&self, at: Instant) {
        let mut due = Vec::new();
        let mut state = self.0.state();
        state.now = at;
        while let Some(first) = state.sleeps.first_entry()
            && first.key().0 <= at
        {
            due.push(first.remove());
        }
        drop(state);
        due.into_iter().for_each(Waker::wake);
    }

    /// Lets time pass as long as somebody sleeps.
    pub(crate) fn run(&self) {
        self.settle();
        while let Some(at) = self.next_sleep() {
            self.pass_to(at);
            self.settle();
        }
    }

    /// Whether something can happen without any time passing.
    pub(crate) fn is_busy(&self) -> bool {
        !self.0.state().ready.is_empty()
    }

    /// Lets time pass until the first sleep is over, if there is one.
    pub(crate) fn pass_to_next(&self) {
        if let Some(at) = self.next_sleep() {
            self.pass_to(at);
        }
    }

    /// Lets exactly so much time pass.
    pub(crate) fn pass(&self, length: Duration) {
        self.settle();
        let end = self.0.now() + length;
        while let Some(at) = self.next_sleep().filter(|&at| at <= end) {
            self.pass_to(at);
            self.settle();
        }
        self.pass_to(end);
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.settle();
            assert_eq!(self.sleeps(), 0, "somebody sleeps on");
        }
    }
}
