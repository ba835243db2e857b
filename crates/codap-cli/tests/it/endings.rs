//! How it ends: Ctrl-C, a reader that has seen enough, an output that cannot be written.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use codap_fault::{On, Reply, Script, Server};
use rustix::process::{Pid, Signal, kill_process};

use crate::tool::{codap, ended, serve};

fn silent() -> Server {
    serve(Script::new().rule(On::any(), Reply::silence()))
}

fn interrupt(child: &Child) {
    let id = Pid::from_raw(child.id().cast_signed()).expect("a process has a number");
    kill_process(id, Signal::INT).expect("the process is there");
}

/// A second, and what a busy machine takes to notice it.
const AT_ONCE: Duration = Duration::from_millis(1_000);

#[test]
fn ctrl_c_ends_each_verb_within_a_second() {
    for verb in ["get", "list", "race"] {
        let server = silent();
        let uri = server.url("/a");
        let entry = if verb == "get" { format!("a={uri}") } else { uri };
        let (child, folder) = codap([verb, &entry, "--report", "r.json"]).start();
        server.wait_for_blocking(|counters| counters.stalled == 1).unwrap();
        let began = Instant::now();
        interrupt(&child);
        let ran = ended(child);
        assert!(began.elapsed() < AT_ONCE, "{verb} took {:?}", began.elapsed());
        ran.said(130, &["codap: interrupted"]);
        assert_eq!(ran.stdout, "", "nothing that looks complete");
        let report = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["exit"], 130, "{verb}");
        assert_ne!(report["entries"][0]["ending"], "ok", "{verb}");
    }
}

#[test]
fn ctrl_c_ends_a_template_that_waits() {
    let server = silent();
    let entry = format!("a={}", server.url("/a"));
    let tool = codap(["get", &entry, "--template", "t"]).file("t", "{{ a }}");
    let (child, _folder) = tool.start();
    server.wait_for_blocking(|counters| counters.stalled == 1).unwrap();
    let began = Instant::now();
    interrupt(&child);
    ended(child).said(130, &["codap: interrupted"]);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn ctrl_c_ends_what_waits_for_its_reader() {
    // More than a pipe holds, and nobody reads it.
    let (child, _folder) = codap(["race", "big"]).file("big", vec![b'x'; 4 << 20]).start();
    let mut probe = child;
    let mut stdout = probe.stdout.take().unwrap();
    let mut first = [0];
    std::io::Read::read_exact(&mut stdout, &mut first).unwrap();
    let began = Instant::now();
    interrupt(&probe);
    assert_eq!(probe.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn a_reader_that_has_seen_enough_is_a_success() {
    let uris = "a\n".repeat(20_000);
    let (mut child, _folder) =
        codap(["list", "-i", "uris"]).file("a", "1").file("uris", uris).start();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    let ran = ended(child);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    for args in [&["get", "a=big"][..], &["race", "big"], &["man"], &["--help"]] {
        let (mut child, _folder) = codap(args).file("big", vec![b'x'; 4 << 20]).start();
        drop(child.stdout.take());
        let ran = ended(child);
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{args:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_is_fatal() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [&["get", "a=a"][..], &["list", "a"], &["race", "a"]] {
        let tool = codap(args).file("a", "1");
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_codap"))
            .args(args)
            .current_dir(tool.folder())
            .stdout(full.try_clone().unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdin.take());
        ended(child).told(3, &["cannot write to stdout: "]);
    }
}
