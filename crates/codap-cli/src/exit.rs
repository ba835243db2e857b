//! How the program ends, as the number that the shell sees.

use std::process::ExitCode;

/// The exit codes. They are listed in `codap --help` and docs/cli.md too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that was asked for is there.
    Ok = 0,
    /// Some entries failed; in a race, all.
    SomeFailed = 1,
    /// The command line, the plan or the template makes no sense. Nothing was fetched.
    Usage = 2,
    /// It could not go on, as when its output cannot be written.
    Fatal = 3,
    /// Ctrl-C, as 128 + SIGINT.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    pub(crate) fn of_failures(failures: usize) -> Self {
        if failures == 0 { Self::Ok } else { Self::SomeFailed }
    }
}
