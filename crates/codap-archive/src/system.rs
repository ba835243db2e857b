//! What systems have different words for: a file that is one run's, places in a file, a folder on
//! disk.
//!
//! On Unix a run that waits for nobody may open the part of another before that one is renamed, so it
//! looks after it has the lock whether what it has locked still has that name. On Windows the second
//! cannot open it at all.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};

    use rustix::fs::{FlockOperation, OFlags, flock};

    use super::{File, OpenOptions, Path, io};

    pub(crate) fn claim(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        loop {
            let options = options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
            let file = options.open(path)?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            let ours = file.metadata()?;
            let there = fs::symlink_metadata(path);
            if there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                return Ok(file);
            }
        }
    }

    pub(crate) fn is_claimed(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::WouldBlock
    }

    pub(crate) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    pub(crate) fn read_exact_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
        file.read_exact_at(into, offset)
    }

    pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

#[cfg(windows)]
mod windows {
    use std::os::windows::fs::{FileExt, OpenOptionsExt};

    use super::{File, OpenOptions, Path, io};

    const FILE_SHARE_READ: u32 = 1;
    /// Without it, it could not be renamed while it is open.
    const FILE_SHARE_DELETE: u32 = 4;
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    const ERROR_SHARING_VIOLATION: i32 = 32;

    pub(crate) fn claim(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        let options = options.share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE);
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)
    }

    pub(crate) fn is_claimed(error: &io::Error) -> bool {
        error.raw_os_error() == Some(ERROR_SHARING_VIOLATION)
    }

    pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match file.seek_write(bytes, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => (bytes, at) = (&bytes[written..], at + written as u64),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    pub(crate) fn read_exact_at(file: &File, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
        while !into.is_empty() {
            match file.seek_read(into, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => (into, at) = (&mut into[read..], at + read as u64),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// A rename is the file system's business there; a folder cannot be synced.
    pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
pub(crate) use unix::{claim, is_claimed, read_exact_at, sync_folder, write_all_at};
#[cfg(windows)]
pub(crate) use windows::{claim, is_claimed, read_exact_at, sync_folder, write_all_at};
