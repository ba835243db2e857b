//! The headers of zip. Sizes and checksums are known when an entry is written, so they stand before
//! its data, and nothing is sought back to or described afterwards.
//!
//! Fields of 32 bits that are too small hold all ones, and the number stands in a field of 64 bits;
//! so all ones is itself a number that needs the larger field.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::SpooledTempFile;

use crate::clock::dos;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Names are in UTF-8.
const FLAGS: u16 = 1 << 11;
const MADE_ON_UNIX: u16 = 3 << 8;
const PLAIN: u16 = 20;
const LARGE: u16 = 45;

const FULL: u32 = u32::MAX;

/// The central directory lies in memory up to here, then on disk.
const IN_MEMORY: usize = 4 << 20;

/// What both headers of an entry say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) name: &'a str,
    pub(crate) deflated: bool,
    pub(crate) crc: u32,
    /// Length of the data in the archive, and of the body.
    pub(crate) stored: u64,
    pub(crate) size: u64,
    /// Where the local header begins.
    pub(crate) offset: u64,
    /// Seconds since 1970.
    pub(crate) modified: i64,
}

impl Record<'_> {
    /// The header that stands before the data.
    pub(crate) fn local(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if self.is_large() {
            field(&mut extra, 0x0001, &[&le64(self.size), &le64(self.stored)]);
        }
        self.time(&mut extra);
        let mut out = Vec::with_capacity(30 + self.name.len() + extra.len());
        out.extend(b"PK\x03\x04");
        self.common(&mut out, self.is_large(), &extra);
        out.extend(self.name.as_bytes());
        out.extend(extra);
        out
    }

    /// The header in the central directory.
    fn central(&self) -> Vec<u8> {
        let is_far = self.offset >= u64::from(FULL);
        let mut large = Vec::new();
        if self.is_large() {
            large.extend(le64(self.size));
            large.extend(le64(self.stored));
        }
        if is_far {
            large.extend(le64(self.offset));
        }
        let mut extra = Vec::new();
        if !large.is_empty() {
            field(&mut extra, 0x0001, &[&large]);
        }
        self.time(&mut extra);
        let needs_large = self.is_large() || is_far;
        let mut out = Vec::with_capacity(46 + self.name.len() + extra.len());
        out.extend(b"PK\x01\x02");
        out.extend((MADE_ON_UNIX | if needs_large { LARGE } else { PLAIN }).to_le_bytes());
        self.common(&mut out, needs_large, &extra);
        out.extend([0; 6]); // no comment, on the first disk, binary
        out.extend((0o100_644_u32 << 16).to_le_bytes());
        out.extend(low32(self.offset).to_le_bytes());
        out.extend(self.name.as_bytes());
        out.extend(extra);
        out
    }

    /// From the version needed to the length of the extra fields: the same in both.
    fn common(&self, out: &mut Vec<u8>, needs_large: bool, extra: &[u8]) {
        out.extend(if needs_large { LARGE } else { PLAIN }.to_le_bytes());
        out.extend(FLAGS.to_le_bytes());
        out.extend(if self.deflated { DEFLATED } else { STORED }.to_le_bytes());
        out.extend(dos(self.modified).to_le_bytes());
        out.extend(self.crc.to_le_bytes());
        let [stored, size] =
            if self.is_large() { [FULL; 2] } else { [self.stored, self.size].map(low32) };
        out.extend(stored.to_le_bytes());
        out.extend(size.to_le_bytes());
        let lengths = [self.name.len(), extra.len()];
        out.extend(lengths.map(|n| u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes()).concat());
    }

    fn is_large(&self) -> bool {
        self.size >= u64::from(FULL) || self.stored >= u64::from(FULL)
    }

    /// The time in UTC, which the other field leaves open.
    fn time(&self, extra: &mut Vec<u8>) {
        if let Ok(seconds) = i32::try_from(self.modified) {
            field(extra, 0x5455, &[&[1], &seconds.to_le_bytes()]);
        }
    }
}

/// The directory at the end of the archive, as it grows.
#[derive(Debug)]
pub(crate) struct Central {
    records: SpooledTempFile,
    count: u64,
    length: u64,
}

impl Central {
    /// Beyond a few megabytes it lies in a file without a name in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let records = tempfile::spooled_tempfile_in(IN_MEMORY, folder);
        Self { records, count: 0, length: 0 }
    }

    pub(crate) fn push(&mut self, record: &Record<'_>) -> io::Result<()> {
        let bytes = record.central();
        self.count += 1;
        self.length += bytes.len() as u64;
        self.records.write_all(&bytes)
    }

    /// Hands out the directory from its beginning, which is to stand at `offset`, and what comes
    /// after it.
    pub(crate) fn end(&mut self, offset: u64) -> io::Result<(impl Read, Vec<u8>)> {
        self.records.seek(SeekFrom::Start(0))?;
        Ok((&mut self.records, end_records(self.count, self.length, offset)))
    }
}

fn end_records(count: u64, length: u64, offset: u64) -> Vec<u8> {
    let mut out = Vec::new();
    if count >= 0xffff || length >= u64::from(FULL) || offset >= u64::from(FULL) {
        out.extend(b"PK\x06\x06");
        out.extend(le64(44)); // of what follows
        out.extend((MADE_ON_UNIX | LARGE).to_le_bytes());
        out.extend(LARGE.to_le_bytes());
        out.extend([0; 8]); // on the first disk, as everything
        out.extend([count, count, length, offset].map(le64).concat());
        out.extend(b"PK\x06\x07");
        out.extend([0; 4]);
        out.extend(le64(offset + length));
        out.extend(1_u32.to_le_bytes());
    }
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    out.extend([count, count].map(u16::to_le_bytes).concat());
    out.extend([length, offset].map(|n| low32(n).to_le_bytes()).concat());
    out.extend([0; 2]);
    out
}

fn field(extra: &mut Vec<u8>, id: u16, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    extra.extend(id.to_le_bytes());
    extra.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    parts.iter().for_each(|part| extra.extend(*part));
}

fn low32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(FULL)
}

fn le64(number: u64) -> [u8; 8] {
    number.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(size: u64, stored: u64, offset: u64) -> Record<'static> {
        Record { name: "a", deflated: true, crc: 1, stored, size, offset, modified: 0 }
    }

    fn versions(record: &Record<'_>) -> [u8; 2] {
        [record.local()[4], record.central()[6]]
    }

    #[test]
    fn large_fields_come_in_exactly_where_small_ones_end() {
        let edge = u64::from(FULL);
        assert_eq!(versions(&record(edge - 1, 5, edge - 1)), [20, 20]);
        assert_eq!(versions(&record(edge, 5, 0)), [45, 45]);
        assert_eq!(versions(&record(5, edge, 0)), [45, 45]);
        assert_eq!(versions(&record(5, 5, edge)), [20, 45], "the local header has no offset");
    }

    #[test]
    fn the_end_is_a_large_one_exactly_where_it_must_be() {
        let is_large = |count, length, offset| end_records(count, length, offset).len() > 22;
        assert!(!is_large(65_534, 1, 1));
        assert!(is_large(65_535, 1, 1));
        let edge = u64::from(FULL);
        assert!(!is_large(1, edge - 1, edge - 1));
        assert!(is_large(1, edge, 1) && is_large(1, 1, edge));
    }
}
