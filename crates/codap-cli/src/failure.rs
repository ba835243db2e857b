//! What is said about an entry without a value.

use std::error::Error as _;

use codap::{Ending, Error};

use crate::duration::shown;

/// What happened to the entry that goes by `name`, and what to do: one line, without the name.
pub(crate) fn told(error: &Error, name: &str) -> String {
    let root = error.root();
    if root.is_cycle() {
        return format!("{} (take one of them out)", cycle(root));
    }
    let other = root.entry().filter(|_| root.entry() != error.entry());
    let other = other.map(|other| other.trim_matches('"'));
    if let Some(other) = other.filter(|&other| other != name) {
        return format!("uses {other}, which has no value: {}", own(root, other));
    }
    own(if root.ending().is_some() { root } else { error }, name)
}

fn own(error: &Error, name: &str) -> String {
    let tries = match error.attempts() {
        0 | 1 => String::new(),
        attempts => format!(" (attempt {attempts})"),
    };
    match error.ending() {
        Some(Ending::TimedOut) => {
            let after = shown(error.elapsed());
            format!("timed out after {after}{tries} (give it more by --timeout or --deadline)")
        }
        Some(Ending::Cancelled) => "was not waited for (cancelled)".to_owned(),
        Some(Ending::Failed) => match error.source() {
            Some(source) => format!("{}{tries}", without_name(&source.to_string(), name)),
            None => format!("{error}"),
        },
        _ => format!("{error}"),
    }
}

/// A source's error begins with its URI, which may be the very name.
pub(crate) fn without_name(text: &str, name: &str) -> String {
    let rest = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
    rest.unwrap_or(text).to_owned()
}

/// `a waits for b waits for a`, out of the core's message.
fn cycle(error: &Error) -> String {
    let text = error.to_string().replace('"', "");
    match text.split_once(" would wait for itself: ") {
        Some((_, path)) => format!("would wait for itself: {path}"),
        None => text,
    }
}
