//! The file that an archive becomes, and the two beside it while it is made.
//!
//! Rules:
//! 1. The archive is written to `.NAME.codap-part`, and what is in it noted in `.NAME.codap-journal`.
//!    The target is not touched before the archive is complete and on disk; then the part is renamed
//!    to it. So under the name of the target there is the old file or the whole new one.
//! 2. Who writes holds a lock on the part, from before its first change until after the rename. A part
//!    that could be locked is ours only if it still has that name: the run before may have renamed it.
//! 3. A journal without a part says nothing, and is removed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind};
use crate::system;

#[derive(Debug)]
pub(crate) struct Target {
    path: PathBuf,
    folder: PathBuf,
    part: PathBuf,
    journal: PathBuf,
    /// Holds the lock.
    locked: File,
    /// What the old file allowed to whom.
    permissions: Option<Permissions>,
}

impl Target {
    /// Locks the part, which may be new and empty, or left by an earlier run.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let permissions = replaceable(path)?;
        let name = path.file_name().ok_or_else(|| refused(path, "names no file"))?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let beside = |suffix: &str| {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(suffix);
            folder.join(hidden)
        };
        let (part, journal) = (beside(".codap-part"), beside(".codap-journal"));
        let locked = lock(path, &part)?;
        if let Some(permissions) = permissions.clone() {
            let set = locked.set_permissions(permissions);
            set.map_err(|e| Error::disk(format!("cannot set the mode of {}", part.display()), e))?;
        }
        Ok(Self { path: path.to_owned(), folder, part, journal, locked, permissions })
    }

    pub(crate) fn part(&self) -> &Path {
        &self.part
    }

    pub(crate) fn journal(&self) -> &Path {
        &self.journal
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The part, to read and to write.
    pub(crate) fn file(&self) -> Result<File, Error> {
        self.locked.try_clone().map_err(|e| self.trouble("open", e))
    }

    /// Puts the part, which is complete, in the place of the target.
    pub(crate) fn install(&self) -> Result<(), Error> {
        self.locked.sync_all().map_err(|e| self.trouble("sync", e))?;
        // What has come there in the meantime is looked at again.
        let permissions = replaceable(&self.path)?;
        if let Some(permissions) = permissions.filter(|p| Some(p) != self.permissions.as_ref()) {
            self.locked
                .set_permissions(permissions)
                .map_err(|e| self.trouble("set the mode of", e))?;
        }
        fs::rename(&self.part, &self.path).map_err(|e| {
            let (part, path) = (self.part.display(), self.path.display());
            Error::disk(format!("cannot rename {part} to {path}"), e)
        })?;
        system::sync_folder(&self.folder).map_err(|e| {
            let (path, folder) = (self.path.display(), self.folder.display());
            Error::disk(format!("{path} is in place, but cannot sync its folder {folder}"), e)
        })?;
        // It says nothing without its part, and the next run would remove it.
        let _ = fs::remove_file(&self.journal);
        Ok(())
    }

    /// Removes what is beside the target.
    pub(crate) fn remove(self) {
        // Whatever cannot be removed is taken over by the next run.
        let _ = fs::remove_file(&self.journal);
        let _ = fs::remove_file(&self.part);
    }

    fn trouble(&self, verb: &str, cause: io::Error) -> Error {
        Error::disk(format!("cannot {verb} {}", self.part.display()), cause)
    }
}

/// Whether an archive may take the place of what is at `path`, and what that allows to whom.
fn replaceable(path: &Path) -> Result<Option<Permissions>, Error> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::disk(format!("cannot look at {}", path.display()), e)),
    };
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() => Ok(Some(metadata.permissions())),
        () if kind.is_dir() => Err(refused(path, "is a folder: name a file in it")),
        () if kind.is_symlink() => {
            let to = fs::read_link(path).unwrap_or_default();
            Err(refused(path, &format!("is a symbolic link: name {} itself", to.display())))
        }
        () => Err(refused(path, "is a pipe or a device: write to stdout and redirect it there")),
    }
}

fn refused(path: &Path, why: &str) -> Error {
    Error::new(Kind::Refused, format!("{} {why}", path.display()))
}

fn lock(path: &Path, part: &Path) -> Result<File, Error> {
    let found = fs::symlink_metadata(part);
    if found.is_ok_and(|found| !found.is_file()) {
        return Err(refused(part, "is in the way, and no file: remove it"));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    system::claim(&mut options, part).map_err(|e| {
        if system::is_claimed(&e) {
            let told = format!("another run writes to {}: wait for it", path.display());
            return Error::new(Kind::Locked, told);
        }
        Error::disk(format!("cannot open {}", part.display()), e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_to_one_target_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.zip");
        let first = Target::open(&path).unwrap();
        assert!(Target::open(&path).unwrap_err().is_locked());
        first.install().unwrap();
        assert!(path.is_file());
        Target::open(&path).unwrap().remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the target is left");
    }
}
