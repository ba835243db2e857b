//! Where entries live, and how one of them ends.
//!
//! Work holds its chunk, and so the board, but never the group: a container that is dropped takes
//! no entry's storage from under it, and two entries that run at once seldom fight for one
//! reference count.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::board::{Board, Host};
use crate::contain::catch;
use crate::entry::{BY_HAND, DEFAULTED, Entry, Status};
use crate::error::{Ending, Error, Failure, Kind};

/// The first chunk is small, for a page; the others are larger, so that little is wasted either
/// way. Loom's are so small that its models cross from one into the next.
const FIRST_CHUNK: u32 = if cfg!(codap_loom) { 2 } else { 16 };
const CHUNK: u32 = if cfg!(codap_loom) { 2 } else { 64 };

/// Where entry `index` is: which chunk, and where in it.
pub(crate) fn locate(index: u32) -> (usize, u32) {
    match index.checked_sub(FIRST_CHUNK) {
        None => (0, index),
        Some(rest) => (1 + (rest / CHUNK) as usize, rest % CHUNK),
    }
}

/// A chunk as readers of its entries see it: whatever the keys are.
pub(crate) trait Cells<V>: Host {
    fn read(&self, at: u32) -> Option<Result<&V, Error>>;
}

/// A stretch of entries.
pub(crate) struct Chunk<K, V> {
    board: Arc<Board>,
    first: u32,
    entries: Box<[Entry<K, V>]>,
}

impl<K, V> Chunk<K, V> {
    /// `key` gives the keys that are known beforehand.
    pub(crate) fn new(board: Arc<Board>, first: u32, key: impl Fn(u32) -> Option<K>) -> Self {
        let size = if first == 0 { FIRST_CHUNK } else { CHUNK };
        let entries = (first..).take(size as usize).map(|index| Entry::vacant(key(index)));
        Self { board, first, entries: entries.collect() }
    }

    pub(crate) fn entry(&self, at: u32) -> &Entry<K, V> {
        &self.entries[at as usize]
    }

    pub(crate) fn board(&self) -> &Arc<Board> {
        &self.board
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("a chunk is small")
    }

    pub(crate) fn index_of(&self, at: u32) -> u32 {
        self.first + at
    }

    /// The work of an entry begins.
    pub(crate) fn start(&self, at: u32) {
        let status = self.entry(at).status();
        status.start(|| self.board.clock());
        self.board.record_start(self.first + at, status);
    }

    /// Moves the entries out, once all work has let go.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = Entry<K, V>> {
        self.entries.into_vec().into_iter()
    }
}

impl<K: fmt::Debug, V> Chunk<K, V> {
    pub(crate) fn name_of(&self, at: u32) -> String {
        let key = self.entry(at).key();
        catch(|| format!("{key:?}")).unwrap_or_else(|_| format!("#{}", self.first + at))
    }

    /// How long the entry ran.
    pub(crate) fn elapsed(&self, at: u32) -> Duration {
        match self.entry(at).status().stamped() {
            Some(stamp) => self.board.clock().saturating_sub(stamp),
            None => Duration::ZERO,
        }
    }

    pub(crate) fn error(&self, at: u32, kind: Kind) -> Error {
        Error::new(kind, &self.name_of(at), self.elapsed(at))
    }

    pub(crate) fn failure(&self, at: u32, failure: Failure) -> Error {
        match failure {
            Failure::Kind(kind) => self.error(at, kind),
            Failure::Of(source) => Error::failed(source, &self.name_of(at), self.elapsed(at)),
        }
    }

    /// Ends the entry, unless it has ended; whether it did. `leaves`: its work is gone as well.
    pub(crate) fn end(
        &self,
        at: u32,
        leaves: bool,
        outcome: impl FnOnce() -> Result<V, Error>,
    ) -> bool {
        let entry = self.entry(at);
        let status = entry.status();
        if !status.claim() {
            return false;
        }
        let outcome = outcome();
        let ending = match &outcome {
            Ok(_) if status.has(DEFAULTED) => Ending::Defaulted,
            Ok(_) => Ending::Ok,
            Err(error) => error.ending().unwrap_or(Ending::Failed),
        };
        entry.write(outcome);
        self.board.ended(self.first + at, status, ending, leaves);
        true
    }

    /// Ends the entry from outside. Its work is dropped by its task, which is woken, or else by
    /// its first poll.
    pub(crate) fn interrupt(&self, at: u32, kind: Kind) -> bool {
        let leaves = self.entry(at).status().has(BY_HAND);
        let ended = self.end(at, leaves, || Err(self.error(at, kind)));
        if ended {
            match self.entry(at).status().take_task() {
                Some(task) => task.wake(),
                None => self.board.withdraw(self.first + at),
            }
        }
        ended
    }
}

impl<K, V> Host for Chunk<K, V>
where
    K: fmt::Debug + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn board(&self) -> &Arc<Board> {
        &self.board
    }

    fn status(&self, at: u32) -> &Status {
        self.entry(at).status()
    }

    fn index(&self, at: u32) -> u32 {
        self.first + at
    }

    fn name(&self, at: u32) -> String {
        self.name_of(at)
    }
}

impl<K, V> Cells<V> for Chunk<K, V>
where
    K: fmt::Debug + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn read(&self, at: u32) -> Option<Result<&V, Error>> {
        self.entry(at).read()
    }
}
