//! What is different on a terminal: the bar of progress, after a second, and colour.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use codap_fault::{At, On, Reply, Script, Stall};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::tool::{codap, serve};

/// Both ends of a new terminal: the one of whoever looks at it, and the one of the program.
fn terminal() -> (File, File) {
    let looks = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there is a terminal");
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&looks, size).expect("it takes a size");
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

/// The terminal shows `^C` where the cursor is; the bar goes all the same, and messages stay.
#[test]
fn after_ctrl_c_the_bar_is_gone() {
    for args in [&["archive", "-o", "out.zip"][..], &["get"]] {
        let held = Reply::ok("1").stall(Stall::at(At::Head));
        let server = serve(Script::new().rule(On::any(), held));
        let uri = server.url("/a");
        let entry = if args == ["get"] { format!("a={uri}") } else { uri };
        let (mut looks, program) = terminal();
        let folder = codap([""; 0]);
        let mut child = Command::new(env!("CARGO_BIN_EXE_codap"))
            .args(args)
            .arg(&entry)
            .current_dir(folder.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(program)
            .spawn()
            .expect("the program starts");
        let (mut text, mut bytes, mut waits_for) = (Vec::new(), [0; 4096], Some("0 of 1"));
        while let Ok(count) = looks.read(&mut bytes) {
            text.extend_from_slice(&bytes[..count]);
            match waits_for.filter(|it| String::from_utf8_lossy(&text).contains(it)) {
                Some("0 of 1") => {
                    looks.write_all(b"\x03").unwrap();
                    waits_for = Some("^C");
                }
                // As this is not the terminal of a session, the signal is sent by hand.
                Some(_) => {
                    let id = Pid::from_raw(child.id().cast_signed()).unwrap();
                    kill_process(id, Signal::INT).unwrap();
                    waits_for = None;
                }
                None => {}
            }
        }
        child.wait().expect("it ends");
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("^C"), "{text:?}");
        assert_eq!(on_screen(&text), ["codap: interrupted"], "{text:?}");
    }
}

/// What is to be read on a terminal of 80 columns after this has come to it.
fn on_screen(text: &str) -> Vec<String> {
    let (mut lines, mut row, mut column) = (vec![[' '; 80]], 0, 0);
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                // Colours, but for the one that clears the line.
                let is_digit = |char: &char| !char.is_ascii_alphabetic();
                let sequence: String = chars.by_ref().take_while(is_digit).collect();
                if sequence == "[2" {
                    lines[row] = [' '; 80];
                }
            }
            char => {
                if column == 80 {
                    (row, column) = (row + 1, 0);
                }
                lines.resize(lines.len().max(row + 1), [' '; 80]);
                lines[row][column] = char;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), [' '; 80]);
    }
    let lines = lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn never_is_never_and_what_is_quick_needs_no_bar() {
    let late = Reply::ok("1").latency(std::time::Duration::from_millis(1_500));
    let server = serve(Script::new().rule(On::any(), late));
    let entry = format!("a={}", server.url("/a"));
    assert_eq!(seen(&["get", &entry, "--progress", "never"], "", || {}), "");
    assert_eq!(seen(&["get", "a=Cargo.toml", "--default=a=1"], "", || {}).matches('\n').count(), 1);
}
