//! An archive in numbered parts, for stores that take a large object piece by piece.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::Error;

/// How large the parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartSize {
    /// All alike, but the last: for stores that ask for it.
    Fixed(usize),
    /// The first 1,000 of this size, the next 1,000 of twice as much, and so on: 10,000 parts from
    /// 8 MiB on are 8 TB.
    Growing(usize),
}

impl PartSize {
    fn of(self, number: u32) -> usize {
        match self {
            Self::Fixed(size) => size,
            Self::Growing(size) => size << ((number - 1) / 1000).min(16),
        }
    }
}

/// A stretch of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// From 1 on, without a gap.
    pub number: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The parts of an archive, in order: from [`Builder::to_parts`](crate::Builder::to_parts).
///
/// Besides the part that the caller holds there is one that is ready and one that is being filled;
/// their memory is not that of [`Builder::memory`](crate::Builder::memory). When nobody takes parts,
/// the archive waits.
#[derive(Debug)]
pub struct Parts(Arc<Mailbox>);

impl Parts {
    /// The next part; `None` after the last one, and after the archive has been given up. Only
    /// [`Archive::finish`](crate::Archive::finish) tells which it was: the object may be completed
    /// when that is `Ok`, and must not be before.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Part> {
        loop {
            let arrived = self.0.arrived.notified();
            let mut arrived = std::pin::pin!(arrived);
            arrived.as_mut().enable();
            {
                let mut state = self.0.lock();
                if let Some(part) = state.line.pop_front() {
                    self.0.room.notify_one();
                    return Some(part);
                }
                if state.closed {
                    return None;
                }
            }
            arrived.await;
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.0.lock().line.clear();
        self.0.close();
    }
}

/// Between the writer, which is a thread and blocks, and who takes the parts, which awaits.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    room: Condvar,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    line: VecDeque<Part>,
    closed: bool,
}

impl Mailbox {
    pub(crate) fn parts(self: &Arc<Self>) -> Parts {
        Parts(self.clone())
    }

    /// Waits for the part before to be taken; an error if there is nobody to take this one.
    fn put(&self, part: Part) -> Result<(), Error> {
        let mut state = self.lock();
        while !state.closed && !state.line.is_empty() {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(Error::aborted());
        }
        state.line.push_back(part);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// There will be no more parts; the one that is ready can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts a stream into parts.
#[derive(Debug)]
pub(crate) struct Cutter {
    mailbox: Arc<Mailbox>,
    size: PartSize,
    number: u32,
    filled: Vec<u8>,
}

impl Cutter {
    pub(crate) fn new(mailbox: Arc<Mailbox>, size: PartSize) -> Self {
        Self { mailbox, size, number: 1, filled: Vec::new() }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let size = self.size.of(self.number);
            self.filled.reserve_exact(size - self.filled.len());
            let (now, later) = bytes.split_at(bytes.len().min(size - self.filled.len()));
            self.filled.extend_from_slice(now);
            bytes = later;
            if self.filled.len() == size {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Sends what is left as the last part, which may be a short one.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if !self.filled.is_empty() || self.number == 1 {
            self.send()?;
        }
        self.mailbox.close();
        Ok(())
    }

    fn send(&mut self) -> Result<(), Error> {
        let bytes = std::mem::take(&mut self.filled);
        self.mailbox.put(Part { number: self.number, bytes })?;
        self.number += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_are_cut_and_counted() {
        let mailbox = Arc::new(Mailbox::default());
        let mut parts = mailbox.parts();
        let cutting = std::thread::spawn(move || {
            let mut cutter = Cutter::new(mailbox, PartSize::Fixed(4));
            cutter.write(b"01234").unwrap();
            cutter.write(b"56789").unwrap();
            cutter.end().unwrap();
        });
        let mut got = Vec::new();
        while let Some(part) = parts.next().await {
            got.push((part.number, String::from_utf8(part.bytes).unwrap()));
        }
        cutting.join().unwrap();
        assert_eq!(got, [(1, "0123".into()), (2, "4567".into()), (3, "89".into())]);
    }

    #[test]
    fn parts_grow_so_that_ten_thousand_are_enough() {
        let sizes = [1, 1000, 1001, 2001, 9001].map(|n| PartSize::Growing(8).of(n));
        assert_eq!(sizes, [8, 8, 16, 32, 4096]);
    }

    #[test]
    fn who_no_longer_takes_parts_ends_the_archive() {
        let mailbox = Arc::new(Mailbox::default());
        let parts = mailbox.parts();
        let mut cutter = Cutter::new(mailbox, PartSize::Fixed(1));
        cutter.write(b"0").unwrap();
        let blocked = std::thread::spawn(move || cutter.write(b"1"));
        drop(parts);
        assert!(blocked.join().unwrap().unwrap_err().is_aborted());
    }
}
