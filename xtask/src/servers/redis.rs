//! Redis, with a password, with and without TLS.

use std::path::Path;

use super::process::{Process, Ready, Signal, bound_to_us, free_port};
use super::tls::{self, Identity};
use super::{Server, install};
use crate::step::Failure;

/// What the tests look for in all that they print and log.
const PASSWORD: &str = "CANARY7x-redis";

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let program = install::from_debian("redis-server", || install::find("redis-server"))?;
    let (port, port_for_tls) = (free_port()?, free_port()?);
    let Identity { certificate, key } = tls::identity(place)?;
    let mut command = bound_to_us(&program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--requirepass", PASSWORD, "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(place).args(["--tls-port", &port_for_tls.to_string(), "--tls-auth-clients", "no"]);
    command.arg("--tls-cert-file").arg(&certificate).arg("--tls-key-file").arg(&key);
    command.arg("--tls-ca-cert-file").arg(&certificate);
    let ready = Ready::Says("Ready to accept connections");
    Ok(Server {
        process: Process::start("redis", Signal::Term, ready, command, place)?,
        variables: vec![
            ("CODAP_TEST_REDIS", format!("redis://:{PASSWORD}@127.0.0.1:{port}")),
            ("CODAP_TEST_REDIS_TLS", format!("rediss://:{PASSWORD}@127.0.0.1:{port_for_tls}")),
            ("CODAP_TEST_REDIS_AUTHORITY", certificate.display().to_string()),
        ],
    })
}
