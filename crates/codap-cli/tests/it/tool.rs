//! Runs the program, with bounds: it ends in time, or the test fails; and whatever it prints, a
//! planted secret is not in it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// In every credential of these tests, and nowhere else.
pub(crate) const SECRET: &str = "s3cret-canary-5f1e9b";

/// No run takes as long, on a machine that does a lot besides.
const PATIENCE: Duration = Duration::from_secs(240);

/// A command line in the making, and the folder that it runs in.
pub(crate) struct Tool {
    command: Command,
    input: Vec<u8>,
    folder: TempDir,
}

/// Starts a server that does as this script says.
pub(crate) fn serve(script: codap_fault::Script) -> codap_fault::Server {
    script.start_blocking().expect("a server starts on the loopback")
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

/// `codap` with these arguments.
pub(crate) fn codap<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Tool {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_codap"));
    command.args(args).current_dir(folder.path());
    // What the machine has set would decide what is tested.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        let decides = ["AWS_", "PG", "CLICOLOR", "NO_COLOR"].iter().any(|it| text.starts_with(it));
        if decides || text.ends_with("_PROXY") {
            command.env_remove(&name);
        }
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::piped());
    Tool { command, input: Vec::new(), folder }
}

impl Tool {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Puts a file into the folder that it runs in.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.folder.path().join(name), content).expect("a file is written");
        self
    }

    /// What comes on stdin.
    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, for tests that do something meanwhile; with its folder, which is kept as long.
    pub(crate) fn start(mut self) -> (Child, TempDir) {
        (self.command.spawn().expect("the program starts"), self.folder)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ran {
        self.run_with(|_| {})
    }

    /// Runs it, and looks at its folder when it has ended.
    pub(crate) fn run_with(mut self, look: impl FnOnce(&Path)) -> Ran {
        let mut child = self.command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        let input = std::mem::take(&mut self.input);
        // A program that wants no input may have gone before it is written.
        thread::spawn(move || drop(stdin.write_all(&input)));
        let ran = ended(child);
        look(self.folder.path());
        ran
    }

    /// Runs it and expects everything to go well: its output.
    pub(crate) fn prints(self) -> String {
        let ran = self.run();
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{}", ran.stdout);
        ran.stdout
    }
}

/// Waits for the end of `child`, whose pipes nobody else reads.
pub(crate) fn ended(child: Child) -> Ran {
    let id = child.id();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let output = told.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let id = rustix::process::Pid::from_raw(id.cast_signed()).expect("a process has a number");
        let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        panic!("the program did not end within {PATIENCE:?}");
    });
    Ran::of(output.expect("its output is read"))
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(!stdout.contains(SECRET) && !stderr.contains(SECRET), "{stdout}\n{stderr}");
        Self { stdout, stderr, code: output.status.code() }
    }

    /// It ended with this code, and said these lines on stderr.
    pub(crate) fn said(&self, code: i32, lines: &[&str]) -> &Self {
        let said: Vec<&str> = self.stderr.lines().collect();
        assert_eq!((self.code, &*said), (Some(code), lines), "stdout: {}", self.stdout);
        self
    }

    /// It ended with this code and one line on stderr, in which these texts are.
    pub(crate) fn told(&self, code: i32, texts: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("codap: "), "{}", self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is not in {}", self.stderr);
        }
        self
    }

    /// The lines of stdout as JSON.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).expect("every line is JSON");
        self.stdout.lines().map(parse).collect()
    }
}
