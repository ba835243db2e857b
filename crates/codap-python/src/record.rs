//! What happened to the entries of one container: written down where it happens, by any thread, so it
//! knows no Python object.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::slot::Slot;
use crate::sync::lock;

/// See the module.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Record(Arc<Log>);

#[derive(Default)]
struct Log {
    /// The first put, which times are counted from.
    began: OnceLock<Instant>,
    entries: AtomicU32,
    lines: Mutex<Vec<Line>>,
}

#[derive(Clone)]
struct Line {
    entry: u32,
    at: Instant,
    what: What,
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

impl Pen {
    pub(crate) fn note(&self, at: Instant, what: What) {
        lock(&self.log.lines).push(Line { entry: self.entry, at, what });
    }
}

/// The number of the entry, when, what; how it ended, which attempt, who waited, since when.
type Told = (u32, f64, &'static str, &'static str, u32, Option<String>, Option<f64>);

#[pymethods]
impl Record {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Writes down what happens to `entry` from now on; the answer is its number.
    fn follow(&self, entry: &Bound<'_, Slot>) -> u32 {
        let now = Instant::now();
        self.0.began.get_or_init(|| now);
        let pen =
            Pen { log: self.0.clone(), entry: self.0.entries.fetch_add(1, Ordering::Relaxed) };
        let number = pen.entry;
        pen.note(now, What::Queued);
        entry.get().write_with(pen);
        number
    }

    /// All of it, in the order of time.
    fn lines(&self) -> Vec<Told> {
        let mut lines = lock(&self.0.lines).clone();
        // Stable: what happened to an entry at one time stays in its order.
        lines.sort_by_key(|line| line.at);
        let Some(&began) = self.0.began.get() else { return Vec::new() };
        let since = |at: Instant| at.saturating_duration_since(began).as_secs_f64();
        let told = |Line { entry, at, what }| {
            let at_seconds = since(at);
            match what {
                What::Queued => (entry, at_seconds, "queued", "", 0, None, None),
                What::Started => (entry, at_seconds, "started", "", 0, None, None),
                What::Attempt(number) => (entry, at_seconds, "attempt", "", number, None, None),
                What::Ended(ending) => (entry, at_seconds, "ended", ending, 0, None, None),
                What::Waited(by, time) => {
                    let from = at.checked_sub(time).map_or(0.0, since);
                    (entry, at_seconds, "waited", "", 0, by, Some(from))
                }
            }
        };
        lines.into_iter().map(told).collect()
    }
}
