//! A server of MongoDB's wire protocol, in memory.

use std::path::Path;

use super::process::{Process, Signal, bound_to_us, free_port, says};
use super::{Server, install};
use crate::step::Failure;

/// OP_MSG of `{ping: 1, $db: "admin"}`: header, flags, one section, its document.
const PING: &[u8] = b"\x33\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\
      \x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = bound_to_us(&install::from_pypi("nx-27017")?);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--db", "memory"]);
    command.arg("--log-file").arg(place.join("server.log"));
    command.arg("--pid-file").arg(place.join("server.pid")).current_dir(place);
    Ok(Server {
        process: Process::start("mongodb", Signal::Term, command, place)?,
        variable: "CODAP_TEST_MONGODB",
        address: format!("mongodb://127.0.0.1:{port}"),
        answers: Box::new(move || says(port, PING, b"ok\0")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_lengths_it_states() {
        assert_eq!(usize::from(PING[0]), PING.len());
        assert_eq!(usize::from(PING[21]), PING.len() - 21);
    }
}
