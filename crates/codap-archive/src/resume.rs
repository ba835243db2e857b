//! What an earlier run left, read again and held to its notes.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::error::{Error, Kind};
use crate::format::Format;
use crate::journal::{Checkpoint, Entry, Record, Records, Stream};
use crate::target::Target;
use crate::zip::{Central, Record as Zipped};

/// What an earlier run has finished: from [`Archive::resumed`](crate::Archive::resumed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Resumed {
    /// Entries that are in the archive and were confirmed.
    pub entries: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Bytes of the archive that were not confirmed: the end that was under way when the run before
    /// stopped, and all from the first change on if the file was altered since.
    pub dropped_bytes: u64,
    /// The archive differs from its notes: it was altered, or the disk lost something.
    pub altered: bool,
}

/// Where a run goes on.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) found: Resumed,
    pub(crate) position: u64,
    pub(crate) stream: Stream,
    pub(crate) journal: u64,
    pub(crate) marks: Marks,
}

/// What is finished, by its place in the list: 8 bytes each.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<u64>);

/// What stands for what is not finished, and for what has been asked for; no mark is one of these.
const NONE: u64 = 0;
const CLAIMED: u64 = 1;

impl Marks {
    fn insert(&mut self, index: u64, mark: u64) {
        let Ok(index) = usize::try_from(index) else { return };
        if self.0.len() <= index {
            self.0.resize(index + 1, NONE);
        }
        self.0[index] = mark;
    }

    /// Whether it is finished; an error if something else is in its place.
    pub(crate) fn claim(&mut self, index: u64, mark: u64) -> Result<bool, ()> {
        let slot = usize::try_from(index).ok().and_then(|index| self.0.get_mut(index));
        match slot {
            None | Some(&mut (NONE | CLAIMED)) => Ok(false),
            Some(found) if *found == mark => {
                *found = CLAIMED;
                Ok(true)
            }
            Some(_) => Err(()),
        }
    }

    /// How much is finished and was never asked for.
    pub(crate) fn unclaimed(&self) -> usize {
        self.0.iter().filter(|&&mark| mark > CLAIMED).count()
    }
}

/// The mark of an object: what it is fetched from, and its name.
pub(crate) fn mark(source: &str, name: &str) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(&(source.len() as u64).to_le_bytes());
    hasher.update(source.as_bytes());
    hasher.update(name.as_bytes());
    hasher.digest().max(CLAIMED + 1)
}

/// Reads the journal and the part, and cuts both after the last checkpoint that holds. `central` gets
/// the entries if the archive is a zip.
pub(crate) fn resume(
    format: Format,
    target: &Target,
    journal: &File,
    central: &mut Central,
) -> Result<State, Error> {
    let part = target.file()?;
    let part_trouble = |e| Error::disk(format!("cannot read {}", target.part().display()), e);
    let journal_trouble = |e| Error::disk(format!("cannot read {}", target.journal().display()), e);
    let length = part.metadata().map_err(part_trouble)?.len();
    let records = Records::of(format, BufReader::new(journal)).map_err(journal_trouble)?;
    let Some(mut records) = records else {
        let told = format!(
            "{} is not the journal of a {}: run without resuming to begin anew",
            target.journal().display(),
            format.extension()
        );
        return Err(Error::new(Kind::ListChanged, told));
    };
    let mut state = State {
        found: Resumed::default(),
        position: 0,
        stream: Stream::default(),
        journal: records.length,
        marks: Marks::default(),
    };
    let mut group = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    while let Some(record) = records.next().map_err(journal_trouble)? {
        match record {
            Record::Entry(entry) => group.push(entry),
            Record::Checkpoint(checkpoint) => {
                let confirmed = confirm(&part, state.position, &checkpoint, &mut buffer);
                if !confirmed.map_err(part_trouble)? {
                    state.found.altered = true;
                    break;
                }
                state.position = checkpoint.position;
                state.stream = checkpoint.stream;
                state.journal = records.length;
                for entry in group.drain(..) {
                    if format == Format::Zip {
                        central.push(&zipped(&entry)).map_err(part_trouble)?;
                    }
                    state.found.entries += 1;
                    state.found.bytes += entry.size;
                    state.marks.insert(entry.index, entry.mark);
                }
            }
        }
    }
    state.found.dropped_bytes = length.saturating_sub(state.position);
    part.set_len(state.position).map_err(part_trouble)?;
    journal.set_len(state.journal).map_err(journal_trouble)?;
    Ok(state)
}

/// Whether the part is, from `position` on, what the checkpoint says.
fn confirm(
    mut part: &File,
    position: u64,
    checkpoint: &Checkpoint,
    buffer: &mut [u8],
) -> io::Result<bool> {
    let Some(mut left) = checkpoint.position.checked_sub(position) else { return Ok(false) };
    part.seek(SeekFrom::Start(position))?;
    let mut hasher = crc32fast::Hasher::new();
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = part.read(&mut buffer[..most])?;
        if read == 0 {
            return Ok(false);
        }
        hasher.update(&buffer[..read]);
        left -= read as u64;
    }
    Ok(hasher.finalize() == checkpoint.crc)
}

fn zipped(entry: &Entry) -> Zipped<'_> {
    Zipped {
        name: &entry.name,
        deflated: entry.deflated,
        crc: entry.crc,
        stored: entry.stored,
        size: entry.size,
        offset: entry.offset,
        modified: entry.modified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_claimed_once_and_tell_another_list() {
        let mut marks = Marks::default();
        marks.insert(2, mark("https://host/2", "2"));
        assert_eq!(marks.claim(0, 7), Ok(false));
        assert_eq!(marks.claim(9, 7), Ok(false));
        assert_eq!(marks.claim(2, mark("https://host/2", "other")), Err(()));
        assert_eq!(marks.unclaimed(), 1);
        assert_eq!(marks.claim(2, mark("https://host/2", "2")), Ok(true));
        assert_eq!(marks.unclaimed(), 0);
    }

    #[test]
    fn a_mark_parts_source_and_name() {
        assert_ne!(mark("a", "b"), mark("ab", ""));
    }
}
