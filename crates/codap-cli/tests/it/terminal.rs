//! What is different on a terminal: the bar of progress, after a second, and colour.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};

use codap_fault::{At, On, Reply, Script, Stall};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::tool::{codap, serve};

/// Both ends of a new terminal: the one of whoever looks at it, and the one of the program.
fn terminal() -> (File, File) {
    let looks = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there is a terminal");
    grantpt(&looks).and_then(|()| unlockpt(&looks)).expect("it may be used");
    let name = ptsname(&looks, Vec::new()).expect("it has a name");
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let program = rustix::fs::open(name, flags, Mode::empty()).expect("it has another end");
    (looks.into(), program.into())
}

/// Runs `args` with stderr on a terminal; what stood there when `until` did, or at the end.
fn seen(args: &[&str], until: &str, then: impl FnOnce()) -> String {
    let (mut looks, program) = terminal();
    let folder = codap(args);
    let mut child = Command::new(env!("CARGO_BIN_EXE_codap"))
        .args(args)
        .current_dir(folder.folder())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(program)
        .spawn()
        .expect("the program starts");
    let (mut text, mut then) = (String::new(), Some(then));
    let mut bytes = [0; 4096];
    // Once the program has gone, reading is an error.
    while let Ok(count) = looks.read(&mut bytes) {
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        if text.contains(until)
            && let Some(then) = then.take()
        {
            then();
        }
    }
    child.wait().expect("it ends");
    text
}

#[test]
fn a_bar_is_there_after_a_second_and_messages_above_it() {
    let held = Reply::ok("1").stall(Stall::at(At::Head));
    let server = serve(Script::new().rule(On::any(), held));
    let entry = format!("a={}", server.url("/a"));
    let text = seen(&["get", &entry, "b=no/such"], "1 of 2", || server.release());
    assert!(text.contains("1 of 2, 1s"), "{text:?}");
    assert!(text.contains("\u{1b}[1m\u{1b}[31mcodap:"), "the name is in colour: {text:?}");
}

#[test]
fn never_is_never_and_what_is_quick_needs_no_bar() {
    let late = Reply::ok("1").latency(std::time::Duration::from_millis(1_500));
    let server = serve(Script::new().rule(On::any(), late));
    let entry = format!("a={}", server.url("/a"));
    assert_eq!(seen(&["get", &entry, "--progress", "never"], "", || {}), "");
    assert_eq!(seen(&["get", "a=Cargo.toml", "--default=a=1"], "", || {}).matches('\n').count(), 1);
}
