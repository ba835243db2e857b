//! Whole entries on their way from a thread that compresses to the writer, by the handful.
//!
//! The writer sleeps between small entries, and to wake it takes as long as to compress one. So they
//! are handed over when there is nothing else to do, or many, or when one has waited for a moment.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::sealed::{Order, Sealed};

/// So many wait at most,
const MOST: usize = 16;
/// and so long, but for the job that is at work meanwhile.
const LONGEST: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Outbox {
    orders: Sender<Order>,
    entries: Vec<Order>,
    since: Instant,
}

impl Outbox {
    pub(crate) fn new(orders: Sender<Order>) -> Self {
        Self { orders, entries: Vec::with_capacity(MOST), since: Instant::now() }
    }

    pub(crate) fn put(&mut self, entry: Sealed) {
        if self.entries.is_empty() {
            self.since = Instant::now();
        }
        self.entries.push(Order::Entry(Box::new(entry)));
    }

    pub(crate) fn is_due(&self) -> bool {
        self.entries.len() >= MOST || (!self.entries.is_empty() && self.since.elapsed() >= LONGEST)
    }

    pub(crate) fn hand_over(&mut self) {
        for entry in self.entries.drain(..) {
            // A writer that has left has been told to, and so has everybody else.
            let _ = self.orders.send(entry);
        }
    }
}
