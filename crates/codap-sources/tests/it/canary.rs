//! Secrets that every credential of the tests is made of, and the look-out for them.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// In every password, token and key of the tests. It needs no encoding anywhere.
pub(crate) const SECRET: &str = "CANARY7x";

/// An error shows no secret, nor does anything below it, in `Display` or `Debug`.
pub(crate) fn check(error: &codap_sources::Error) {
    let mut told = format!("{error}\n{error:?}\n{error:#?}\n");
    let mut next = error.source();
    while let Some(below) = next {
        let _ = writeln!(told, "{below}\n{below:?}\n{below:#?}");
        next = below.source();
    }
    assert!(!told.contains(SECRET), "a secret is shown: {told}");
}

/// What was logged of secrets by any crate of the process.
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From here on every line that is logged, at every level, is looked at.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Watch).unwrap();
        log::set_logger(&Watch).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// Nothing secret was logged so far.
pub(crate) fn check_logs() {
    let leaks = LEAKS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(leaks.is_empty(), "logged: {leaks:#?}");
}

fn look_at(place: &str, line: &str) {
    if line.contains(SECRET) {
        let mut leaks = LEAKS.lock().unwrap_or_else(PoisonError::into_inner);
        leaks.push(format!("{place}: {line}"));
    }
}

struct Watch;

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Watch {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line::default();
        span.record(&mut line);
        look_at(span.metadata().target(), &line.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line::default();
        values.record(&mut line);
        look_at("a span", &line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        look_at(event.metadata().target(), &line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl log::Log for Watch {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        look_at(record.target(), &record.args().to_string());
    }

    fn flush(&self) {}
}
