//! Unpacking a body while it comes, a bounded piece at a time.

use std::io::{self, BufRead, ErrorKind, Read};

use brotli_decompressor::Decompressor;
use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder as Zstd};
use zstd::stream::zio;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Brotli,
    Zstd,
}

/// What is asked for where the length does not matter: `Accept-Encoding`.
pub(crate) const ACCEPTED: &str = "gzip, br, zstd";

impl Coding {
    /// By its name in `Content-Encoding`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "br" => Self::Brotli,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }
}

/// A body being unpacked: [`give`](Self::give) it what came, then [`take`](Self::take) until it
/// has no more; at the end the same once more.
pub(crate) struct Decoder {
    packing: Packing,
    /// Where a piece is unpacked to before its size is known.
    piece: Box<[u8]>,
}

/// Each reads from its feed, and stops where that has nothing more for now.
enum Packing {
    Gzip(Box<MultiGzDecoder<Feed>>),
    Brotli(Box<Decompressor<Feed>>),
    Zstd(Box<zio::Reader<Feed, Zstd<'static>>>),
}

const BROTLI_BUFFER: usize = 16 << 10;
/// No piece is larger, whatever it was packed into.
const PIECE: usize = 32 << 10;

/// RFC 9659: a `zstd` body needs no larger window than 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

impl Decoder {
    /// Nothing where nothing is packed.
    pub(crate) fn new(coding: Coding) -> io::Result<Option<Self>> {
        let feed = Feed::default();
        let packing = match coding {
            Coding::Identity => return Ok(None),
            Coding::Gzip => Packing::Gzip(Box::new(MultiGzDecoder::new(feed))),
            Coding::Brotli => Packing::Brotli(Box::new(Decompressor::new(feed, BROTLI_BUFFER))),
            Coding::Zstd => {
                let mut zstd = Zstd::new()?;
                zstd.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
                Packing::Zstd(Box::new(zio::Reader::new(feed, zstd)))
            }
        };
        Ok(Some(Self { packing, piece: vec![0; PIECE].into() }))
    }

    /// Takes bytes as they were sent, once all before them are unpacked.
    pub(crate) fn give(&mut self, bytes: Bytes) {
        self.feed().bytes = bytes;
    }

    /// Notes that nothing more will come.
    pub(crate) fn end(&mut self) {
        self.feed().is_last = true;
    }

    /// The next piece; `None` until more is given, or for good if there is no more.
    pub(crate) fn take(&mut self) -> io::Result<Option<Bytes>> {
        let read = match self.read() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            read => read?,
        };
        if read > 0 {
            return Ok(Some(Bytes::copy_from_slice(&self.piece[..read])));
        }
        // It is at its end. Asked once more, it tells whether it had read beyond that.
        self.read()?;
        match self.feed().bytes.is_empty() {
            true => Ok(None),
            false => Err(io::Error::other("there is more behind its end")),
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        match &mut self.packing {
            Packing::Gzip(it) => it.read(&mut self.piece),
            Packing::Brotli(it) => it.read(&mut self.piece),
            Packing::Zstd(it) => it.read(&mut self.piece),
        }
    }

    fn feed(&mut self) -> &mut Feed {
        match &mut self.packing {
            Packing::Gzip(it) => it.get_mut(),
            Packing::Brotli(it) => it.get_mut(),
            Packing::Zstd(it) => it.reader_mut(),
        }
    }
}

/// What was given and not yet read. Where it is empty there may be more to come.
#[derive(Default)]
struct Feed {
    bytes: Bytes,
    is_last: bool,
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.bytes.is_empty() && !self.is_last {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(&self.bytes)
    }

    fn consume(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

impl Read for Feed {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(to)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    /// An uncompressed brotli stream and a zstd frame of "hello", as their specifications say.
    const BROTLI: &[u8] = b"\x0b\x02\x80hello\x03";

    fn packed(bytes: &[u8]) -> Vec<(Coding, Vec<u8>)> {
        vec![
            (Coding::Gzip, gzip(bytes)),
            (Coding::Brotli, BROTLI.to_vec()),
            (Coding::Zstd, zstd::stream::encode_all(bytes, 0).unwrap()),
        ]
    }

    fn unpack(coding: Coding, bytes: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::new(coding)?.unwrap();
        let mut unpacked = Vec::new();
        let mut taken = |decoder: &mut Decoder| {
            while let Some(piece) = decoder.take()? {
                assert!(!piece.is_empty() && piece.len() <= PIECE);
                unpacked.extend_from_slice(&piece);
            }
            Ok::<_, io::Error>(())
        };
        for part in bytes.chunks(step) {
            decoder.give(Bytes::copy_from_slice(part));
            taken(&mut decoder)?;
        }
        decoder.end();
        taken(&mut decoder)?;
        Ok(unpacked)
    }

    #[test]
    fn what_was_packed_comes_out_again_however_it_is_cut() {
        for (coding, bytes) in packed(b"hello") {
            for step in [1, 2, 100] {
                let unpacked = unpack(coding, &bytes, step).unwrap();
                assert_eq!(unpacked, b"hello", "{coding:?} by {step}");
            }
        }
    }

    #[test]
    fn much_in_little_comes_in_pieces() {
        let zeros = vec![0; 10 << 20];
        for (coding, bytes) in packed(&zeros).into_iter().filter(|it| it.0 != Coding::Brotli) {
            for step in [10, usize::MAX] {
                assert_eq!(unpack(coding, &bytes, step).unwrap(), zeros, "{coding:?} by {step}");
            }
        }
    }

    #[test]
    fn a_short_a_long_and_a_spoilt_body_are_refused() {
        for (coding, bytes) in packed(b"hello") {
            for cut in 1..bytes.len() {
                assert!(unpack(coding, &bytes[..cut], 3).is_err(), "{coding:?} cut at {cut}");
            }
            let long = [&bytes[..], b"more"].concat();
            for step in [1, 3, 99] {
                assert!(unpack(coding, &long, step).is_err(), "{coding:?}, more behind, by {step}");
            }
        }
    }
}
