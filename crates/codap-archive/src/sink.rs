//! Where the bytes of an archive go, and the notes of a file.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use crate::error::Error;
use crate::journal::{Checkpoint, Journal, Record, Stream};
use crate::parts::Cutter;
use crate::syncer::Syncer;

/// What comes in smaller portions is gathered up to here.
const BUFFER: usize = 256 << 10;

pub(crate) enum To {
    File(PartFile),
    Stream(Box<dyn Write + Send>),
    Parts(Cutter),
}

/// A part file with its journal.
#[derive(Debug)]
pub(crate) struct PartFile {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) journal: Journal,
    syncer: Syncer,
}

impl PartFile {
    /// Both files stand where they are to be continued.
    pub(crate) fn new(file: File, path: PathBuf, journal: Journal) -> Self {
        Self { file, path, journal, syncer: Syncer::new() }
    }
}

#[derive(Debug)]
pub(crate) struct Sink {
    to: To,
    buffer: Vec<u8>,
    position: u64,
    /// Of what has come since the last checkpoint.
    crc: crc32fast::Hasher,
}

impl Sink {
    /// The archive is `position` bytes long already.
    pub(crate) fn new(to: To, position: u64) -> Self {
        Self { to, buffer: Vec::with_capacity(BUFFER), position, crc: crc32fast::Hasher::new() }
    }

    /// How long the archive is.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.position += bytes.len() as u64;
        if let To::File(_) = self.to {
            self.crc.update(bytes);
        }
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
            if bytes.len() >= BUFFER {
                return self.to.write(bytes);
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Notes that the entries in `records` are in the archive up to here. `stream` is what has gone
    /// into a compressed tar by now.
    pub(crate) fn checkpoint(&mut self, mut records: Vec<u8>, stream: Stream) -> Result<(), Error> {
        self.flush()?;
        let position = self.position;
        let To::File(part) = &mut self.to else { return Ok(()) };
        let crc = std::mem::take(&mut self.crc).finalize();
        Record::Checkpoint(Checkpoint { position, crc, stream }).write(&mut records);
        part.journal.append(&records)?;
        part.syncer.sync_now_and_then(position, (&part.file, &part.path), &part.journal)
    }

    /// Whether there is a journal.
    pub(crate) fn takes_notes(&self) -> bool {
        matches!(self.to, To::File(_))
    }

    /// The archive is complete.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.flush()?;
        match &mut self.to {
            To::File(part) => part.syncer.wait(&part.path),
            To::Stream(stream) => {
                stream.flush().map_err(|e| Error::disk("cannot write the archive", e))
            }
            To::Parts(cutter) => cutter.end(),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if !self.buffer.is_empty() {
            self.to.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

impl To {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::File(part) => part
                .file
                .write_all(bytes)
                .map_err(|e| Error::disk(format!("cannot write {}", part.path.display()), e)),
            Self::Stream(stream) => {
                stream.write_all(bytes).map_err(|e| Error::disk("cannot write the archive", e))
            }
            Self::Parts(cutter) => cutter.write(bytes),
        }
    }
}

impl fmt::Debug for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(_) => "File",
            Self::Stream(_) => "Stream",
            Self::Parts(_) => "Parts",
        })
    }
}
