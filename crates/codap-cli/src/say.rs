//! Messages: one line each, on stderr, above the bar of progress if there is one.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};

use crate::progress;

const NAME: Style = AnsiColor::Red.on_default().bold();

/// Says `codap: message`. That nobody can read it is no reason to stop.
pub(crate) fn say(message: &str) {
    let line = message.replace(['\n', '\r'], " ");
    progress::above(|| {
        let mut stderr = anstream::stderr().lock();
        drop(writeln!(stderr, "{NAME}codap:{NAME:#} {line}"));
    });
}

/// Says `codap: name: message`.
pub(crate) fn say_of(name: &str, message: &str) {
    say(&format!("{name}: {message}"));
}
