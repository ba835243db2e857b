//! What happened in a container, as it is kept until somebody asks: small, since it is written on
//! the way of every entry.

use std::time::Duration;

use crate::error::Ending;
use crate::event::{Event, Waiter, What};

#[derive(Debug, Clone, Default)]
pub(crate) struct Record(Vec<Line>);

#[derive(Debug, Clone)]
struct Line {
    entry: u32,
    at: Moment,
    note: Note,
}

/// A time since the container's epoch, in half the room of a `Duration`: 584 years in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl From<Duration> for Moment {
    fn from(since_epoch: Duration) -> Self {
        Self(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Moment> for Duration {
    fn from(moment: Moment) -> Self {
        Self::from_nanos(moment.0)
    }
}

/// One or two events.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    Queued,
    /// With the time of its put.
    Started(Moment),
    Attempt(u32),
    Ended(Ending),
    /// Ended before it started, with the time of its put.
    Dropped(Ending, Moment),
    Waited(Box<(Waiter, Duration)>),
}

impl Record {
    pub(crate) fn push(&mut self, entry: u32, at: Duration, note: Note) {
        self.0.push(Line { entry, at: at.into(), note });
    }

    /// Whether it is known that the entry was put, by a note other than of its start.
    pub(crate) fn knows_put_of(&self, entry: u32) -> bool {
        let mut of_entry = self.0.iter().rev().filter(|line| line.entry == entry);
        of_entry.any(|line| matches!(line.note, Note::Queued | Note::Dropped(..)))
    }

    /// In the order of time.
    pub(crate) fn events(&self) -> Vec<Event> {
        // A stamp is a nanosecond late where it would be zero: hence the `min`.
        let mut events = Vec::with_capacity(self.0.len() * 2);
        for Line { entry, at, note } in &self.0 {
            let mut event = |at: Moment, what| {
                events.push(Event { entry: *entry as usize, at: at.into(), what });
            };
            let what = match note {
                Note::Queued => What::Queued,
                Note::Started(queued) => {
                    event((*queued).min(*at), What::Queued);
                    What::Started
                }
                Note::Attempt(number) => What::Attempt(*number),
                Note::Ended(ending) => What::Ended(*ending),
                Note::Dropped(ending, queued) => {
                    event((*queued).min(*at), What::Queued);
                    What::Ended(*ending)
                }
                Note::Waited(wait) => What::Waited { by: wait.0.clone(), from: wait.1 },
            };
            event(*at, what);
        }
        events.sort_by_key(|event| event.at);
        events
    }
}
