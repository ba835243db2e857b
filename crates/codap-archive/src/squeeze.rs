//! A tar through compression: cut into pieces, each compressed on any thread, put together in order.
//!
//! Gzip is one member: every piece but the last ends with an empty block, up to a whole byte, and is
//! compressed with the end of the one before it as its dictionary. Zstd is one frame a piece. Either
//! can be continued after any piece, so a checkpoint is the end of a piece.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::buffer::Buffer;
use crate::codec::{PIECE, WINDOW};
use crate::error::Error;
use crate::format::Format;
use crate::journal::Stream;
use crate::shared::Shared;
use crate::sink::Sink;

/// Frames of zstd know nothing of each other, so they are larger.
const FRAME: usize = 4 * PIECE;

/// How many checkpoints may wait for their pieces: each holds back what the journal knows.
const CHECKPOINTS: usize = 2;

#[derive(Debug)]
pub(crate) struct Squeeze {
    shared: Arc<Shared>,
    gzip: bool,
    filled: Buffer,
    /// The end of the piece before.
    dictionary: Vec<u8>,
    /// What has been submitted, in order.
    line: VecDeque<Next>,
    depth: usize,
    length: u64,
    crc: crc32fast::Hasher,
}

#[derive(Debug)]
enum Next {
    Piece(Receiver<Result<Buffer, Error>>),
    Checkpoint(Vec<u8>, Stream),
}

impl Squeeze {
    /// Goes on after `stream`; `depth` pieces are compressed or wait for it at a time.
    pub(crate) fn new(shared: Arc<Shared>, stream: Stream, depth: usize) -> Self {
        Self {
            gzip: shared.format == Format::TarGz,
            shared,
            filled: Buffer::default(),
            dictionary: Vec::new(),
            line: VecDeque::new(),
            depth,
            length: stream.length,
            crc: crc32fast::Hasher::new_with_initial_len(stream.crc, stream.length),
        }
    }

    /// What stands before everything.
    pub(crate) fn begin(&self, sink: &mut Sink) -> Result<(), Error> {
        // Deflate, no name, no time, from an unknown system.
        if self.gzip { sink.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff") } else { Ok(()) }
    }

    pub(crate) fn write(&mut self, sink: &mut Sink, mut bytes: &[u8]) -> Result<(), Error> {
        self.length += bytes.len() as u64;
        if self.gzip {
            self.crc.update(bytes);
        }
        let size = if self.gzip { PIECE } else { FRAME };
        while !bytes.is_empty() {
            if self.filled.is_empty() {
                self.filled = Buffer::with_capacity(size)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(size - self.filled.len()));
            self.filled.extend(now);
            bytes = later;
            if self.filled.len() == size {
                self.submit(false);
                self.drain(sink, self.depth)?;
            }
        }
        Ok(())
    }

    /// Notes the entries in `records`, once all up to here is in the archive.
    pub(crate) fn checkpoint(&mut self, sink: &mut Sink, records: Vec<u8>) -> Result<(), Error> {
        if !self.filled.is_empty() {
            self.submit(false);
        }
        let stream = Stream { length: self.length, crc: self.crc.clone().finalize() };
        self.line.push_back(Next::Checkpoint(records, stream));
        let is_checkpoint = |next: &&Next| matches!(next, Next::Checkpoint(..));
        while self.line.iter().filter(is_checkpoint).count() > CHECKPOINTS {
            self.drain(sink, self.line.len() - 1)?;
        }
        self.drain(sink, self.depth)
    }

    /// Ends the stream.
    pub(crate) fn end(&mut self, sink: &mut Sink) -> Result<(), Error> {
        if self.gzip || !self.filled.is_empty() {
            self.submit(true);
        }
        self.drain(sink, 0)?;
        if self.gzip {
            let crc = self.crc.clone().finalize();
            let length = self.length as u32; // modulo 4 GiB
            sink.write(&[crc, length].map(u32::to_le_bytes).concat())?;
        }
        Ok(())
    }

    /// Puts what is ready into the archive, and waits until at most `left` are not.
    pub(crate) fn drain(&mut self, sink: &mut Sink, left: usize) -> Result<(), Error> {
        while let Some(next) = self.line.front() {
            if let Next::Piece(piece) = next {
                let must_wait = self.line.len() > left;
                let piece = if must_wait { piece.recv().ok() } else { piece.try_recv().ok() };
                match piece {
                    Some(Ok(piece)) => sink.write(&piece)?,
                    Some(Err(why)) => return Err(why),
                    // Its job was dropped: the archive has been given up.
                    None if must_wait => return Err(self.shared.why()),
                    None => return Ok(()),
                }
            }
            if let Some(Next::Checkpoint(records, stream)) = self.line.pop_front() {
                sink.checkpoint(records, stream)?;
            }
        }
        Ok(())
    }

    fn submit(&mut self, last: bool) {
        let piece = std::mem::take(&mut self.filled);
        let (tell, told) = sync_channel(1);
        self.line.push_back(Next::Piece(told));
        let gzip = self.gzip;
        let mut dictionary = Vec::new();
        if gzip {
            let end = piece[piece.len().saturating_sub(WINDOW)..].to_vec();
            dictionary = std::mem::replace(&mut self.dictionary, end);
        }
        let shared = self.shared.clone();
        self.shared.workers.submit(Box::new(move |codecs, _| {
            let compressed = if gzip {
                codecs.deflate_piece(&dictionary, &piece, last)
            } else {
                codecs.zstd_frame(&piece)
            };
            let done = piece.len() as u64;
            shared.gauges.compressed_bytes.fetch_add(done, std::sync::atomic::Ordering::Relaxed);
            let compressed = compressed.map_err(|e| Error::disk("cannot compress the archive", e));
            // Nobody listens once the archive has been given up.
            let _ = tell.send(compressed.and_then(Buffer::of));
        }));
    }
}
