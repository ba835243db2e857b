//! What happened in a container, as it is kept until somebody asks: small, since it is written on
//! the way of every entry. When an entry was put, the entry itself knows.

use std::time::Duration;

use crate::error::Ending;
use crate::event::{Event, Waiter, What};

#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    lines: Vec<Line>,
    waits: Vec<Wait>,
}

#[derive(Debug, Clone)]
struct Line {
    /// Nanoseconds since the container's epoch: 584 years in half the room of a `Duration`.
    at: u64,
    entry: u32,
    note: Note,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Note {
    Started,
    Attempt(u32),
    Ended(Ending),
    /// Which of the waits is over.
    Waited(u32),
}

/// Who waited, and since when.
type Wait = (Waiter, Duration);

impl Record {
    pub(crate) fn push(&mut self, entry: u32, at: Duration, note: Note) {
        // Whoever looked at the clock first need not have come here first.
        let last = self.lines.last().map_or(0, |line| line.at);
        let at = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX).max(last);
        self.lines.push(Line { at, entry, note });
    }

    pub(crate) fn push_wait(&mut self, entry: u32, at: Duration, wait: Wait) {
        let number = u32::try_from(self.waits.len()).expect("waits are counted in 32 bits");
        self.waits.push(wait);
        self.push(entry, at, Note::Waited(number));
    }

    /// In the order of time. `puts` are the times of the puts, by entry.
    pub(crate) fn events(&self, puts: impl Iterator<Item = Option<Duration>>) -> Vec<Event> {
        let puts = puts.enumerate();
        let queued =
            |(entry, at): (usize, Option<_>)| Some(Event { entry, at: at?, what: What::Queued });
        let mut events: Vec<_> = puts.filter_map(queued).collect();
        events.extend(self.lines.iter().map(|&Line { at, entry, note }| {
            let what = match note {
                Note::Started => What::Started,
                Note::Attempt(number) => What::Attempt(number),
                Note::Ended(ending) => What::Ended(ending),
                Note::Waited(number) => {
                    let (by, from) = self.waits[number as usize].clone();
                    What::Waited { by, from }
                }
            };
            Event { entry: entry as usize, at: Duration::from_nanos(at), what }
        }));
        // Stable: what happened to an entry at one time stays in its order.
        events.sort_by_key(|event| event.at);
        events
    }
}
