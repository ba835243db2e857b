//! The files of a folder and of the folders in it.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Kind};
use crate::listed::Listed;
use crate::run::anywhere;
use crate::uri::{Uri, encoded};

/// So many files are found in one turn on a thread that may block.
const TURN: usize = 1_000;

/// A walk, in the order of the bytes of the files' paths. It is shared with the thread that goes on
/// with it, so that nothing is lost if nobody waits for that any more.
pub(crate) struct Folder(Arc<Mutex<Walk>>);

struct Walk {
    /// The folders that are being walked through, from the outermost in, each with what is left of
    /// it and with what it is called when all links are followed.
    levels: Vec<Level>,
    found: VecDeque<Listed>,
    has_begun: bool,
}

struct Level {
    real: PathBuf,
    /// In descending order: the next one is the last.
    entries: Vec<Named>,
}

/// Its path, ended by a slash if it is a folder.
struct Named {
    path: String,
    is_folder: bool,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let walk = Walk { levels: Vec::new(), found: VecDeque::new(), has_begun: false };
        Self(Arc::new(Mutex::new(walk)))
    }

    /// Walks on, as far as one turn goes; whether there may be more.
    pub(crate) async fn turn(
        &mut self,
        uri: &Uri,
        found: &mut VecDeque<Listed>,
    ) -> Result<bool, Error> {
        let (walk, about) = (self.0.clone(), uri.clone());
        let turn = move || walk.lock().unwrap_or_else(PoisonError::into_inner).turn(&about);
        let ended = uri.clone();
        let has_more = anywhere(uri, async move {
            tokio::task::spawn_blocking(turn).await.unwrap_or_else(|error| {
                let what = "was not listed: its runtime is shutting down";
                Err(Error::new(Kind::Failed, &ended, what).because(&error))
            })
        })
        .await?;
        let mut walk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.append(&mut walk.found);
        Ok(has_more)
    }
}

impl Walk {
    fn turn(&mut self, uri: &Uri) -> Result<bool, Error> {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.enter(uri, uri.path().into_owned())?;
        }
        while self.found.len() < TURN {
            let Some(level) = self.levels.last_mut() else { return Ok(false) };
            match level.entries.pop() {
                None => drop(self.levels.pop()),
                Some(Named { path, is_folder: true }) => self.enter(uri, path)?,
                Some(Named { path, is_folder: false }) => self.found.push_back(listed(uri, path)?),
            }
        }
        Ok(true)
    }

    fn enter(&mut self, uri: &Uri, path: String) -> Result<(), Error> {
        let failed = |error: io::Error| failed(uri, &path, &error);
        let real = fs::canonicalize(&path).map_err(failed)?;
        if self.levels.iter().any(|level| level.real == real) {
            let what = format!("{path} leads back to a folder that it is in; name what to list");
            return Err(Error::new(Kind::Invalid, uri, what));
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let what = format!("{path} has a name that is not UTF-8 ({name:?}); rename it");
                return Err(Error::new(Kind::Invalid, uri, what));
            };
            let mut path = format!("{path}{name}");
            // A link is what it leads to.
            let is_folder = match entry.file_type().map_err(failed)? {
                it if it.is_symlink() => Path::new(&path).is_dir(),
                it => it.is_dir(),
            };
            path.push_str(if is_folder { "/" } else { "" });
            entries.push(Named { path, is_folder });
        }
        entries.sort_unstable_by(|a, b| b.path.cmp(&a.path));
        self.levels.push(Level { real, entries });
        Ok(())
    }
}

/// What is to be fetched as `path`. It may not be there by then, or never have been.
fn listed(folder: &Uri, path: String) -> Result<Listed, Error> {
    let found = fs::metadata(&path).ok().filter(fs::Metadata::is_file);
    let size = found.as_ref().map_or(0, fs::Metadata::len);
    let version = found.and_then(|it| crate::file::version(size, it.modified().ok()));
    let uri = match folder.is_plain() && !path.contains(|c: char| c.is_ascii_control()) {
        true => path.parse()?,
        false => {
            let path = std::path::absolute(&path).map_err(|error| failed(folder, &path, &error))?;
            format!("file://{}", encoded(&path.to_string_lossy())).parse()?
        }
    };
    Ok(Listed { uri, size, version: version.map(Into::into) })
}

fn failed(uri: &Uri, path: &str, error: &io::Error) -> Error {
    let (kind, what) = match error.kind() {
        io::ErrorKind::NotFound => (Kind::NotFound, "is not there; check the path".to_owned()),
        io::ErrorKind::NotADirectory => (Kind::Invalid, "is no folder".to_owned()),
        io::ErrorKind::PermissionDenied => {
            (Kind::Unauthorized, "may not be listed by this user; check its permissions".to_owned())
        }
        _ => (Kind::Failed, format!("cannot be listed: {error}")),
    };
    Error::new(kind, uri, format!("{path} {what}")).because(error)
}
