//! The part of an entry that threads without an interpreter can end: by a fetched document, by an
//! archive, by an error of these, by a timer.
//!
//! Whoever comes first claims the entry: a native thread by `end`, Python code by `claim`. Only
//! that one's outcome counts, and it takes the subscribers along to tell them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use codap_sources::Document;
use tokio::task::AbortHandle;

use crate::archiving::Archived;
use crate::bell::{Bell, token};
use crate::log::{Pen, What};
use crate::order::Order;
use crate::refusal::Refusal;
use crate::sync::lock;

/// How an entry ended on a native thread.
#[derive(Clone)]
pub(crate) enum Ended {
    Document(Document),
    /// Whole, in part or not at all.
    Archived(Arc<Archived>),
    Failed(Refusal),
    /// With what message.
    Panicked(String),
    /// After how long, by which rule of the user's.
    TimedOut(Duration, &'static str),
}

/// Who is told of the end.
#[derive(Clone)]
pub(crate) enum Subscriber {
    Bell(Arc<Bell>),
    Order(Arc<Order>, u32),
}

pub(crate) struct Cell {
    /// What bells are rung with.
    pub(crate) token: u64,
    state: Mutex<State>,
    has_started: AtomicBool,
    pen: OnceLock<Box<Pen>>,
}

#[derive(Default)]
struct State {
    claimed: bool,
    ended: Option<Ended>,
    /// When a native thread ended it.
    ended_at: Option<Instant>,
    subscribers: Vec<Subscriber>,
    /// The timer or fetch that nobody needs once the entry has ended otherwise.
    tasks: Vec<AbortHandle>,
}

impl Cell {
    pub(crate) fn new() -> Self {
        let (has_started, pen) = (AtomicBool::new(false), OnceLock::new());
        Self { token: token(), state: Mutex::default(), has_started, pen }
    }

    pub(crate) fn write_with(&self, pen: Pen) {
        let _ = self.pen.set(Box::new(pen));
    }

    pub(crate) fn note(&self, what: What) {
        if let Some(pen) = self.pen.get() {
            pen.note(Instant::now(), what);
        }
    }

    /// Its native work begins.
    pub(crate) fn start(&self) {
        self.has_started.store(true, Ordering::Release);
        self.note(What::Started);
    }

    pub(crate) fn has_started(&self) -> bool {
        self.has_started.load(Ordering::Acquire)
    }

    pub(crate) fn ended_at(&self) -> Option<Instant> {
        lock(&self.state).ended_at
    }

    /// Whether somebody has claimed the entry.
    pub(crate) fn is_claimed(&self) -> bool {
        lock(&self.state).claimed
    }

    /// Ends the entry from a native thread, unless it has ended.
    pub(crate) fn end(&self, ended: Ended) {
        if let Some(subscribers) = self.close(Some(ended)) {
            self.tell(subscribers);
        }
    }

    /// Ends the entry for Python code; `None` if it has ended, else what it must `tell`.
    pub(crate) fn claim(&self) -> Option<Vec<Subscriber>> {
        self.close(None)
    }

    /// Claims the entry, and stops what it does not need any more: of those tasks the one that calls
    /// this comes to its own end.
    fn close(&self, ended: Option<Ended>) -> Option<Vec<Subscriber>> {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.claimed, true) {
            return None;
        }
        state.ended_at = ended.as_ref().map(|_| Instant::now());
        state.ended = ended;
        let tasks = std::mem::take(&mut state.tasks);
        let subscribers = std::mem::take(&mut state.subscribers);
        drop(state);
        for task in tasks {
            task.abort();
        }
        Some(subscribers)
    }

    pub(crate) fn tell(&self, subscribers: Vec<Subscriber>) {
        for subscriber in subscribers {
            match subscriber {
                Subscriber::Bell(bell) => bell.ring(self.token),
                Subscriber::Order(order, index) => order.arrive(index),
            }
        }
    }

    /// The outcome of a native thread, until it is taken over.
    pub(crate) fn left_behind(&self) -> Option<Ended> {
        lock(&self.state).ended.clone()
    }

    pub(crate) fn taken_over(&self) {
        let ended = lock(&self.state).ended.take();
        drop(ended);
    }

    /// Whether the end will be told; `false` if it has come.
    pub(crate) fn subscribe(&self, subscriber: Subscriber) -> bool {
        let mut state = lock(&self.state);
        if !state.claimed {
            state.subscribers.push(subscriber);
        }
        !state.claimed
    }

    pub(crate) fn unsubscribe(&self, bell: &Arc<Bell>) {
        let its =
            |it: &Subscriber| matches!(it, Subscriber::Bell(other) if Arc::ptr_eq(bell, other));
        let mut state = lock(&self.state);
        if let Some(at) = state.subscribers.iter().position(its) {
            state.subscribers.swap_remove(at);
        }
    }

    /// Keeps the means to stop a task once the entry has ended without it.
    pub(crate) fn stops(&self, task: AbortHandle) {
        let mut state = lock(&self.state);
        if state.claimed {
            drop(state);
            task.abort();
        } else {
            state.tasks.push(task);
        }
    }
}

/// Ends an entry whose native work went away without a word: with its runtime.
pub(crate) struct EndOnDrop(pub(crate) Arc<Cell>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let text = "the fetch was broken off before it had a reply: a bug of codap";
        self.0.end(Ended::Failed(Refusal::other(text.to_owned())));
    }
}
