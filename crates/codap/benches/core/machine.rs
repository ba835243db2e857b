//! On what it was measured.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

const UNKNOWN: &str = "unknown";

/// A list in markdown: cores, processor, system, compiler, versions of the peers.
pub(crate) fn describe() -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let peers = ["tokio", "tokio-util", "futures-util", "smol", "rayon"]
        .map(|name| format!("{name} {}", version(&lock, name)));
    [
        format!("- processor: {cores} cores, {}", processor()),
        format!("- system: {}, {ARCH}", system()),
        format!("- compiler: {}, profile `bench`", compiler()),
        format!("- peers: {}", peers.join(", ")),
    ]
    .join("\n")
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    value(&info, "model name", ':')
}

fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let number = kernel.split(['-', '\n']).next().unwrap_or_default();
    format!("{}, {OS} {number}", value(&release, "PRETTY_NAME", '='))
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok();
    let said = output.and_then(|output| String::from_utf8(output.stdout).ok());
    said.map_or_else(|| UNKNOWN.into(), |said| said.trim().to_owned())
}

fn version(lock: &str, name: &str) -> String {
    let start = format!("name = \"{name}\"\n");
    lock.split_once(&start).map_or_else(|| UNKNOWN.into(), |(_, rest)| value(rest, "version", '='))
}

/// The first value of a line `name = value`.
fn value(text: &str, name: &str, sign: char) -> String {
    let named = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(sign));
    named.unwrap_or(UNKNOWN).trim().trim_matches('"').to_owned()
}
