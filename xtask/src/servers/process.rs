//! One server process: started with its output in a log, waited for, asked to end, ended.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::install;
use crate::step::Failure;

/// From its start until it answers. Cold Python imports on a busy machine take most of it.
const UNTIL_IT_ANSWERS: Duration = Duration::from_secs(60);
/// From being asked to its end; after that it is killed.
const UNTIL_IT_ENDS: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What ends a server quickly and cleanly.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Term,
    /// PostgreSQL's: at TERM it waits for its clients.
    Int,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
        }
    }
}

pub(super) struct Process {
    name: &'static str,
    ended_by: Signal,
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(super) fn start(
        name: &'static str,
        ended_by: Signal,
        mut command: Command,
        place: &Path,
    ) -> Result<Self, Failure> {
        let log = place.with_extension("log");
        let started = File::create(&log).and_then(|file| {
            let also = file.try_clone()?;
            command.stdin(Stdio::null()).stdout(file).stderr(also).spawn()
        });
        match started {
            Ok(child) => Ok(Self { name, ended_by, child, log }),
            Err(error) => Err(Failure::new(format!(
                "cannot start {}: {error}",
                command.get_program().display()
            ))),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn wait_until(&mut self, answers: &dyn Fn() -> bool) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failure(&format!("ended with {status}")));
            }
            if answers() {
                return Ok(());
            }
            if begun.elapsed() > UNTIL_IT_ANSWERS {
                return Err(self.failure(&format!("gave no answer in {UNTIL_IT_ANSWERS:?}")));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    pub(super) fn ask_to_end(&self) {
        let signal = format!("-{}", self.ended_by.name());
        // The child is not waited for before its end is seen, so its id is still its own.
        let _ = Command::new("kill").args([&signal, &self.child.id().to_string()]).status();
    }

    pub(super) fn end(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < UNTIL_IT_ENDS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn failure(&self, what: &str) -> Failure {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(12)..].join("\n    ");
        Failure::new(format!("the server {} {what}; its last words:\n    {last}", self.name))
    }
}

/// Starts `program` so that it gets its signal when this process is gone, whatever ended it. Where that
/// is not to be had (it is Linux's), Ctrl-C still reaches it: it is of the same process group.
pub(super) fn bound_to_us(program: &Path) -> Command {
    bound(program, Signal::Term, &[])
}

/// The same, as another user when this one is root; reaching folders that root alone may enter
/// stays allowed.
pub(super) fn bound_to_us_as(
    user: &str,
    signal: Signal,
    program: &Path,
) -> Result<Command, Failure> {
    if !install::is_root() {
        return Ok(bound(program, signal, &[]));
    }
    if install::find("setpriv").is_none() {
        return Err(Failure::new(format!(
            "{} refuses to run as root and there is no setpriv (util-linux) to run it as {user}",
            program.display()
        )));
    }
    let ids = ["--reuid", user, "--regid", user, "--init-groups"];
    let reach = ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"];
    Ok(bound(program, signal, &[&ids[..], &reach].concat()))
}

fn bound(program: &Path, signal: Signal, options: &[&str]) -> Command {
    let Some(setpriv) = install::find("setpriv") else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", signal.name()]).args(options).arg(program);
    command
}

/// A port that was free a moment ago. Should another process take it first, the server says so in
/// its log and the run fails by name.
pub(super) fn free_port() -> Result<u16, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| Failure::new(format!("no free port on the loopback: {e}")))
}

/// Whether the server on `port` answers `request` with something that holds `wanted`.
pub(super) fn says(port: u16, request: &[u8], wanted: &[u8]) -> bool {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    let reply = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(request)?;
        let (mut reply, mut part) = (Vec::new(), [0; 4096]);
        while !reply.windows(wanted.len()).any(|w| w == wanted) {
            match stream.read(&mut part)? {
                0 => break,
                read => reply.extend_from_slice(&part[..read]),
            }
        }
        Ok(reply)
    };
    reply().is_ok_and(|reply| reply.windows(wanted.len()).any(|w| w == wanted))
}
