//! The bytes of an entry, as they come.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::budget::Permit;
use crate::buffer::Buffer;
use crate::codec::{PIECE, WINDOW};
use crate::error::{Error, Kind};
use crate::format::Format;
use crate::progress::OneMore;
use crate::sealed::{Data, Facts, Order, Sealed};
use crate::shared::Shared;
use crate::spill::{Segment, Spill};

/// The body of an entry, to be filled: from [`Entry::begin`](crate::Entry::begin).
///
/// The entry is in the archive when [`finish`](Self::finish) has returned `Ok`, whole and verified.
/// Dropping the body before that discards it.
///
/// Up to 8 MiB (or a quarter of the memory for bodies, if that is less) are held in memory, if the
/// length was known, and compressed as a whole. A longer body is compressed in pieces while it
/// comes, on all threads, into a file without a name.
#[derive(Debug)]
pub struct Body {
    shared: Arc<Shared>,
    orders: Sender<Order>,
    facts: Facts,
    length: Option<u64>,
    expected: Option<[u8; 32]>,
    size: u64,
    sha256: Sha256,
    crc: crc32fast::Hasher,
    /// What has come and has not been handed over, at most `room` bytes, with its memory.
    filled: Buffer,
    room: usize,
    permit: Option<Permit>,
    pieces: Option<Pieces>,
    /// A write was not waited for: some of its bytes may be missing.
    torn: bool,
}

/// What has been handed over of a large body.
#[derive(Debug)]
struct Pieces {
    spill: Arc<Spill>,
    done: Vec<Segment>,
    under_way: VecDeque<oneshot::Receiver<Segment>>,
    /// The end of the last piece.
    dictionary: Vec<u8>,
}

/// An entry of the archive: from [`Body::finish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Bytes of the body.
    pub size: u64,
    /// Its hash.
    pub sha256: [u8; 32],
    /// Bytes that its data takes in the archive; in a compressed tar, before compression.
    pub stored: u64,
}

impl Body {
    pub(crate) async fn begin(
        shared: Arc<Shared>,
        orders: Sender<Order>,
        facts: Facts,
        expected: Option<[u8; 32]>,
        length: Option<u64>,
    ) -> Result<Self, Error> {
        let known = length.and_then(|length| usize::try_from(length).ok());
        let whole = known.filter(|&length| length <= shared.whole);
        let mut pieces = None;
        if length.is_some() && whole.is_none() {
            let spill = Spill::new(&shared.space).map_err(|why| shared.give_up(why))?;
            spill.room().await.map_err(|_| shared.why())?;
            pieces = Some(Pieces::new(spill));
        }
        let room = whole.unwrap_or(PIECE);
        let permit = shared.budget.take(room).await.map_err(|_| shared.why())?;
        Ok(Self {
            shared,
            orders,
            facts,
            length,
            expected,
            size: 0,
            sha256: Sha256::new(),
            crc: crc32fast::Hasher::new(),
            filled: Buffer::with_capacity(room)?,
            room,
            permit: Some(permit),
            pieces,
            torn: false,
        })
    }

    /// Adds bytes. Waits only if the body is a large one, between its pieces: for memory, for room
    /// on disk, for threads that compress. A future that was dropped before its end leaves a body that
    /// can no longer be finished.
    ///
    /// # Errors
    ///
    /// More bytes have come than were to; or the archive has ended.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.shared.check()?;
        self.torn = true;
        self.shared.gauges.fetched_bytes.fetch_add(bytes.len() as u64, Relaxed);
        self.size += bytes.len() as u64;
        if let Some(length) = self.length.filter(|&length| self.size > length) {
            return Err(self.mismatch(&format!("more than the {length} bytes came that were to")));
        }
        self.sha256.update(bytes);
        self.crc.update(bytes);
        while !bytes.is_empty() {
            if self.filled.len() == self.room {
                self.next_piece().await?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.room - self.filled.len()));
            self.filled.extend(now);
            bytes = later;
        }
        self.torn = false;
        Ok(())
    }

    /// How many bytes have come.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Verifies the body, compresses it, and waits until it is in the archive. Whether it is after
    /// the future was dropped is open: then do not begin it again.
    ///
    /// # Errors
    ///
    /// The body does not have the length or the hash that it was to have, or a write was not waited
    /// for: the archive goes on without it. Every other error ends the archive.
    pub async fn finish(mut self) -> Result<Written, Error> {
        self.shared.check()?;
        if self.torn {
            return Err(self.mismatch("a write was given up, so bytes are missing"));
        }
        if let Some(length) = self.length.filter(|&length| self.size != length) {
            return Err(self.mismatch(&format!("{} bytes came of {length}", self.size)));
        }
        let sha256: [u8; 32] = std::mem::take(&mut self.sha256).finalize().into();
        if let Some(expected) = self.expected.filter(|&expected| expected != sha256) {
            let [expected, found] = [expected, sha256].map(hex);
            return Err(self.mismatch(&format!("its SHA-256 is {found}, it must be {expected}")));
        }
        self.shared.gauges.fetched.fetch_add(1, Relaxed);
        let (tell, told) = oneshot::channel();
        let sealed = Sealed {
            facts: self.facts.clone(),
            size: self.size,
            crc: std::mem::take(&mut self.crc).finalize(),
            deflated: false,
            data: Data::Memory(Buffer::default(), None),
            written: tell,
        };
        match self.pieces.take() {
            None => self.seal_whole(sealed),
            Some(pieces) => self.seal_pieces(sealed, pieces).await?,
        }
        let stored = told.await.map_err(|_| self.shared.why())?;
        Ok(Written { size: self.size, sha256, stored })
    }

    fn seal_whole(&mut self, mut sealed: Sealed) {
        let (body, permit) = (std::mem::take(&mut self.filled), self.permit.take());
        if self.shared.format != Format::Zip {
            sealed.data = Data::Memory(body, permit);
            return self.order(sealed);
        }
        let shared = self.shared.clone();
        self.shared.workers.submit(Box::new(move |codecs, outbox| {
            let (mut data, mut permit) = (body, permit);
            shared.gauges.compressed_bytes.fetch_add(data.len() as u64, Relaxed);
            match codecs.deflate(&data) {
                Ok(None) => {}
                Ok(Some(deflated)) => {
                    sealed.deflated = true;
                    // Gone before there is a copy of what was made of it.
                    drop(data);
                    data = match Buffer::of(deflated) {
                        Ok(copy) => copy,
                        Err(why) => return drop(shared.give_up(why)),
                    };
                    if let Some(permit) = &mut permit {
                        permit.shrink_to(data.len());
                    }
                }
                Err(e) => return drop(shared.give_up(compressing(e))),
            }
            sealed.data = Data::Memory(data, permit);
            shared.gauges.unwritten.fetch_add(1, Relaxed);
            outbox.put(sealed);
        }));
    }

    async fn seal_pieces(&mut self, mut sealed: Sealed, mut pieces: Pieces) -> Result<(), Error> {
        self.hand_over(&mut pieces, true);
        while let Some(piece) = pieces.under_way.pop_front() {
            pieces.done.push(piece.await.map_err(|_| self.shared.why())?);
        }
        sealed.deflated = self.shared.format == Format::Zip;
        sealed.data = Data::Disk(pieces.spill, pieces.done);
        self.order(sealed);
        Ok(())
    }

    fn order(&self, sealed: Sealed) {
        self.shared.gauges.unwritten.fetch_add(1, Relaxed);
        // A writer that has left has been told to, and so has everybody else.
        let _ = self.orders.send(Order::Entry(Box::new(sealed)));
    }

    async fn next_piece(&mut self) -> Result<(), Error> {
        let mut pieces = match self.pieces.take() {
            Some(pieces) => pieces,
            None => {
                let spill = Spill::new(&self.shared.space);
                Pieces::new(spill.map_err(|why| self.shared.give_up(why))?)
            }
        };
        self.hand_over(&mut pieces, false);
        let waiting = OneMore::of(&self.shared.gauges.waiting);
        pieces.spill.room().await.map_err(|_| self.shared.why())?;
        self.permit = Some(self.shared.budget.take(PIECE).await.map_err(|_| self.shared.why())?);
        drop(waiting);
        self.filled = Buffer::with_capacity(PIECE)?;
        self.room = PIECE;
        self.pieces = Some(pieces);
        Ok(())
    }

    /// Gives what has come to the threads that compress, with its memory.
    fn hand_over(&mut self, pieces: &mut Pieces, last: bool) {
        let (piece, permit) = (std::mem::take(&mut self.filled), self.permit.take());
        let is_deflated = self.shared.format == Format::Zip;
        let mut dictionary = Vec::new();
        if is_deflated {
            let end = piece[piece.len().saturating_sub(WINDOW)..].to_vec();
            dictionary = std::mem::replace(&mut pieces.dictionary, end);
        }
        let (shared, spill) = (self.shared.clone(), pieces.spill.clone());
        let (tell, told) = oneshot::channel();
        pieces.under_way.push_back(told);
        self.shared.workers.submit(Box::new(move |codecs, _| {
            if tell.is_closed() {
                return; // the body was dropped
            }
            let piece: io::Result<&[u8]> = if is_deflated {
                shared.gauges.compressed_bytes.fetch_add(piece.len() as u64, Relaxed);
                codecs.deflate_piece(&dictionary, &piece, last)
            } else {
                Ok(&piece)
            };
            match piece.map_err(compressing).and_then(|piece| spill.append(piece)) {
                // If nobody listens, the body was dropped.
                Ok(segment) => drop(tell.send(segment)),
                Err(why) => drop(shared.give_up(why)),
            }
            drop(permit);
        }));
        pieces.collect();
    }

    fn mismatch(&self, what: &str) -> Error {
        Error::new(Kind::Mismatch, format!("{}: {what}", self.facts.name))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.shared.gauges.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Pieces {
    fn new(spill: Arc<Spill>) -> Self {
        let (done, under_way) = (Vec::new(), VecDeque::new());
        Self { spill, done, under_way, dictionary: Vec::new() }
    }

    /// Keeps short what would else be long at the end of a body of gigabytes.
    fn collect(&mut self) {
        while let Some(piece) = self.under_way.front_mut() {
            let Ok(segment) = piece.try_recv() else { return };
            self.done.push(segment);
            self.under_way.pop_front();
        }
    }
}

fn compressing(cause: io::Error) -> Error {
    Error::disk("cannot compress a body", cause)
}

fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
