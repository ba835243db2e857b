//! A certificate for the loopback that is its own authority, made anew in each run.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::install;
use crate::step::Failure;

/// The certificate, whose file the clients are to trust, and its key.
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

pub(super) fn identity(place: &Path) -> Result<Identity, Failure> {
    let openssl = install::from_debian("openssl", || install::find("openssl"))?;
    let (certificate, key) = (place.join("certificate.pem"), place.join("key.pem"));
    let mut command = Command::new(openssl);
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.args(["-nodes", "-days", "2", "-subj", "/CN=codap-test"]);
    command.args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]);
    command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    install::run(&mut command)?;
    Ok(Identity { certificate, key })
}
