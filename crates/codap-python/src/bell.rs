//! The end of a wake-up that any thread may ring, attached to the interpreter or not.
//!
//! 1. Who rings first adds its token, then turns `rung` on, and writes a byte only if it was off.
//! 2. Who hears first reads the bytes, then turns `rung` off, and only then takes the tokens.
//!
//! A token added before the turning-off is thus taken, and one added after it writes a byte anew:
//! none is lost, and at most one byte is on its way.

use std::io::{self, Write};
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::sync::lock;

/// Something new to ring for.
pub(crate) fn token() -> u64 {
    static TOKENS: AtomicU64 = AtomicU64::new(1);
    TOKENS.fetch_add(1, Ordering::Relaxed)
}

pub(crate) struct Bell {
    writer: UnixStream,
    rung: AtomicBool,
    tokens: Mutex<Vec<u64>>,
}

impl Bell {
    /// A bell, and the descriptor that it is heard by, which the caller owns.
    pub(crate) fn new() -> io::Result<(Self, RawFd)> {
        let (reader, writer) = UnixStream::pair()?;
        writer.set_nonblocking(true)?;
        let bell = Self { writer, rung: AtomicBool::new(false), tokens: Mutex::default() };
        Ok((bell, reader.into_raw_fd()))
    }

    /// Says that what `token` stands for has changed.
    pub(crate) fn ring(&self, token: u64) {
        lock(&self.tokens).push(token);
        self.sound();
    }

    /// Wakes whoever listens, to look for itself.
    pub(crate) fn sound(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // It cannot be full with one byte; a listener that is gone needs none.
            drop((&self.writer).write(&[0]));
        }
    }

    /// What was rung for. The bytes have been read before.
    pub(crate) fn heard(&self) -> Vec<u64> {
        self.rung.store(false, Ordering::Release);
        // An acquiring look at the flag is in the lock.
        std::mem::take(&mut lock(&self.tokens))
    }
}
