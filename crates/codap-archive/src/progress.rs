//! How far an archive is, and what holds it up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How far an archive is: from [`Archive::progress`](crate::Archive::progress).
///
/// Each number is right by itself; together they are from about the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Entries whose bodies have begun, and have neither ended nor been dropped.
    pub in_flight: u64,
    /// Bytes of bodies that have come, those of failed ones included.
    pub fetched_bytes: u64,
    /// Bodies that came whole.
    pub fetched: u64,
    /// Bytes of bodies that have been through compression; none where there is none.
    pub compressed_bytes: u64,
    /// Entries in the archive, those of an earlier run included.
    pub written: u64,
    /// Bytes of their bodies.
    pub written_bytes: u64,
    /// Length of the archive so far.
    pub archived_bytes: u64,
    /// Bytes of large bodies that lie on disk now.
    pub spilled_bytes: u64,
    /// What everything waits for.
    pub waiting: Waiting,
}

/// What holds an archive up at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Waiting {
    /// Bodies, to come.
    Source,
    /// Threads that compress.
    Cpu,
    /// Memory for bodies, or room on disk for large ones: slow bodies hold it.
    Memory,
    /// The file or stream that the archive goes to.
    Disk,
}

/// The numbers, as they are kept.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) in_flight: AtomicU64,
    pub(crate) fetched_bytes: AtomicU64,
    pub(crate) fetched: AtomicU64,
    pub(crate) compressed_bytes: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) written_bytes: AtomicU64,
    pub(crate) archived_bytes: AtomicU64,
    /// Bodies that wait for memory or for room on disk.
    pub(crate) waiting: AtomicU64,
    /// Entries in line for the writer.
    pub(crate) unwritten: AtomicU64,
}

impl Gauges {
    /// `jobs` wait for a thread that compresses.
    pub(crate) fn read(&self, jobs: usize, spilled_bytes: u64) -> Progress {
        let waiting = match () {
            () if self.unwritten.load(Relaxed) > 1 => Waiting::Disk,
            () if jobs > 0 => Waiting::Cpu,
            () if self.waiting.load(Relaxed) > 0 => Waiting::Memory,
            () => Waiting::Source,
        };
        Progress {
            in_flight: self.in_flight.load(Relaxed),
            fetched_bytes: self.fetched_bytes.load(Relaxed),
            fetched: self.fetched.load(Relaxed),
            compressed_bytes: self.compressed_bytes.load(Relaxed),
            written: self.written.load(Relaxed),
            written_bytes: self.written_bytes.load(Relaxed),
            archived_bytes: self.archived_bytes.load(Relaxed),
            spilled_bytes,
            waiting,
        }
    }
}

/// One more of something, until it is dropped.
#[derive(Debug)]
pub(crate) struct OneMore<'a>(&'a AtomicU64);

impl<'a> OneMore<'a> {
    pub(crate) fn of(gauge: &'a AtomicU64) -> Self {
        gauge.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for OneMore<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
