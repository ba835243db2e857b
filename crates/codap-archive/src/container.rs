//! Entries, one after the other, as each format has them.

use std::io::Read;

use crate::error::Error;
use crate::journal::Stream;
use crate::sealed::{Data, Sealed};
use crate::shared::Shared;
use crate::sink::Sink;
use crate::squeeze::Squeeze;
use crate::tar;
use crate::zip::{Central, Record};

#[derive(Debug)]
pub(crate) enum Container {
    Zip(Central),
    Tar,
    Squeezed(Squeeze),
}

impl Container {
    /// What stands before the first entry.
    pub(crate) fn begin(&self, sink: &mut Sink) -> Result<(), Error> {
        match self {
            Self::Squeezed(squeeze) => squeeze.begin(sink),
            Self::Zip(_) | Self::Tar => Ok(()),
        }
    }

    /// Writes an entry whole; between its pieces looks whether the archive has been given up.
    pub(crate) fn append(
        &mut self,
        sink: &mut Sink,
        entry: &Sealed,
        shared: &Shared,
    ) -> Result<(), Error> {
        let facts = &entry.facts;
        let record = Record {
            name: &facts.name,
            deflated: entry.deflated,
            crc: entry.crc,
            stored: entry.data.len(),
            size: entry.size,
            offset: sink.position(),
            modified: facts.modified,
        };
        match self {
            Self::Zip(_) => sink.write(&record.local())?,
            Self::Tar | Self::Squeezed(_) => {
                self.write(sink, &tar::header(&facts.name, entry.size, facts.modified))?;
            }
        }
        match &entry.data {
            Data::Memory(bytes, _) => self.write(sink, bytes)?,
            Data::Disk(spill, segments) => {
                let mut buffer = Vec::new();
                for &segment in segments {
                    shared.check()?;
                    spill.read(segment, &mut buffer)?;
                    self.write(sink, &buffer)?;
                }
            }
        }
        match self {
            Self::Zip(central) => central.push(&record).map_err(directory),
            Self::Tar | Self::Squeezed(_) => {
                self.write(sink, &tar::END[..tar::padding(entry.size)])
            }
        }
    }

    /// Notes the entries in `records`, as soon as what they are is in the archive.
    pub(crate) fn checkpoint(&mut self, sink: &mut Sink, records: Vec<u8>) -> Result<(), Error> {
        match self {
            Self::Squeezed(squeeze) => squeeze.checkpoint(sink, records),
            Self::Zip(_) | Self::Tar => sink.checkpoint(records, Stream::default()),
        }
    }

    /// Puts into the archive what has become ready in the meantime.
    pub(crate) fn settle(&mut self, sink: &mut Sink) -> Result<(), Error> {
        match self {
            Self::Squeezed(squeeze) => squeeze.drain(sink, usize::MAX),
            Self::Zip(_) | Self::Tar => Ok(()),
        }
    }

    /// What stands after the last entry.
    pub(crate) fn end(&mut self, sink: &mut Sink) -> Result<(), Error> {
        match self {
            Self::Zip(central) => {
                let (mut records, end) = central.end(sink.position()).map_err(directory)?;
                let mut buffer = vec![0; 64 << 10];
                loop {
                    match records.read(&mut buffer).map_err(directory)? {
                        0 => break,
                        read => sink.write(&buffer[..read])?,
                    }
                }
                sink.write(&end)
            }
            Self::Tar => sink.write(&tar::END),
            Self::Squeezed(squeeze) => {
                squeeze.write(sink, &tar::END)?;
                squeeze.end(sink)
            }
        }
    }

    /// Data that goes into a tar is compressed on the way; that of a zip has been before.
    fn write(&mut self, sink: &mut Sink, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Squeezed(squeeze) => squeeze.write(sink, bytes),
            Self::Zip(_) | Self::Tar => sink.write(bytes),
        }
    }
}

fn directory(cause: std::io::Error) -> Error {
    Error::disk("cannot keep the directory of the archive", cause)
}
