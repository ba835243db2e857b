//! Content codings, made as they are sent.
//!
//! Bodies are stored, not squeezed: decoders do not care, and the coded length is known before the
//! first byte. Zeros are squeezed as far as the format goes, so a gigabyte of them is a bomb.

use std::ops::Range;
use std::sync::OnceLock;

use flate2::{Compress, Compression, Crc, FlushCompress};
use serde::{Deserialize, Serialize};

use crate::content::Content;

/// A content coding, named as in a script file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Coding {
    /// `gzip`: 1 GiB of zeros is about 1 MiB.
    Gzip,
    /// `zstd`: 1 GiB of zeros is 32 KiB.
    Zstd,
    /// `br`: 1 GiB of zeros is 13 KiB.
    Br,
}

/// How many zeros go into one block.
const UNIT: u64 = 1 << 20;
/// The Brotli meta-block of one unit of zeros at the start of a stream, and after another.
const BR_FIRST: [u8; 14] =
    [0xAB, 0xFF, 0xFF, 0x07, 0x40, 0x02, 0x20, 0x1E, 0x0B, 0x24, 0xF7, 0xFE, 0xC1, 0x00];
const BR_NEXT: [u8; 13] =
    [0xFA, 0xFF, 0x7F, 0x00, 0x24, 0x00, 0xE2, 0xB0, 0x00, 0x74, 0xEF, 0x1F, 0x0C];

impl Coding {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Br => "br",
        }
    }

    /// How many bytes of the body the next block takes.
    fn block(self, content: &Content<'_>, left: u64) -> u64 {
        let zeros = matches!(content, Content::Zeros { .. });
        match self {
            Self::Gzip if zeros => left.min(UNIT),
            Self::Br if zeros && left >= UNIT => UNIT,
            Self::Gzip => left.min(0xFFFF),
            Self::Zstd => left.min(1 << 17),
            Self::Br => left.min(1 << 16),
        }
    }

    fn block_len(self, content: &Content<'_>, block: u64, first: bool) -> u64 {
        let zeros = matches!(content, Content::Zeros { .. });
        match self {
            Self::Gzip if zeros && block == UNIT => unit().bytes.len() as u64,
            Self::Gzip if zeros => Squeezed::new(block).bytes.len() as u64,
            Self::Gzip => 5 + block,
            Self::Zstd if zeros => 4,
            Self::Br if zeros && block == UNIT && first => BR_FIRST.len() as u64,
            Self::Br if zeros && block == UNIT => BR_NEXT.len() as u64,
            Self::Zstd | Self::Br => 3 + block,
        }
    }
}

/// What is sent for a body: a stretch of it as it is, or of its coded form.
pub(crate) enum Payload<'a> {
    Plain { content: Content<'a>, range: Range<u64> },
    Coded { coder: Coder<'a>, skip: u64, left: u64 },
}

/// How much is made at a time.
const STRETCH: u64 = 1 << 16;

impl<'a> Payload<'a> {
    pub(crate) fn new(content: Content<'a>, coding: Option<Coding>) -> Self {
        let range = 0..content.len();
        match coding {
            None => Self::Plain { content, range },
            Some(coding) => {
                let coder = Coder::new(content, coding);
                let left = coder.len();
                Self::Coded { coder, skip: 0, left }
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Plain { range, .. } => range.end - range.start,
            Self::Coded { left, .. } => *left,
        }
    }

    /// Leaves only `part`, which lies within the length.
    pub(crate) fn narrow(&mut self, part: Range<u64>) {
        match self {
            Self::Plain { range, .. } => *range = part,
            Self::Coded { skip, left, .. } => {
                *skip = part.start;
                *left = part.end - part.start;
            }
        }
    }

    /// Puts the next bytes into `to`, which is emptied first; false at the end.
    pub(crate) fn next(&mut self, to: &mut Vec<u8>) -> bool {
        to.clear();
        match self {
            Self::Plain { content, range } => {
                let next = range.start..range.end.min(range.start + STRETCH);
                range.start = next.end;
                content.fill(next, to);
            }
            Self::Coded { coder, skip, left } => {
                while to.is_empty() && *left > 0 && coder.next(to) {
                    let length = to.len() as u64;
                    let from = length.min(*skip);
                    *skip -= from;
                    let until = length.min(from + *left);
                    *left -= until - from;
                    to.truncate(usize::try_from(until).unwrap_or(usize::MAX));
                    to.drain(..usize::try_from(from).unwrap_or(usize::MAX).min(to.len()));
                }
            }
        }
        !to.is_empty()
    }
}

/// A coded body, block by block.
pub(crate) struct Coder<'a> {
    content: Content<'a>,
    coding: Coding,
    at: u64,
    stage: Stage,
    crc: Crc,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Blocks,
    Done,
}

impl<'a> Coder<'a> {
    fn new(content: Content<'a>, coding: Coding) -> Self {
        Self { content, coding, at: 0, stage: Stage::Head, crc: Crc::new() }
    }

    fn len(&self) -> u64 {
        let frame = match self.coding {
            Coding::Gzip => 10 + 5 + 8,
            Coding::Zstd => 6 + 3,
            Coding::Br => 1,
        };
        let (mut at, mut sum) = (0, frame);
        while at < self.content.len() {
            let block = self.coding.block(&self.content, self.content.len() - at);
            sum += self.coding.block_len(&self.content, block, at == 0);
            at += block;
        }
        sum
    }

    /// Appends what comes next, which may be nothing; false at the end.
    fn next(&mut self, to: &mut Vec<u8>) -> bool {
        match self.stage {
            Stage::Done => return false,
            Stage::Head => {
                self.head(to);
                self.stage = Stage::Blocks;
            }
            Stage::Blocks if self.at == self.content.len() => {
                self.tail(to);
                self.stage = Stage::Done;
            }
            Stage::Blocks => {
                let block = self.coding.block(&self.content, self.content.len() - self.at);
                self.put(block, to);
                self.at += block;
            }
        }
        true
    }

    fn head(&self, to: &mut Vec<u8>) {
        match self.coding {
            Coding::Gzip => to.extend([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]),
            // A window of 128 KiB, no content size, no checksum.
            Coding::Zstd => to.extend([0x28, 0xB5, 0x2F, 0xFD, 0, 0x38]),
            // The window's bits share a byte with the first block.
            Coding::Br => {}
        }
    }

    fn put(&mut self, block: u64, to: &mut Vec<u8>) {
        let zeros = matches!(self.content, Content::Zeros { .. });
        match self.coding {
            Coding::Gzip if zeros => {
                let made;
                let zeros = if block == UNIT {
                    unit()
                } else {
                    made = Squeezed::new(block);
                    &made
                };
                to.extend(&zeros.bytes);
                self.crc.combine(&zeros.crc);
            }
            Coding::Gzip => {
                let length = u16::try_from(block).unwrap_or(u16::MAX);
                to.push(0);
                to.extend(length.to_le_bytes());
                to.extend((!length).to_le_bytes());
                let from = to.len();
                self.stored(block, to);
                self.crc.update(&to[from..]);
            }
            Coding::Zstd => {
                let kind = u64::from(zeros);
                to.extend(&(block << 3 | kind << 1).to_le_bytes()[..3]);
                if zeros {
                    to.push(0);
                } else {
                    self.stored(block, to);
                }
            }
            Coding::Br if zeros && block == UNIT => {
                let unit: &[u8] = if self.at == 0 { &BR_FIRST } else { &BR_NEXT };
                to.extend(unit);
            }
            Coding::Br => {
                // Not the last, four nibbles of length, stored; ahead of the first block one bit
                // for a window of 64 KiB.
                let header = (block - 1) << 3 | 1 << 19;
                let header = if self.at == 0 { header << 1 } else { header };
                to.extend(&header.to_le_bytes()[..3]);
                self.stored(block, to);
            }
        }
    }

    fn stored(&self, block: u64, to: &mut Vec<u8>) {
        self.content.fill(self.at..self.at + block, to);
    }

    fn tail(&self, to: &mut Vec<u8>) {
        match self.coding {
            Coding::Gzip => {
                to.extend([1, 0, 0, 0xFF, 0xFF]);
                to.extend(self.crc.sum().to_le_bytes());
                to.extend(&self.content.len().to_le_bytes()[..4]);
            }
            Coding::Zstd => to.extend([1, 0, 0]),
            Coding::Br if self.at == 0 => to.push(0b110),
            Coding::Br => to.push(0b11),
        }
    }
}

/// Zeros, at most a unit, as deflate blocks that end at a byte and look back at nothing.
struct Squeezed {
    bytes: Vec<u8>,
    crc: Crc,
}

impl Squeezed {
    fn new(zeros: u64) -> Self {
        let zeros = vec![0; usize::try_from(zeros).unwrap_or_default()];
        let mut bytes = Vec::with_capacity(4096);
        let mut deflate = Compress::new(Compression::best(), false);
        deflate
            .compress_vec(&zeros, &mut bytes, FlushCompress::Full)
            .expect("zeros can be compressed");
        assert_eq!(deflate.total_in(), zeros.len() as u64, "a unit of zeros fits into 4 KiB");
        let mut crc = Crc::new();
        crc.update(&zeros);
        Self { bytes, crc }
    }
}

fn unit() -> &'static Squeezed {
    static UNIT_OF_ZEROS: OnceLock<Squeezed> = OnceLock::new();
    UNIT_OF_ZEROS.get_or_init(|| Squeezed::new(UNIT))
}
