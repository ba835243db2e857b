//! What is in a part file: notes beside it, from which a later run goes on.
//!
//! Rules:
//! 1. It begins with what it is and the format of the archive. Then come records, each with its
//!    length before and a checksum after it.
//! 2. Entries count only if a checkpoint follows them. It says how long the archive is with all
//!    entries before it, and the checksum of what has come to it since the last checkpoint.
//! 3. The archive is written before its notes, so a checkpoint that is there tells of bytes that were
//!    written. That holds when the process is killed. For a machine that stops, the files are synced
//!    in this order now and then, beside the writing, so notes may be there before what they tell of;
//!    what the checksums do not confirm is written anew.
//! 4. The first record that is torn or makes no sense ends the journal, and so does the first
//!    checkpoint that the archive does not confirm.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use crate::error::Error;
use crate::format::Format;

const MAGIC: &[u8] = b"codap-journal-1\n";

/// No record is longer: a name has 64 KiB at most.
const LONGEST: usize = 128 << 10;

const ENTRY: u8 = b'E';
const CHECKPOINT: u8 = b'C';

/// Length before, checksum after.
const FRAME: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) index: u64,
    pub(crate) mark: u64,
    pub(crate) offset: u64,
    pub(crate) stored: u64,
    pub(crate) size: u64,
    pub(crate) crc: u32,
    pub(crate) modified: i64,
    pub(crate) deflated: bool,
    pub(crate) name: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Length of the archive.
    pub(crate) position: u64,
    /// Checksum of the archive since the last checkpoint.
    pub(crate) crc: u32,
    /// Of a compressed tar: the length and the checksum of the tar.
    pub(crate) stream: Stream,
}

/// How much has gone into a compressed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stream {
    pub(crate) length: u64,
    pub(crate) crc: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    Entry(Entry),
    Checkpoint(Checkpoint),
}

impl Record {
    /// Appends the record as it stands in the journal.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0; 4]);
        match self {
            Self::Entry(entry) => {
                out.push(ENTRY);
                let numbers = [entry.index, entry.mark, entry.offset, entry.stored, entry.size];
                out.extend(numbers.map(u64::to_le_bytes).concat());
                out.extend(entry.crc.to_le_bytes());
                out.extend(entry.modified.to_le_bytes());
                out.push(u8::from(entry.deflated));
                out.extend(entry.name.as_bytes());
            }
            Self::Checkpoint(checkpoint) => {
                out.push(CHECKPOINT);
                out.extend(checkpoint.position.to_le_bytes());
                out.extend(checkpoint.crc.to_le_bytes());
                out.extend(checkpoint.stream.length.to_le_bytes());
                out.extend(checkpoint.stream.crc.to_le_bytes());
            }
        }
        let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        let crc = crc32fast::hash(&out[start..]);
        out.extend(crc.to_le_bytes());
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let mut fields = Fields(body);
        match fields.array::<1>()? {
            [ENTRY] => Some(Self::Entry(Entry {
                index: fields.u64()?,
                mark: fields.u64()?,
                offset: fields.u64()?,
                stored: fields.u64()?,
                size: fields.u64()?,
                crc: fields.u32()?,
                modified: i64::from_le_bytes(fields.array()?),
                deflated: fields.array()? == [1],
                name: std::str::from_utf8(fields.0).ok()?.into(),
            })),
            [CHECKPOINT] => {
                let position = fields.u64()?;
                let crc = fields.u32()?;
                let stream = Stream { length: fields.u64()?, crc: fields.u32()? };
                fields.0.is_empty().then_some(Self::Checkpoint(Checkpoint {
                    position,
                    crc,
                    stream,
                }))
            }
            _ => None,
        }
    }
}

/// What has not been read of a record.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
}

/// What a journal begins with.
pub(crate) fn head(format: Format) -> Vec<u8> {
    [MAGIC, format.extension().as_bytes(), b"\n"].concat()
}

/// The records of a journal up to the first that is torn.
#[derive(Debug)]
pub(crate) struct Records<R> {
    from: R,
    /// How long the journal is up to the last record that was read.
    pub(crate) length: u64,
}

impl<R: Read> Records<R> {
    /// `None` if it does not begin as a journal of `format` does.
    pub(crate) fn of(format: Format, mut from: R) -> io::Result<Option<Self>> {
        let head = head(format);
        let mut found = Vec::new();
        (&mut from).take(head.len() as u64).read_to_end(&mut found)?;
        Ok((found == head).then_some(Self { from, length: head.len() as u64 }))
    }

    /// The next whole record.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record>> {
        let Some(length) = self.bytes(4)? else { return Ok(None) };
        let body = usize::try_from(u32::from_le_bytes(length[..].try_into().unwrap_or([0xff; 4])));
        let Some(body) = body.ok().filter(|&body| body <= LONGEST) else { return Ok(None) };
        let Some(rest) = self.bytes(body + 4)? else { return Ok(None) };
        let (body, crc) = rest.split_at(body);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&length);
        hasher.update(body);
        if hasher.finalize().to_le_bytes() != crc {
            return Ok(None);
        }
        let record = Record::parse(body);
        if record.is_some() {
            self.length += (FRAME + body.len()) as u64;
        }
        Ok(record)
    }

    fn bytes(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        (&mut self.from).take(count as u64).read_to_end(&mut bytes)?;
        Ok((bytes.len() == count).then_some(bytes))
    }
}

/// The file that notes are appended to.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// `file` stands at its end.
    pub(crate) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path }
    }

    pub(crate) fn append(&mut self, records: &[u8]) -> Result<(), Error> {
        self.file.write_all(records).map_err(|e| self.trouble("write", e))
    }

    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|e| self.trouble("sync", e))
    }

    /// The same file, for another thread.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, path: self.path.clone() })
    }

    fn trouble(&self, verb: &str, cause: io::Error) -> Error {
        Error::disk(format!("cannot {verb} {}", self.path.display()), cause)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(journal: &[u8]) -> Vec<Record> {
        let mut records = Records::of(Format::Zip, journal).unwrap().expect("a journal");
        std::iter::from_fn(|| records.next().unwrap()).collect()
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let entry = (any::<[u64; 5]>(), any::<u32>(), any::<i64>(), any::<bool>(), ".{0,40}");
        let entry = entry.prop_map(|(numbers, crc, modified, deflated, name)| {
            let [index, mark, offset, stored, size] = numbers;
            let name = name.into();
            Record::Entry(Entry {
                index,
                mark,
                offset,
                stored,
                size,
                crc,
                modified,
                deflated,
                name,
            })
        });
        let checkpoint =
            any::<([u64; 2], [u32; 2])>().prop_map(|([position, length], [crc, tar])| {
                let stream = Stream { length, crc: tar };
                Record::Checkpoint(Checkpoint { position, crc, stream })
            });
        prop_oneof![entry, checkpoint]
    }

    proptest! {
        #[test]
        fn records_come_back_as_they_were(records in prop::collection::vec(any_record(), 0..8)) {
            let mut journal = head(Format::Zip);
            records.iter().for_each(|record| record.write(&mut journal));
            prop_assert_eq!(read(&journal), records);
        }

        #[test]
        fn what_is_torn_or_altered_ends_it(
            records in prop::collection::vec(any_record(), 1..6),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let mut journal = head(Format::Zip);
            let start = journal.len();
            let mut ends = Vec::new();
            for record in &records {
                record.write(&mut journal);
                ends.push(journal.len());
            }
            let at = start + at.index(journal.len() - start);
            let whole = ends.iter().filter(|&&end| end <= at).count();
            prop_assert_eq!(read(&journal[..at]), &records[..whole], "cut at {}", at);
            journal[at] ^= flip;
            prop_assert_eq!(read(&journal), &records[..whole], "altered at {}", at);
        }

        #[test]
        fn anything_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&[head(Format::Zip), bytes].concat());
        }
    }

    #[test]
    fn another_format_is_told() {
        assert!(Records::of(Format::Tar, &head(Format::TarGz)[..]).unwrap().is_none());
    }
}
