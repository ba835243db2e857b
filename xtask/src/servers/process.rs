//! One server process: started with its output in a log, waited for, asked to end, ended.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::install;
use crate::step::Failure;

/// From its start until it is ready. Cold Python imports on a busy machine take most of it.
const UNTIL_IT_IS_READY: Duration = Duration::from_secs(60);
/// From being asked to its end; after that it is killed.
const UNTIL_IT_ENDS: Duration = Duration::from_secs(5);

/// How a server lets it be known that it takes connections.
#[derive(Clone, Copy)]
pub(super) enum Ready {
    /// By a line of its output that holds this.
    Says(&'static str),
    /// Not at all: nginx listens without a word. Its port is tried until it answers.
    Listens(u16),
}

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
    ready: Ready,
    child: Child,
    log: PathBuf,
    /// Tells when it is ready, and ends with the last process that holds its output.
    output: Receiver<()>,
}

impl Process {
    pub(super) fn start(
        name: &'static str,
        ended_by: Signal,
        ready: Ready,
        mut command: Command,
        place: &Path,
    ) -> Result<Self, Failure> {
        let log = place.with_extension("log");
        let started = File::create(&log).and_then(|file| {
            let (output, end) = std::io::pipe()?;
            command.stdin(Stdio::null()).stdout(end.try_clone()?).stderr(end);
            let child = command.spawn()?;
            Ok((child, file, output))
        });
        let (child, file, output) = started.map_err(|error| {
            let program = command.get_program().display();
            Failure::new(format!("cannot start {program}: {error}"))
        })?;
        // Our ends of its output: with them it would never end.
        drop(command);
        let (tell, told) = channel();
        thread::spawn(move || keep(output, file, ready, &tell));
        Ok(Self { name, ended_by, ready, child, log, output: told })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let told = match self.ready {
            Ready::Says(_) => self.output.recv_timeout(UNTIL_IT_IS_READY),
            Ready::Listens(port) => self.wait_for(port),
        };
        match told {
            Ok(()) => Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                Err(self.failure(&format!("was not ready in {UNTIL_IT_IS_READY:?}")))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait().map(|status| status.to_string());
                Err(self.failure(&format!("ended with {}", status.unwrap_or_default())))
            }
        }
    }

    /// There is nothing to wait for but time between two tries.
    fn wait_for(&self, port: u16) -> Result<(), RecvTimeoutError> {
        let begun = Instant::now();
        loop {
            if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(());
            }
            match self.output.recv_timeout(Duration::from_millis(20)) {
                Err(RecvTimeoutError::Timeout) if begun.elapsed() < UNTIL_IT_IS_READY => {}
                ended => return ended,
            }
        }
    }

    pub(super) fn ask_to_end(&self) {
        let signal = format!("-{}", self.ended_by.name());
        // The child is not waited for before its end is seen, so its id is still its own.
        let _ = Command::new("kill").args([&signal, &self.child.id().to_string()]).status();
    }

    pub(super) fn end(&mut self) {
        let begun = Instant::now();
        // Ready or not: what counts is the end of its output.
        while let Some(left) = UNTIL_IT_ENDS.checked_sub(begun.elapsed()) {
            if self.output.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
                let _ = self.child.wait();
                return;
            }
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

/// Writes what a server says into its log, and tells when it is ready.
fn keep(output: PipeReader, mut log: File, ready: Ready, tell: &Sender<()>) {
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&line);
        // A full disk is no reason to stop a server.
        let _ = writeln!(log, "{text}");
        if matches!(ready, Ready::Says(words) if text.contains(words)) {
            let _ = tell.send(());
        }
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
