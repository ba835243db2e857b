//! Why the program ends before its work is done.

use std::io;

use crate::exit::Exit;

/// What stops a run. Failed entries do not: they are told, and the rest goes on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// What was asked for makes no sense: what, and what to write instead.
    Usage(String),
    /// It cannot go on: why.
    Fatal(String),
    /// Ctrl-C.
    Interrupted,
    /// Whoever read the output has seen enough, as `head` does: a success.
    NobodyReads,
}

impl Stop {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn fatal(message: impl Into<String>) -> Self {
        Self::Fatal(message.into())
    }

    /// Of writing to stdout.
    pub(crate) fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Fatal(format!("cannot write to stdout: {error}")),
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Fatal(_) => Exit::Fatal,
            Self::Interrupted => Exit::Interrupted,
            Self::NobodyReads => Exit::Ok,
        }
    }

    /// What to say about it, if anything.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Fatal(message) => Some(message),
            Self::Interrupted => Some("interrupted"),
            Self::NobodyReads => None,
        }
    }
}
