//! Memory: bounded, whatever comes. The bound is one of the system, which is first seen to kill.

use std::process::{Command, Stdio};

use codap_fault::{Body, Framing, On, Reply, Script};

use super::failures::scale;
use super::site::Site;
use crate::tool::{Ran, codap, ended, serve};

/// Of data, in KiB: 128 MiB.
const BOUND: u32 = 128 << 10;

/// Runs the tool under the bound.
fn bounded(args: &[&str], list: &str) -> Ran {
    let tool = codap::<&str>([]).file("list", list);
    let limited = format!("ulimit -d {BOUND}; exec \"$@\"");
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", &limited, "sh", program]).args(args).current_dir(tool.folder());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        ended(child.expect("a shell starts"))
    };
    let control = run("python3", &["-c", "bytearray(150 << 20)"]);
    assert_ne!(control.code, Some(0), "the bound does not hold: {control:?}");
    assert_eq!(run("python3", &["-c", "bytearray(50 << 20)"]).code, Some(0));
    let ran = run(env!("CARGO_BIN_EXE_codap"), args);
    assert!(tool.folder().join("out.zip").exists(), "{ran:?}");
    ran
}

#[test]
fn many_small_objects() {
    let site = Site::new(scale(10_000));
    let ran = bounded(&["archive", "-o", "out.zip", "-i", "list"], &site.list());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("objects"), "{}", ran.stderr);
}

/// 64 at once, each larger than its share of the budget, and nobody says how large: it must not
/// come to a standstill.
#[test]
fn many_large_ones_of_unknown_length() {
    let body = Body::Generated { size: 1 << 20, seed: 3 };
    let reply = Reply::ok(body).framing(Framing::Chunked);
    let server = serve(Script::new().rule(On::any(), reply));
    let list: String = (0..64).map(|nth| server.url(&format!("/{nth}\n"))).collect();
    let ran = bounded(&["archive", "--memory=8M", "-o", "out.zip", "-i", "list"], &list);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn one_that_is_much_larger_than_memory() {
    let size = if scale(0) > 0 { 5 << 30 } else { 160 << 20 };
    let server = serve(Script::new().rule(On::any(), Reply::ok(Body::Zeros(size))));
    let ran = bounded(&["archive", "-o", "out.zip", "-i", "list"], &server.url("/large"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
