//! What happened to the entries of one container: written down where it happens, by any thread, so it
//! knows no Python object.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// See the module.
#[derive(Default)]
pub(crate) struct Log {
    /// The first put, which times are counted from.
    began: OnceLock<Instant>,
    entries: AtomicU32,
    lines: Mutex<Vec<Line>>,
}

#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) entry: u32,
    pub(crate) at: Instant,
    pub(crate) what: What,
}

#[derive(Clone)]
pub(crate) enum What {
    Queued,
    Started,
    Attempt(u32),
    Ended(&'static str),
    /// By whom, if it was an entry, and for how long.
    Waited(Option<String>, Duration),
}

/// What one entry writes with.
#[derive(Clone)]
pub(crate) struct Pen {
    log: Arc<Log>,
    entry: u32,
}

impl Log {
    /// A pen for the next entry, which is put now; and its number.
    pub(crate) fn follow(self: &Arc<Self>) -> (Pen, u32) {
        let now = Instant::now();
        self.began.get_or_init(|| now);
        let entry = self.entries.fetch_add(1, Ordering::Relaxed);
        let pen = Pen { log: self.clone(), entry };
        pen.note(now, What::Queued);
        (pen, entry)
    }

    /// The first put, if there was one, and all that happened since, in the order of time.
    pub(crate) fn read(&self) -> Option<(Instant, Vec<Line>)> {
        let began = *self.began.get()?;
        let mut lines = lock(&self.lines).clone();
        // Stable: what happened to an entry at one time stays in its order.
        lines.sort_by_key(|line| line.at);
        Some((began, lines))
    }
}

impl Pen {
    pub(crate) fn note(&self, at: Instant, what: What) {
        lock(&self.log.lines).push(Line { entry: self.entry, at, what });
    }
}
