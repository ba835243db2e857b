//! Brings a part file and its journal to the disk while more is written.
//!
//! A machine that stops then costs little, and the sync at the end has little left to do. One sync is
//! under way at a time, on a thread of its own; what it failed with is told at the next, or at the end:
//! the system tells it only once.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::journal::Journal;

/// After so many bytes,
const BYTES: u64 = 4 << 20;
/// or so much time.
const TIME: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Syncer {
    synced: u64,
    since: Instant,
    under_way: Option<JoinHandle<Result<(), Error>>>,
}

impl Syncer {
    pub(crate) fn new() -> Self {
        Self { synced: 0, since: Instant::now(), under_way: None }
    }

    /// Begins one if it is time: the part is `position` bytes long.
    pub(crate) fn sync_now_and_then(
        &mut self,
        position: u64,
        (part, path): (&File, &Path),
        journal: &Journal,
    ) -> Result<(), Error> {
        let is_time = position.saturating_sub(self.synced) >= BYTES || self.since.elapsed() >= TIME;
        // A disk that has not done with the last one is not asked for more.
        if !is_time || self.under_way.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return Ok(());
        }
        self.wait(path)?;
        (self.synced, self.since) = (position, Instant::now());
        let begin = || {
            let (part, path, journal) = (part.try_clone()?, path.to_owned(), journal.try_clone()?);
            let sync = move || {
                part.sync_data().map_err(|e| trouble(&path, e))?;
                journal.sync()
            };
            thread::Builder::new().name("codap-sync".to_owned()).spawn(sync)
        };
        self.under_way = Some(begin().map_err(|e| trouble(path, e))?);
        Ok(())
    }

    /// Waits for the one that is under way.
    pub(crate) fn wait(&mut self, path: &Path) -> Result<(), Error> {
        let Some(thread) = self.under_way.take() else { return Ok(()) };
        let panicked = |_| Err(trouble(path, io::Error::other("its thread panicked")));
        thread.join().unwrap_or_else(panicked)
    }
}

/// It holds the files, and with them the lock that the next run wants.
impl Drop for Syncer {
    fn drop(&mut self) {
        if let Some(thread) = self.under_way.take() {
            let _ = thread.join();
        }
    }
}

fn trouble(path: &Path, cause: io::Error) -> Error {
    Error::disk(format!("cannot sync {}", path.display()), cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sync beside the writing failed with was for nobody, and the one at the end went well:
    /// the system had told it.
    #[test]
    #[cfg(unix)]
    fn what_a_sync_fails_with_is_told_later() {
        let journal = || Journal::new(tempfile::tempfile().unwrap(), "the journal".into());
        // A device that cannot be synced.
        let (part, path) = (File::open("/dev/null").unwrap(), Path::new("the part"));
        for ends in [true, false] {
            let (mut syncer, journal) = (Syncer::new(), journal());
            syncer.sync_now_and_then(BYTES - 1, (&part, path), &journal).unwrap();
            assert!(syncer.under_way.is_none(), "it is not yet time");
            syncer.sync_now_and_then(BYTES, (&part, path), &journal).unwrap();
            let told = if ends {
                syncer.wait(path)
            } else {
                while !syncer.under_way.as_ref().is_some_and(JoinHandle::is_finished) {
                    thread::yield_now();
                }
                syncer.sync_now_and_then(2 * BYTES, (&part, path), &journal)
            };
            assert!(told.unwrap_err().to_string().contains("cannot sync the part"));
        }
    }
}
