//! A step is a command (or a check written here) with a name; running one prints the name, then how
//! long it took.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a run ended badly, in words for the terminal.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A command of `cargo`, run at the workspace root and printed as one would type it there.
#[derive(Clone, Debug)]
pub(crate) struct Cargo {
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
}

impl Cargo {
    /// `line` is split at blanks; an argument that holds one goes through [`Cargo::arg`].
    pub(crate) fn new(line: &str) -> Self {
        Self { args: line.split_whitespace().map(str::to_owned).collect(), env: Vec::new() }
    }

    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Runs it with this terminal's output.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let status = self
            .command()
            .status()
            .map_err(|e| Failure::new(format!("cannot start cargo: {e}")))?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("ended with {status}"))) }
    }

    /// Runs it and hands back all that it prints.
    pub(crate) fn run_unseen(&self) -> (String, Result<(), Failure>) {
        let mut printed = Vec::new();
        let mut run = || {
            let (mut reader, writer) = std::io::pipe()?;
            let mut command = self.command();
            let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
            // It holds this side's ends of the pipe, which else would never end.
            drop(command);
            reader.read_to_end(&mut printed)?;
            child.wait()
        };
        let result = match run() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(format!("ended with {status}"))),
            Err(e) => Err(Failure::new(format!("cannot run cargo: {e}"))),
        };
        (String::from_utf8_lossy(&printed).into_owned(), result)
    }

    /// Runs it and hands back what it prints to stdout; stderr stays on the terminal.
    pub(crate) fn output(&self) -> Result<String, Failure> {
        let output = self
            .command()
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| Failure::new(format!("cannot start cargo: {e}")))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(Failure::new(format!("`{self}` ended with {}", output.status)))
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("cargo");
        command.args(&self.args).envs(self.env.iter().map(|(k, v)| (k, v)));
        command.current_dir(root()).stdin(Stdio::null());
        command
    }
}

impl Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str("cargo")?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// As a shell would want it.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

enum Action {
    Cargo(Cargo),
    CargoWithServers(Cargo),
    Check(fn() -> Result<(), Failure>),
}

/// One line of a run's list.
pub(crate) struct Step {
    pub(crate) name: String,
    action: Action,
    is_beside: bool,
}

impl Step {
    fn new(name: impl Into<String>, action: Action) -> Self {
        Self { name: name.into(), action, is_beside: false }
    }

    pub(crate) fn cargo(name: impl Into<String>, command: Cargo) -> Self {
        Self::new(name, Action::Cargo(command))
    }

    /// A command that finds the servers for tests in its environment.
    pub(crate) fn cargo_with_servers(name: impl Into<String>, command: Cargo) -> Self {
        Self::new(name, Action::CargoWithServers(command))
    }

    pub(crate) fn check(name: impl Into<String>, check: fn() -> Result<(), Failure>) -> Self {
        Self::new(name, Action::Check(check))
    }

    /// Let it run while those after it do: see [`lane`](crate::lane).
    pub(crate) fn beside(mut self) -> Self {
        self.is_beside = true;
        self
    }

    /// What to run beside the others, if it is such a step.
    pub(crate) fn of_lane(&self) -> Option<&Cargo> {
        match &self.action {
            Action::Cargo(command) if self.is_beside => Some(command),
            _ => None,
        }
    }

    pub(crate) fn needs_servers(&self) -> bool {
        matches!(self.action, Action::CargoWithServers(_))
    }

    /// `servers` are the variables by which tests find them.
    pub(crate) fn run(&self, servers: &[(&'static str, String)]) -> Result<(), Failure> {
        match &self.action {
            Action::Cargo(command) => command.run(),
            Action::CargoWithServers(command) => {
                let env = servers.iter().cloned();
                env.fold(command.clone(), |command, (name, value)| command.env(name, value)).run()
            }
            Action::Check(check) => check(),
        }
    }

    /// What to type to run this step alone.
    pub(crate) fn alone(&self, list: &str) -> String {
        match &self.action {
            Action::Cargo(command) => command.to_string(),
            Action::CargoWithServers(_) | Action::Check(_) => {
                format!("cargo xtask {list} --only {}", quoted(&self.name))
            }
        }
    }
}

/// Progress and failures.
#[expect(clippy::print_stderr, reason = "the one door to stderr")]
pub(crate) fn say(text: &str) {
    eprintln!("{}", text.trim_end());
}

/// What was asked for: help, lists.
#[expect(clippy::print_stdout, reason = "the one door to stdout")]
pub(crate) fn show(text: &str) {
    println!("{}", text.trim_end());
}

/// The workspace root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace root")
}

/// Where builds go that must not share a cache with the usual ones (other `RUSTFLAGS`).
pub(crate) fn own_target(name: &str) -> String {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join(name).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reads_as_one_would_type_it() {
        let command =
            Cargo::new("test -p codap").env("RUSTFLAGS", "--cfg codap_loom").arg("it's").arg("");
        assert_eq!(
            command.to_string(),
            r"RUSTFLAGS='--cfg codap_loom' cargo test -p codap 'it'\''s' ''"
        );
    }
}
