//! Memory for bodies and pieces, which is the system's again as soon as it is dropped.
//!
//! An allocator keeps freed blocks of such sizes, on each thread's heap and in holes between others:
//! half as much again as is in use. So the large ones are mapped.

use std::io;
use std::ops::Deref;

use memmap2::MmapMut;

use crate::error::Error;

/// From here on a buffer is mapped: the allocator does not keep what is smaller for long, and mapping
/// costs nothing beside filling and compressing so much.
const MAPPED: usize = 128 << 10;

/// Bytes up to a capacity that was said at the beginning.
#[derive(Debug)]
pub(crate) enum Buffer {
    Small(Vec<u8>),
    Mapped(MmapMut, usize),
}

impl Buffer {
    /// An empty one; memory that is not written is not used.
    pub(crate) fn with_capacity(capacity: usize) -> Result<Self, Error> {
        if capacity < MAPPED {
            return Ok(Self::Small(Vec::with_capacity(capacity)));
        }
        Ok(Self::Mapped(map(capacity).map_err(|e| no_memory(capacity, e))?, 0))
    }

    /// A copy of `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, Error> {
        let mut buffer = Self::with_capacity(bytes.len())?;
        buffer.extend(bytes);
        Ok(buffer)
    }

    /// Appends bytes, of which there must not be more than the capacity allows.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        match self {
            Self::Small(vec) => vec.extend_from_slice(bytes),
            Self::Mapped(map, length) => {
                map[*length..*length + bytes.len()].copy_from_slice(bytes);
                *length += bytes.len();
            }
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Small(Vec::new())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Small(vec) => vec,
            Self::Mapped(map, length) => &map[..*length],
        }
    }
}

/// Zeros, which use memory as they are written.
pub(crate) fn map(length: usize) -> io::Result<MmapMut> {
    MmapMut::map_anon(length)
}

fn no_memory(length: usize, cause: io::Error) -> Error {
    Error::disk(format!("cannot get {length} bytes of memory"), cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_hold_what_they_are_given() {
        for capacity in [10, MAPPED] {
            let mut buffer = Buffer::with_capacity(capacity).unwrap();
            assert!(buffer.is_empty());
            buffer.extend(b"some");
            buffer.extend(b"bytes");
            assert_eq!(&*buffer, b"somebytes");
            assert_eq!(&*Buffer::of(&buffer).unwrap(), b"somebytes");
        }
    }
}
