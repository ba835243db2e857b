//! The record of a container, as Python code reads it.

use std::sync::Arc;
use std::time::Instant;

use pyo3::prelude::*;

use crate::log::{Line, Log, What};
use crate::slot::Slot;

/// See the module.
#[pyclass(frozen, module = "codap._native")]
pub(crate) struct Record(Arc<Log>);

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
        let (pen, number) = self.0.follow();
        entry.get().write_with(pen);
        number
    }

    /// All of it, in the order of time.
    fn lines(&self) -> Vec<Told> {
        let Some((began, lines)) = self.0.read() else { return Vec::new() };
        let since = |at: Instant| at.saturating_duration_since(began).as_secs_f64();
        let told = |Line { entry, at: instant, what }| {
            let at = since(instant);
            match what {
                What::Queued => (entry, at, "queued", "", 0, None, None),
                What::Started => (entry, at, "started", "", 0, None, None),
                What::Attempt(number) => (entry, at, "attempt", "", number, None, None),
                What::Ended(ending) => (entry, at, "ended", ending, 0, None, None),
                What::Waited(by, time) => {
                    let from = instant.checked_sub(time).map_or(0.0, since);
                    (entry, at, "waited", "", 0, by, Some(from))
                }
            }
        };
        lines.into_iter().map(told).collect()
    }
}
