//! What each thread that compresses keeps: compressors and a buffer, made once.

use std::fmt;

use libdeflater::{CompressionLvl, Compressor};
use zlib_rs::{Deflate, DeflateFlush, Status};

/// Large bodies and compressed tars are compressed in pieces of this many bytes.
pub(crate) const PIECE: usize = 512 << 10;

/// How far back deflate looks: the end of a piece is the dictionary of the next.
pub(crate) const WINDOW: usize = 32 << 10;

/// The compressors of one thread, each made when it is first needed.
#[derive(Default)]
pub(crate) struct Codecs {
    whole: Option<Compressor>,
    pieces: Option<Deflate>,
    frames: Option<zstd::bulk::Compressor<'static>>,
    buffer: Vec<u8>,
}

impl Codecs {
    /// A whole body as one deflate stream; `None` if that is not shorter.
    pub(crate) fn deflate(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let compressor =
            self.whole.get_or_insert_with(|| Compressor::new(CompressionLvl::default()));
        // No room for more than the body: what does not fit is not wanted.
        let room = body.len().saturating_sub(1);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let length = compressor.deflate_compress(body, &mut self.buffer[..room]).ok()?;
        Some(self.buffer[..length].to_vec())
    }

    /// One piece of a deflate stream, up to a whole byte; `dictionary` is what came before it. Pieces
    /// one after the other are the stream, which the piece that is `last` ends.
    pub(crate) fn deflate_piece(&mut self, dictionary: &[u8], piece: &[u8], last: bool) -> Vec<u8> {
        let deflate = self.pieces.get_or_insert_with(|| Deflate::new(6, false, 15));
        deflate.reset();
        if !dictionary.is_empty() {
            deflate.set_dictionary(dictionary).expect("a stream that has just begun takes one");
        }
        let flush = if last { DeflateFlush::Finish } else { DeflateFlush::SyncFlush };
        // Stored blocks are the worst, and the empty one of the flush comes on top.
        let room = zlib_rs::compress_bound(piece.len()) + 64;
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let status = deflate.compress(piece, &mut self.buffer, flush);
        let is_whole = match status {
            Ok(Status::Ok) => !last && deflate.total_in() == piece.len() as u64,
            Ok(Status::StreamEnd) => last,
            _ => false,
        };
        assert!(is_whole, "compressing a piece ended with {status:?}");
        let length = usize::try_from(deflate.total_out()).expect("it is in the buffer");
        assert!(length < self.buffer.len(), "the bound of a piece is too small");
        self.buffer[..length].to_vec()
    }

    /// A frame of zstd, with a checksum.
    pub(crate) fn zstd_frame(&mut self, piece: &[u8]) -> std::io::Result<Vec<u8>> {
        let compressor = match &mut self.frames {
            Some(compressor) => compressor,
            none => {
                let mut new = zstd::bulk::Compressor::new(3)?;
                new.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
                none.insert(new)
            }
        };
        compressor.compress(piece)
    }
}

impl fmt::Debug for Codecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codecs").finish_non_exhaustive()
    }
}
