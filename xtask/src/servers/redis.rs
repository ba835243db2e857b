//! Redis, with a password.

use std::path::Path;

use super::process::{Process, Signal, bound_to_us, free_port, says};
use super::{Server, install};
use crate::step::Failure;

/// What the tests look for in all that they print and log.
const PASSWORD: &str = "CANARY7x-redis";

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let program = install::from_debian("redis-server", || install::find("redis-server"))?;
    let port = free_port()?;
    let mut command = bound_to_us(&program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--requirepass", PASSWORD, "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(place);
    let hello = format!("AUTH {PASSWORD}\r\nPING\r\n");
    Ok(Server {
        process: Process::start("redis", Signal::Term, command, place)?,
        variable: "CODAP_TEST_REDIS",
        address: format!("redis://:{PASSWORD}@127.0.0.1:{port}"),
        answers: Box::new(move || says(port, hello.as_bytes(), b"+PONG")),
    })
}
