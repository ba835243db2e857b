//! PostgreSQL, with a user who needs a password, and with TLS for who wants it.

use std::fs;
use std::path::{Path, PathBuf};

use super::process::{Process, Ready, Signal, bound_to_us_as, free_port};
use super::tls::{self, Identity};
use super::{Server, cannot, install};
use crate::step::Failure;

const USER: &str = "codap";
/// What the tests look for in all that they print and log.
const PASSWORD: &str = "CANARY7x-postgres";
/// The user of Debian's package; the server refuses to run as root.
const SYSTEM_USER: &str = "postgres";

pub(super) fn start(place: &Path) -> Result<Server, Failure> {
    let initdb = install::from_debian("postgresql", || program("initdb"))?;
    let postgres = install::from_debian("postgresql", || program("postgres"))?;
    let (port, data) = (free_port()?, place.join("data"));
    let password = place.join("password");
    fs::write(&password, PASSWORD).map_err(|e| cannot("write", &password, &e))?;
    let Identity { certificate, key } = tls::identity(place)?;
    if install::is_root() {
        install::run(std::process::Command::new("chown").args(["-R", SYSTEM_USER]).arg(place))?;
    }
    let mut command = bound_to_us_as(SYSTEM_USER, Signal::Int, &initdb)?;
    command.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password).current_dir(place);
    command.args(["--username", USER, "--auth", "scram-sha-256", "--no-sync"]);
    command.args(["--encoding", "UTF8", "--locale", "C"]);
    install::run(&mut command)?;

    let mut command = bound_to_us_as(SYSTEM_USER, Signal::Int, &postgres)?;
    command.arg("-D").arg(&data).args(["-p", &port.to_string()]).current_dir(place);
    // No socket in the file system, and nothing is worth keeping through a crash.
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    command.args(["-c", "fsync=off", "-c", "max_connections=200", "-c", "ssl=on"]);
    command.arg("-c").arg(format!("ssl_cert_file={}", certificate.display()));
    command.arg("-c").arg(format!("ssl_key_file={}", key.display()));
    let ready = Ready::Says("ready to accept connections");
    Ok(Server {
        process: Process::start("postgres", Signal::Int, ready, command, place)?,
        variables: vec![
            (
                "CODAP_TEST_POSTGRES",
                format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"),
            ),
            ("CODAP_TEST_POSTGRES_AUTHORITY", certificate.display().to_string()),
        ],
    })
}

/// On the `PATH`, or where Debian keeps it: by version, the highest one.
fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &PathBuf| -> Option<u32> { path.file_name()?.to_str()?.parse().ok() };
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    folders.sort_by_key(version);
    let of_debian = folders.into_iter().rev().map(|folder| folder.join("bin").join(name));
    of_debian.into_iter().find(|file| file.is_file()).or_else(|| install::find(name))
}
