//! Virtual environments below `target/python`, each with pinned packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::servers::install;
use crate::step::{self, Failure};

pub(super) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment called `name`, with what `tests/python/<requirements>` pins. It is made anew
    /// when that file or the interpreter changes.
    pub(super) fn make(
        name: &str,
        interpreter: &Path,
        requirements: &str,
    ) -> Result<Self, Failure> {
        let folder = super::folder().join(name);
        let (list, stamp) = (super::tests().join(requirements), folder.join("installed"));
        let pinned = fs::read_to_string(&list)
            .map_err(|e| Failure::new(format!("cannot read {}: {e}", list.display())))?;
        let wanted = format!("{}\n{pinned}", interpreter.display());
        let environment = Self { folder };
        if fs::read_to_string(&stamp).unwrap_or_default() != wanted {
            step::say(&format!("    making the environment {name}"));
            install::environment(interpreter, &environment.folder)?;
            // Compiling what is never imported takes as long as the rest.
            environment.pip(&["install", "--no-compile", "--requirement"], &[&list])?;
            fs::write(&stamp, wanted)
                .map_err(|e| Failure::new(format!("cannot write {}: {e}", stamp.display())))?;
        }
        Ok(environment)
    }

    /// The package itself, whatever was there of it.
    pub(super) fn install_wheel(&self, wheel: &Path) -> Result<(), Failure> {
        self.pip(&["install", "--no-deps", "--no-index", "--force-reinstall"], &[wheel])
    }

    pub(super) fn pip(&self, args: &[&str], files: &[&Path]) -> Result<(), Failure> {
        let mut pip = Command::new(self.program("python"));
        pip.args(["-I", "-m", "pip", "--quiet", "--disable-pip-version-check"]);
        install::run(pip.args(args).args(files).env("PIP_ROOT_USER_ACTION", "ignore"))
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }
}
