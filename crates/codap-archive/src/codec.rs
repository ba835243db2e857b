//! What each thread that compresses keeps: compressors and a buffer, made once.

use std::fmt;
use std::io;

use libdeflater::{CompressionLvl, Compressor};
use memmap2::MmapMut;
use zlib_rs::{Deflate, DeflateFlush, Status};

use crate::buffer::map;

/// Large bodies and compressed tars are compressed in pieces of this many bytes.
pub(crate) const PIECE: usize = 512 << 10;

/// How far back deflate looks: the end of a piece is the dictionary of the next.
pub(crate) const WINDOW: usize = 32 << 10;

/// The longest body that is compressed as a whole.
pub(crate) const WHOLE: usize = 8 << 20;

/// The compressors of one thread, each made when it is first needed. What they make lies in one place
/// and is there until the next.
#[derive(Default)]
pub(crate) struct Codecs {
    whole: Option<Compressor>,
    pieces: Option<Deflate>,
    frames: Option<zstd::bulk::Compressor<'static>>,
    /// As long as the longest body; memory is used as far as it is written.
    made: Option<MmapMut>,
}

impl Codecs {
    /// A whole body as one deflate stream; `None` if that is not shorter.
    pub(crate) fn deflate(&mut self, body: &[u8]) -> io::Result<Option<&[u8]>> {
        let made = room(&mut self.made)?;
        let whole = self.whole.get_or_insert_with(|| Compressor::new(CompressionLvl::default()));
        // What does not fit in less than the body is not wanted.
        let most = body.len().saturating_sub(1).min(made.len());
        let length = whole.deflate_compress(body, &mut made[..most]).ok();
        Ok(length.map(|length| &made[..length]))
    }

    /// One piece of a deflate stream, up to a whole byte; `dictionary` is what came before it. Pieces
    /// one after the other are the stream, which the piece that is `last` ends.
    pub(crate) fn deflate_piece(
        &mut self,
        dictionary: &[u8],
        piece: &[u8],
        last: bool,
    ) -> io::Result<&[u8]> {
        let made = room(&mut self.made)?;
        let deflate = self.pieces.get_or_insert_with(|| Deflate::new(6, false, 15));
        deflate.reset();
        let status = (|| {
            if !dictionary.is_empty() {
                deflate.set_dictionary(dictionary)?;
            }
            let flush = if last { DeflateFlush::Finish } else { DeflateFlush::SyncFlush };
            deflate.compress(piece, made, flush)
        })();
        // There is room for any piece, so one call takes it in and puts it all out.
        let length = usize::try_from(deflate.total_out()).unwrap_or(usize::MAX);
        match status {
            Ok(Status::StreamEnd) if last => Ok(&made[..length]),
            Ok(Status::Ok) if deflate.total_in() == piece.len() as u64 && length < made.len() => {
                Ok(&made[..length])
            }
            other => Err(io::Error::other(format!("deflate ended with {other:?}"))),
        }
    }

    /// A frame of zstd, with a checksum.
    pub(crate) fn zstd_frame(&mut self, piece: &[u8]) -> io::Result<&[u8]> {
        let made = room(&mut self.made)?;
        let compressor = match &mut self.frames {
            Some(compressor) => compressor,
            none => {
                let mut new = zstd::bulk::Compressor::new(3)?;
                new.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
                none.insert(new)
            }
        };
        let length = compressor.compress_to_buffer(piece, &mut made[..])?;
        Ok(&made[..length])
    }
}

/// Where what is made lies: longer than the longest body and, by far, the longest piece.
fn room(made: &mut Option<MmapMut>) -> io::Result<&mut MmapMut> {
    match made {
        Some(made) => Ok(made),
        none => Ok(none.insert(map(WHOLE)?)),
    }
}

impl fmt::Debug for Codecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codecs").finish_non_exhaustive()
    }
}
