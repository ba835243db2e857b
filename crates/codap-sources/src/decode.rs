//! Unpacking a body while it comes, into no more memory than allowed.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::MultiGzDecoder;
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

/// What is asked for: `Accept-Encoding`.
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

/// Why bytes were not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    TooLarge,
    Malformed(io::Error),
}

/// A body being unpacked.
pub(crate) enum Decoder {
    Identity(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
    Brotli(Box<DecompressorWriter<Sink>>),
    Zstd(Box<zio::Writer<Sink, Zstd<'static>>>),
}

const BROTLI_BUFFER: usize = 16 << 10;

/// RFC 9659: a `zstd` body needs no larger window than 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

impl Decoder {
    /// For a body of at most `max` bytes, unpacked, `expected` of them as it seems.
    pub(crate) fn new(coding: Coding, max: u64, expected: u64) -> io::Result<Self> {
        let sink = Sink::new(max, expected);
        Ok(match coding {
            Coding::Identity => Self::Identity(sink),
            Coding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(sink))),
            Coding::Brotli => Self::Brotli(Box::new(DecompressorWriter::new(sink, BROTLI_BUFFER))),
            Coding::Zstd => {
                let mut zstd = Zstd::new()?;
                zstd.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
                Self::Zstd(Box::new(zio::Writer::new(sink, zstd)))
            }
        })
    }

    /// Takes bytes as they were sent.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let written = match self {
            Self::Identity(it) => it.write_all(bytes),
            Self::Gzip(it) => it.write_all(bytes),
            Self::Brotli(it) => it.write_all(bytes),
            Self::Zstd(it) => it.write_all(bytes),
        };
        written.map_err(|error| self.refused(error))
    }

    /// All there is, once the packing says that this is all.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, Refused> {
        let finished = match &mut self {
            Self::Identity(_) => Ok(()),
            Self::Gzip(it) => it.try_finish(),
            Self::Brotli(it) => it.close(),
            Self::Zstd(it) => it.finish(),
        };
        match finished {
            Ok(()) => Ok(std::mem::take(&mut self.sink().bytes)),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn refused(&mut self, error: io::Error) -> Refused {
        if self.sink().is_over { Refused::TooLarge } else { Refused::Malformed(error) }
    }

    fn sink(&mut self) -> &mut Sink {
        match self {
            Self::Identity(it) => it,
            Self::Gzip(it) => it.get_mut(),
            Self::Brotli(it) => it.get_mut(),
            Self::Zstd(it) => it.writer_mut(),
        }
    }
}

/// Memory with a bound.
pub(crate) struct Sink {
    bytes: Vec<u8>,
    max: usize,
    is_over: bool,
}

/// Nobody's word about a length is taken for more memory than this ahead of the bytes.
const AHEAD: u64 = 1 << 20;

impl Sink {
    fn new(max: u64, expected: u64) -> Self {
        let ahead = usize::try_from(expected.min(AHEAD).min(max)).unwrap_or(0);
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self { bytes: Vec::with_capacity(ahead), max, is_over: false }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = self.bytes.len().saturating_add(bytes.len());
        if size > self.max {
            self.is_over = true;
            return Err(io::Error::other("larger than allowed"));
        }
        if size > self.bytes.capacity() {
            // As a vector grows by itself, but never beyond what is allowed.
            let room = self.bytes.capacity().saturating_mul(2).max(size).min(self.max);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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

    fn unpack(coding: Coding, bytes: &[u8], step: usize, max: u64) -> Result<Vec<u8>, Refused> {
        let mut decoder = Decoder::new(coding, max, 0).unwrap();
        for part in bytes.chunks(step) {
            decoder.write(part)?;
        }
        decoder.finish()
    }

    #[test]
    fn what_was_packed_comes_out_again_however_it_is_cut() {
        for (coding, bytes) in packed(b"hello") {
            for step in [1, 2, 100] {
                let unpacked = unpack(coding, &bytes, step, 5).unwrap();
                assert_eq!(unpacked, b"hello", "{coding:?} by {step}");
            }
        }
    }

    #[test]
    fn a_short_a_long_and_a_spoilt_body_are_refused() {
        for (coding, bytes) in packed(b"hello") {
            for cut in 1..bytes.len() {
                assert!(unpack(coding, &bytes[..cut], 3, 9).is_err(), "{coding:?} cut at {cut}");
            }
            let long = [&bytes[..], b"more"].concat();
            assert!(unpack(coding, &long, 3, 99).is_err(), "{coding:?} with more behind");
            assert!(matches!(unpack(coding, &bytes, 3, 4), Err(Refused::TooLarge)), "{coding:?}");
        }
    }

    #[test]
    fn memory_grows_no_further_than_allowed() {
        let mut sink = Sink::new(1000, u64::MAX);
        while sink.write(&[0; 7]).is_ok() {
            assert!(sink.bytes.capacity() <= 1000);
        }
        assert!(sink.is_over);
    }
}
