//! Large bodies on disk, in a file without a name, until they are whole.
//!
//! The limit holds for all of them together. Rules:
//! 1. A body asks for room before each of its pieces, while it holds no memory.
//! 2. There is room while less than the limit is used, and always for the oldest body: it can end,
//!    and then the next is the oldest. So the limit is passed by at most that one's size, and by the
//!    pieces that were under way.
//! 3. What a body uses is given back when its file is dropped: after it has been copied into the
//!    archive, or with the body.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::Error;
use crate::system::{read_exact_at, write_all_at};

/// The folder for spilled bodies, and how much may lie there.
#[derive(Debug)]
pub(crate) struct Space {
    folder: PathBuf,
    limit: u64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    /// Bodies that spill, by age.
    line: BTreeSet<u64>,
    next: u64,
    closed: bool,
}

/// Where a piece lies in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) offset: u64,
    pub(crate) length: usize,
}

/// The file of one body. Its pieces lie in the order in which they were ready.
#[derive(Debug)]
pub(crate) struct Spill {
    space: Arc<Space>,
    number: u64,
    file: File,
    end: AtomicU64,
}

impl Space {
    pub(crate) fn new(folder: PathBuf, limit: u64) -> Arc<Self> {
        Arc::new(Self { folder, limit, state: Mutex::default(), changed: Notify::new() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn used(&self) -> u64 {
        self.lock().used
    }

    /// Nobody waits any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, verb: &str, cause: io::Error) -> Error {
        let folder = self.folder.display();
        Error::disk(format!("cannot {verb} a file for large bodies in {folder}"), cause)
    }
}

impl Spill {
    pub(crate) fn new(space: &Arc<Space>) -> Result<Arc<Self>, Error> {
        let file = tempfile::tempfile_in(&space.folder).map_err(|e| space.trouble("make", e))?;
        let mut state = space.lock();
        let number = state.next;
        state.next += 1;
        state.line.insert(number);
        drop(state);
        Ok(Arc::new(Self { space: space.clone(), number, file, end: AtomicU64::new(0) }))
    }

    /// Waits for room for one more piece; an error once the space is closed. Dropping the future is
    /// of no consequence.
    pub(crate) async fn room(&self) -> Result<(), Error> {
        loop {
            let changed = self.space.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Registered before the look, so that no change in between is missed.
            changed.as_mut().enable();
            {
                let state = self.space.lock();
                if state.closed {
                    return Err(Error::aborted());
                }
                if state.used < self.space.limit || state.line.first() == Some(&self.number) {
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    /// Puts a piece where there is place; several may at once.
    pub(crate) fn append(&self, piece: &[u8]) -> Result<Segment, Error> {
        let length = piece.len();
        let offset = self.end.fetch_add(length as u64, Ordering::Relaxed);
        self.space.lock().used += length as u64;
        write_all_at(&self.file, piece, offset).map_err(|e| self.space.trouble("write", e))?;
        Ok(Segment { offset, length })
    }

    /// Reads a piece back.
    pub(crate) fn read(&self, segment: Segment, into: &mut Vec<u8>) -> Result<(), Error> {
        into.resize(segment.length, 0);
        let read = read_exact_at(&self.file, into, segment.offset);
        read.map_err(|e| self.space.trouble("read", e))
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        let mut state = self.space.lock();
        state.used -= *self.end.get_mut();
        state.line.remove(&self.number);
        drop(state);
        self.space.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn has_room(spill: &Spill) -> bool {
        let room = std::pin::pin!(spill.room());
        matches!(room.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
    }

    #[test]
    fn when_the_limit_is_reached_only_the_oldest_goes_on() {
        let space = Space::new(std::env::temp_dir(), 10);
        let [first, second] = [0, 1].map(|_| Spill::new(&space).unwrap());
        assert!(has_room(&first) && has_room(&second));
        second.append(b"0123456789").unwrap();
        assert!(has_room(&first) && !has_room(&second));
        drop(first);
        assert!(has_room(&second), "now it is the oldest");
        let third = Spill::new(&space).unwrap();
        assert!(!has_room(&third));
        drop(second);
        assert_eq!(space.used(), 0);
        assert!(has_room(&third));
        space.close();
        assert!(!has_room(&third));
    }
}
