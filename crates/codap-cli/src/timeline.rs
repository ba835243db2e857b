//! What happened when to each entry, out of the events of its container.

use std::time::Duration;

use codap::{Event, Waiter, What};

/// The life of one entry, counted from the first put.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life {
    pub(crate) queued: Duration,
    pub(crate) started: Option<Duration>,
    pub(crate) ended: Option<Duration>,
    /// Who waited for it.
    pub(crate) waits: Vec<Wait>,
}

/// Somebody waited for an entry.
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    /// Which entry of the same container; `None` for whoever is outside of it.
    pub(crate) by: Option<usize>,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

/// The lives of the first `len` entries of `container`.
pub(crate) fn lives(events: &[Event], container: u64, len: usize) -> Vec<Life> {
    let mut lives = vec![Life::default(); len];
    for event in events {
        let Some(life) = lives.get_mut(event.entry) else { continue };
        match &event.what {
            What::Queued => life.queued = event.at,
            What::Started => life.started = Some(event.at),
            What::Ended(_) => life.ended = Some(event.at),
            What::Waited { by, from } => {
                let by = match by {
                    Waiter::Entry { container: of, entry, .. } if *of == container => Some(*entry),
                    _ => None,
                };
                life.waits.push(Wait { by, from: *from, until: event.at });
            }
            _ => {}
        }
    }
    lives
}
