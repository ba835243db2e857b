//! Why a server did not start, or what it waited for did not come.

use std::fmt;
use std::ops::Range;

/// Why something did not work, in one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// With the line of `text` that it is about.
    pub(crate) fn at(text: &str, span: Option<Range<usize>>, message: &str) -> Self {
        let before = span.and_then(|s| text.get(..s.start));
        let place = before.map(|text| format!("line {}: ", text.matches('\n').count() + 1));
        Self(format!("{}{message}", place.unwrap_or_default()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The message as it is: tests end with `Debug` in hand.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
