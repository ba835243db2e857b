//! The Pythons of this machine: on the `PATH`, and pyenv's.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step::{self, Failure};

/// The minor versions of Python 3 that the package is for, and some that are to come.
const MINORS: std::ops::RangeInclusive<u32> = 10..=19;

/// The version that runs the whole suite where it is there: every pinned requirement has a wheel
/// for it. Otherwise the newest does.
const PREFERRED: u32 = 13;

/// Prints the minor version, if this is a Python that a test environment can be made with.
const ASK: &str = "import sys, sysconfig, venv, ensurepip\n\
                   usable = sys.implementation.name == 'cpython' and sys.version_info[0] == 3\n\
                   threaded = sysconfig.get_config_var('Py_GIL_DISABLED')\n\
                   print(sys.version_info[1] if usable and not threaded else 'no')";

/// One interpreter for each version, the oldest first.
pub(super) struct Interpreters(BTreeMap<u32, PathBuf>);

impl Interpreters {
    pub(super) fn find() -> Result<Self, Failure> {
        let mut found = BTreeMap::new();
        for program in candidates() {
            if let Some(minor) = minor(&program).filter(|m| MINORS.contains(m)) {
                found.entry(minor).or_insert(program);
            }
        }
        if found.is_empty() {
            return Err(Failure::new(
                "there is no Python for the tests: install CPython 3.10 or later with its venv and \
                 ensurepip (Debian: apt-get install python3 python3-venv; or pyenv install 3.13)",
            ));
        }
        Ok(Self(found))
    }

    /// The one that runs everything.
    pub(super) fn main(&self) -> (String, &Path) {
        let newest = self.0.last_key_value();
        let (minor, program) =
            self.0.get_key_value(&PREFERRED).or(newest).expect("there is one, or `find` fails");
        (name(*minor), program)
    }

    /// All others.
    pub(super) fn others(&self) -> Vec<(String, &Path)> {
        let main = self.main().0;
        let all = self.0.iter().map(|(minor, program)| (name(*minor), program.as_path()));
        all.filter(|(name, _)| *name != main).collect()
    }

    pub(super) fn say(&self) {
        let names: Vec<String> = self.0.keys().map(|minor| name(*minor)).collect();
        step::say(&format!("    Python {}; everything on {}", names.join(", "), self.main().0));
    }
}

fn name(minor: u32) -> String {
    format!("3.{minor}")
}

/// What may be a Python: first come those that a user would get.
fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = env::split_paths(&path).collect();
    let names: Vec<String> =
        MINORS.map(|m| format!("python3.{m}")).chain(["python3".to_owned()]).collect();
    let files = |folder: &Path| names.iter().map(|n| folder.join(n)).collect::<Vec<_>>();
    on_path
        .iter()
        .chain(&pyenv_folders())
        .flat_map(|folder| files(folder))
        .filter(|file| file.is_file())
        .collect()
}

/// The `bin` folders of pyenv's versions, the newest first.
fn pyenv_folders() -> Vec<PathBuf> {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let Some(root) = env::var_os("PYENV_ROOT").map(PathBuf::from).or(home) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = fs::read_dir(root.join("versions"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    folders
}

/// A shim of pyenv for a version that is switched off fails, and so is no Python.
fn minor(program: &Path) -> Option<u32> {
    let mut command = Command::new(program);
    command.args(["-I", "-c", ASK]).stdin(Stdio::null()).stderr(Stdio::null());
    let said = command.output().ok().filter(|output| output.status.success())?.stdout;
    String::from_utf8(said).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreters(minors: &[u32]) -> Interpreters {
        Interpreters(minors.iter().map(|m| (*m, PathBuf::from(name(*m)))).collect())
    }

    #[test]
    fn the_preferred_version_runs_everything_and_the_newest_without_it() {
        assert_eq!(interpreters(&[10, 13, 14]).main().0, "3.13");
        assert_eq!(interpreters(&[10, 12]).main().0, "3.12");
        let others: Vec<String> =
            interpreters(&[10, 12, 13]).others().into_iter().map(|(name, _)| name).collect();
        assert_eq!(others, ["3.10", "3.12"]);
    }

    #[test]
    fn what_is_no_python_has_no_version() {
        assert_eq!(minor(Path::new("/nonexistent/python3.13")), None);
        assert_eq!(minor(Path::new("false")), None);
    }
}
