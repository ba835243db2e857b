//! The wheel: built once, for every Python.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::environment::Environment;
use crate::servers::install;
use crate::step::{self, Failure};

/// How the Rust part is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// As the Rust tests are, from the dependencies that they have built already.
    Dev,
    /// As users get it.
    Release,
}

impl Profile {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}

/// The wheel of the tree as it is.
pub(super) fn build(tools: &Environment, profile: Profile) -> Result<PathBuf, Failure> {
    let out = super::folder().join(format!("wheel-{}", profile.name()));
    let mut maturin = maturin(tools)?;
    maturin.args(["build", "--quiet", "--locked", "--strip", "--profile", profile.name()]);
    // For this machine, whatever the age of its C library.
    maturin.args(["--compatibility", "linux", "--out"]).arg(&out);
    only(&out, "whl", &mut maturin)
}

pub(super) fn sdist(tools: &Environment) -> Result<PathBuf, Failure> {
    let out = super::folder().join("sdist");
    only(&out, "gz", maturin(tools)?.args(["sdist", "--out"]).arg(&out))
}

/// The files of a source distribution, as paths from the workspace root.
pub(super) fn files(sdist: &Path) -> Result<Vec<String>, Failure> {
    let listed = Command::new("tar").arg("-tzf").arg(sdist).output();
    let listed = listed.map_err(|e| Failure::new(format!("cannot start tar: {e}")))?.stdout;
    let inside = |line: &str| line.split_once('/').map(|(_, path)| path.to_owned());
    Ok(String::from_utf8_lossy(&listed).lines().filter_map(inside).collect())
}

/// The wheel of what the source distribution holds, and of nothing else.
pub(super) fn from_sdist(tools: &Environment, sdist: &Path) -> Result<PathBuf, Failure> {
    let out = super::folder().join("wheel-sdist");
    let mut pip = Command::new(tools.program("python"));
    step::forget_xtask(&mut pip);
    pip.args(["-I", "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    // maturin is there already, in the version that is pinned.
    pip.arg("--no-build-isolation").arg("--wheel-dir").arg(&out).arg(sdist);
    pip.env("PATH", path_with(tools)?).current_dir(step::root());
    // The dependencies are compiled already; a package in another folder is not the same to cargo.
    pip.env("CARGO_TARGET_DIR", step::root().join(step::own_target("")));
    only(&out, "whl", &mut pip)
}

fn maturin(tools: &Environment) -> Result<Command, Failure> {
    let mut maturin = Command::new(tools.program("maturin"));
    step::forget_xtask(&mut maturin);
    maturin.env("PATH", path_with(tools)?).current_dir(step::root());
    Ok(maturin)
}

fn path_with(tools: &Environment) -> Result<OsString, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools.program("")).chain(std::env::split_paths(&path));
    std::env::join_paths(folders)
        .map_err(|e| Failure::new(format!("the PATH cannot be extended: {e}")))
}

/// Runs what leaves one file of that kind in `out`.
fn only(out: &Path, extension: &str, command: &mut Command) -> Result<PathBuf, Failure> {
    // What an earlier run left is not what this one made.
    let _ = fs::remove_dir_all(out);
    install::run(command)?;
    found(out, extension)
}

fn found(out: &Path, extension: &str) -> Result<PathBuf, Failure> {
    let mut files = fs::read_dir(out).into_iter().flatten().flatten().map(|entry| entry.path());
    files
        .find(|path| path.extension().is_some_and(|e| e == extension))
        .ok_or_else(|| Failure::new(format!("no .{extension} was left in {}", out.display())))
}
