//! A server of S3's protocol, in memory. Any credentials will do.

use std::path::Path;

use super::process::{Process, Ready, Signal, bound_to_us, free_port};
use super::{Server, install};
use crate::step::Failure;

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = bound_to_us(&install::from_pypi("moto_server")?);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).current_dir(place);
    let ready = Ready::Says("Running on");
    Ok(Server {
        process: Process::start("s3", Signal::Term, ready, command, place)?,
        variables: vec![("CODAP_TEST_S3", format!("http://127.0.0.1:{port}"))],
    })
}
