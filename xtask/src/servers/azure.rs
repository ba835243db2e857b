//! A server of Azure's store, in memory: Azurite, with the account and the key that it always has.

use std::path::Path;

use super::process::{Process, Ready, Signal, bound_to_us, free_port};
use super::{Server, install};
use crate::step::Failure;

const ACCOUNT: &str = "devstoreaccount1";

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let port = free_port()?;
    let mut command = bound_to_us(&install::from_debian("nodejs", || install::find("node"))?);
    command.arg(install::from_npm("azurite-blob")?);
    command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
    // It refuses versions of the protocol that are younger than itself.
    command.args(["--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"]);
    command.current_dir(place);
    let ready = Ready::Says("successfully listens");
    Ok(Server {
        process: Process::start("azure", Signal::Term, ready, command, place)?,
        variables: vec![("CODAP_TEST_AZURE", format!("http://127.0.0.1:{port}/{ACCOUNT}"))],
    })
}
