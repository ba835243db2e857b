//! An entry that is whole, on its way to the writer, and what is said to the writer besides.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::budget::Permit;
use crate::buffer::Buffer;
use crate::error::Error;
use crate::spill::{Segment, Spill};

/// What is known of an entry before its body.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Its place in the list.
    pub(crate) index: u64,
    /// Hash of where it comes from and its name.
    pub(crate) mark: u64,
    pub(crate) name: Box<str>,
    /// Seconds since 1970.
    pub(crate) modified: i64,
}

/// An entry whose body is verified: all that its header says is known.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) facts: Facts,
    pub(crate) size: u64,
    pub(crate) crc: u32,
    pub(crate) deflated: bool,
    pub(crate) data: Data,
    /// Told how many bytes of the archive its data is.
    pub(crate) written: oneshot::Sender<u64>,
}

/// The data of an entry as it goes into the archive, or, for a compressed tar, into the tar.
#[derive(Debug)]
pub(crate) enum Data {
    Memory(Buffer, #[expect(dead_code, reason = "held for as long as the bytes")] Option<Permit>),
    Disk(Arc<Spill>, Vec<Segment>),
}

impl Data {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes, _) => bytes.len() as u64,
            Self::Disk(_, segments) => segments.iter().map(|s| s.length as u64).sum(),
        }
    }
}

/// What the writer is told. Once it has failed it only answers.
#[derive(Debug)]
pub(crate) enum Order {
    Entry(Box<Sealed>),
    /// Complete the archive and put it in place.
    Finish(oneshot::Sender<Result<Summary, Error>>),
    /// End. What is there is kept for a later run, or removed.
    Leave {
        keep: bool,
        done: Option<oneshot::Sender<()>>,
    },
}

/// What a finished archive holds: from [`Archive::finish`](crate::Archive::finish).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Its entries, those of an earlier run included.
    pub entries: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Bytes of the archive.
    pub archived_bytes: u64,
}
