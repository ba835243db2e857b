//! A server of MongoDB's wire protocol, in memory.

use std::path::Path;

use super::process::{Process, Ready, Signal, bound_to_us, free_port};
use super::{Server, install};
use crate::step::Failure;

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = bound_to_us(&install::from_pypi("nx-27017")?);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--db", "memory"]);
    command.arg("--log-file").arg(place.join("server.log"));
    command.arg("--pid-file").arg(place.join("server.pid")).current_dir(place);
    let ready = Ready::Says("Listening on");
    Ok(Server {
        process: Process::start("mongodb", Signal::Term, ready, command, place)?,
        variables: vec![("CODAP_TEST_MONGODB", format!("mongodb://127.0.0.1:{port}"))],
    })
}
