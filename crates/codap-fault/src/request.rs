//! A request as it came.

use serde::{Deserialize, Serialize};

/// A request that the server has read, for a test to look at: did a credential come along, was the
/// path the intended one, was the connection a reused one?
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// Which of all requests, from 1.
    pub number: u64,
    /// Which of all connections it came on, from 1.
    pub connection: u64,
    /// Which request on that connection it was, from 1.
    pub on_connection: u64,
    /// Which request for this target it was, from 1.
    pub nth: u64,
    /// The place of the rule that it met, from 0.
    pub rule: Option<usize>,
    /// `GET`.
    pub method: String,
    /// Path and query, byte for byte as they came.
    pub target: String,
    /// In the order in which they came. Bytes that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// HTTP/1.0.
    #[serde(skip)]
    pub(crate) old: bool,
}

impl Request {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_bytes())
    }

    /// Whether one of the comma-separated words of that header is `word`.
    pub(crate) fn says(&self, name: &str, word: &str) -> bool {
        self.header(name)
            .is_some_and(|value| value.split(',').any(|w| w.trim().eq_ignore_ascii_case(word)))
    }
}
