//! The thread that writes: one entry after the other, in the order in which they are ready.
//!
//! Rules:
//! 1. It never waits for memory, nor for a body: what it gets is whole.
//! 2. Once the archive has been given up it writes no more, and answers until it is told to leave.
//! 3. Who waits for an entry is told once no other is ready, or [`TOLD`] are in: each of them wakes a
//!    task, and one after the other that takes longer than to write. Nobody waits for a large one, nor
//!    for the reader of a stream or of parts, who may wait for him.
//! 4. Only [`Order::Finish`] puts an archive in place, and only a complete one.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::container::Container;
use crate::error::Error;
use crate::journal::{Entry, Record};
use crate::sealed::{Data, Order, Sealed, Summary};
use crate::shared::Shared;
use crate::sink::Sink;
use crate::target::Target;

/// Entries are noted after so much time,
const TICK: Duration = Duration::from_millis(250);
/// or so many bytes of bodies,
const BYTES: u64 = 16 << 20;
/// or so many of them, or this part of all: a run that is killed has few to fetch again.
const ENTRIES: u64 = 16;
const PART: u64 = 80;

/// So many entries are in before those who wait for them are told.
const TOLD: usize = 16;

#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    orders: Receiver<Order>,
    container: Container,
    sink: Sink,
    target: Option<Target>,
    /// Of an earlier run and of this one.
    total: Summary,
    /// What is in the archive, and not yet noted.
    notes: Notes,
    /// Who waits for entries that are in, and what each is to be told.
    untold: Vec<(oneshot::Sender<u64>, u64)>,
    /// An entry was begun and not ended: what is in the archive now makes no sense.
    torn: bool,
}

#[derive(Debug)]
struct Notes {
    records: Vec<u8>,
    entries: u64,
    bytes: u64,
    since: Instant,
}

impl Notes {
    fn none() -> Self {
        Self { records: Vec::new(), entries: 0, bytes: 0, since: Instant::now() }
    }

    fn are_due(&self, total: u64) -> bool {
        let is_late = || self.since.elapsed() >= TICK;
        self.entries >= ENTRIES.max(total / PART) || self.bytes >= BYTES || is_late()
    }
}

impl Writer {
    /// `total` is what is in the archive already.
    pub(crate) fn new(
        shared: Arc<Shared>,
        orders: Receiver<Order>,
        container: Container,
        (sink, target): (Sink, Option<Target>),
        total: Summary,
    ) -> Self {
        let (notes, untold) = (Notes::none(), Vec::with_capacity(TOLD));
        Self { shared, orders, container, sink, target, total, notes, untold, torn: false }
    }

    pub(crate) fn run(mut self) {
        loop {
            match self.next() {
                Ok(Order::Entry(entry)) => {
                    self.append(*entry);
                    self.shared.gauges.unwritten.fetch_sub(1, Relaxed);
                }
                Ok(Order::Finish(done)) => {
                    let finished = self.finish().map_err(|why| self.shared.give_up(why));
                    if finished.is_ok() {
                        // Before anything else can come: it would be written behind the end.
                        self.shared.give_up(Error::finished());
                    }
                    // Who asked and did not wait finds it in place, or drops the archive.
                    let _ = done.send(finished);
                }
                Ok(Order::Leave { keep, done }) => {
                    self.leave(keep);
                    // The lock goes with the files, so that who waited can take the target up again.
                    drop(self);
                    // Who dropped the archive does not wait for this.
                    let _ = done.map(|done| done.send(()));
                    return;
                }
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn next(&mut self) -> Result<Order, RecvTimeoutError> {
        match self.orders.try_recv() {
            Ok(order @ Order::Entry(_)) if self.untold.len() < TOLD => Ok(order),
            Ok(order) => {
                self.tell();
                Ok(order)
            }
            Err(TryRecvError::Empty) => {
                self.tell();
                self.orders.recv_timeout(TICK)
            }
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
        }
    }

    fn tell(&mut self) {
        for (written, stored) in self.untold.drain(..) {
            // The entry is in the archive, whoever still wants to know.
            let _ = written.send(stored);
        }
    }

    fn append(&mut self, entry: Sealed) {
        if self.shared.check().is_err() {
            return;
        }
        if matches!(entry.data, Data::Disk(..)) {
            self.tell();
        }
        match self.try_append(&entry) {
            Ok(stored) => {
                self.shared.gauges.written.fetch_add(1, Relaxed);
                self.shared.gauges.written_bytes.fetch_add(entry.size, Relaxed);
                self.shared.gauges.archived_bytes.store(self.sink.position(), Relaxed);
                self.untold.push((entry.written, stored));
                if self.target.is_none() {
                    self.tell();
                }
            }
            Err(why) => {
                self.torn = true;
                self.shared.give_up(why);
            }
        }
    }

    fn try_append(&mut self, entry: &Sealed) -> Result<u64, Error> {
        let offset = self.sink.position();
        self.container.append(&mut self.sink, entry, &self.shared)?;
        self.total.entries += 1;
        self.total.bytes += entry.size;
        let stored = entry.data.len();
        if !self.sink.takes_notes() {
            return Ok(stored);
        }
        let facts = &entry.facts;
        let record = Entry {
            index: facts.index,
            mark: facts.mark,
            offset,
            stored,
            size: entry.size,
            crc: entry.crc,
            modified: facts.modified,
            deflated: entry.deflated,
            name: facts.name.clone(),
        };
        Record::Entry(record).write(&mut self.notes.records);
        self.notes.entries += 1;
        self.notes.bytes += entry.size;
        if self.notes.are_due(self.total.entries) {
            self.note()?;
        }
        Ok(stored)
    }

    fn note(&mut self) -> Result<(), Error> {
        let notes = std::mem::replace(&mut self.notes, Notes::none());
        self.container.checkpoint(&mut self.sink, notes.records)
    }

    fn tick(&mut self) {
        if self.shared.check().is_err() {
            return;
        }
        let noted = if self.notes.entries > 0 { self.note() } else { Ok(()) };
        if let Err(why) = noted.and_then(|()| self.container.settle(&mut self.sink)) {
            self.torn = true;
            self.shared.give_up(why);
        }
    }

    fn finish(&mut self) -> Result<Summary, Error> {
        self.shared.check()?;
        if self.notes.entries > 0 {
            self.note()?;
        }
        self.torn = true;
        self.container.end(&mut self.sink)?;
        self.sink.end()?;
        if let Some(target) = &self.target {
            target.install()?;
        }
        self.target = None;
        self.total.archived_bytes = self.sink.position();
        self.shared.gauges.archived_bytes.store(self.total.archived_bytes, Relaxed);
        Ok(self.total)
    }

    fn leave(&mut self, keep: bool) {
        let Some(target) = self.target.take() else { return };
        if keep && !self.torn && self.notes.entries > 0 {
            // What cannot be noted now is fetched again.
            let _ = self.note();
        }
        if !keep || self.total.entries == 0 {
            target.remove();
        }
    }
}
