//! The program, as benchmarks and other languages use it.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use codap_fault::{At, Counters, On, Reply, Request, Script, Stall};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};

use crate::peer::Peer;

struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Program {
    fn start(name: &str, script: &Script) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
        fs::write(&path, serde_json::to_string(script).unwrap()).unwrap();
        // With as few files as a shell may give it: it is to ask for more itself.
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -S -n 256 && exec \"$0\" \"$1\""])
            .arg(env!("CARGO_BIN_EXE_codap-fault"))
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = stdout.next().unwrap().unwrap();
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self { stdin: child.stdin.take(), child, stdout, address }
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.stdout.next().unwrap().unwrap()
    }

    fn counters(&mut self, command: &str) -> Counters {
        let answer = self.ask(command);
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{answer}: {e}"))
    }

    /// Its last line, after which it ends well.
    fn last(&mut self) -> Counters {
        let last = self.stdout.next().unwrap().unwrap();
        assert!(self.stdout.next().is_none());
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&last).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where it has ended there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stalling() -> Script {
    Script::new().rule(On::any(), Reply::ok("x").stall(Stall::at(At::Head)))
}

#[test]
fn commands_are_answered_and_the_end_of_stdin_ends_it() {
    let mut program = Program::start("commands", &stalling());
    let mut peer = Peer::at(program.address);
    peer.ask_with("/a", "Authorization: s3cret\r\n");
    assert_eq!(program.counters("wait stalled >= 1").requests, 1);
    program.counters("release");
    assert_eq!(peer.reply().text(), "x");
    let requests: Vec<Request> = serde_json::from_str(&program.ask("requests")).unwrap();
    assert_eq!(requests[0].header("authorization"), Some("s3cret"));
    assert_eq!(program.counters("counters").complete, 1);
    drop(peer);
    assert_eq!(program.counters("wait open == 0").connections, 1);
    for (bad, what) in [
        ("wait nothing == 0", "no counter"),
        ("wait open = 0", "is not one of"),
        ("wait open == x", "is no number"),
        ("stop", "no command"),
    ] {
        let answer = program.ask(bad);
        assert!(answer.starts_with("{\"error\":") && answer.contains(what), "{answer}");
    }
    drop(program.stdin.take());
    assert_eq!(program.last().target("/a"), 1);
}

#[test]
fn signals_end_it_with_its_counters() {
    for (name, signal) in [("term", Signal::TERM), ("int", Signal::INT)] {
        let mut program = Program::start(name, &stalling());
        let mut peer = Peer::at(program.address);
        peer.ask("/");
        program.counters("wait stalled >= 1");
        kill_process(Pid::from_child(&program.child), signal).unwrap();
        assert_eq!(program.last().requests, 1);
        assert_eq!(peer.rest().0, b"");
    }
}

#[test]
fn a_bad_script_is_told_in_one_line() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bad.toml");
    fs::write(&path, "seed = 1\nrules = []").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_codap-fault")).arg(&path).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.starts_with("codap-fault: ") && error.contains("bad.toml: line 2: "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

/// Client and server are two processes, since each may be allowed fewer open files than both need.
#[test]
fn ten_thousand_connections_are_held() {
    const CONNECTIONS: usize = 10_000;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let enough = limit.maximum.is_none_or(|m| m > CONNECTIONS as u64 + 200);
    assert!(enough, "a process may open {:?} files: raise the hard limit", limit.maximum);

    let mut program = Program::start("many", &stalling().log(0));
    let mut peers: Vec<Peer> = (0..CONNECTIONS).map(|_| Peer::at(program.address)).collect();
    for (n, peer) in peers.iter_mut().enumerate() {
        peer.ask(&format!("/{n}"));
    }
    let counters = program.counters("wait stalled >= 10000");
    assert_eq!((counters.concurrent, counters.open), (10_000, 10_000));
    program.counters("release");
    assert!(peers.iter_mut().all(|peer| peer.reply().text() == "x"));
    drop(peers);
    let counters = program.counters("wait open == 0");
    assert_eq!((counters.complete, counters.concurrent_max), (10_000, 10_000));
}
