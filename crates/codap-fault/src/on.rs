//! Which requests a rule is for.

use std::fmt;
use std::ops::{RangeFrom, RangeInclusive, RangeToInclusive};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{draw::Draw, fault::check_share, request::Request};

/// Which requests a rule is for: those for which all that is said here is true.
///
/// In patterns `*` stands for anything, also for nothing. In a script file:
/// `{ path = "/photos/*", method = "GET", nth = "..=2", headers = { range = "bytes=*" } }`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct On {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    without: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nth: Option<Nth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<Nth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<Nth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_connection: Option<Nth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
}

impl On {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests for this path. A pattern with `?` in it is compared with path and query, one
    /// without with the path.
    pub fn path(pattern: impl Into<String>) -> Self {
        Self { path: Some(pattern.into()), ..Self::default() }
    }

    /// Requests of this method.
    #[must_use]
    pub fn method(self, method: impl Into<String>) -> Self {
        Self { method: Some(method.into()), ..self }
    }

    /// Requests with such a header. The name is compared without case, the value as a pattern.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Requests without such a header.
    #[must_use]
    pub fn without(mut self, name: impl Into<String>) -> Self {
        self.without.push(name.into());
        self
    }

    /// Requests with a `Range` header.
    #[must_use]
    pub fn ranged(self) -> Self {
        self.header("range", "*")
    }

    /// Which requests for the same target, the first being 1: `.nth(1)`, `.nth(2..)`,
    /// `.nth(..=3)`.
    #[must_use]
    pub fn nth(self, nth: impl Into<Nth>) -> Self {
        Self { nth: Some(nth.into()), ..self }
    }

    /// Which requests of all that the server gets.
    #[must_use]
    pub fn number(self, number: impl Into<Nth>) -> Self {
        Self { number: Some(number.into()), ..self }
    }

    /// Which connections of all that the server gets.
    #[must_use]
    pub fn connection(self, connection: impl Into<Nth>) -> Self {
        Self { connection: Some(connection.into()), ..self }
    }

    /// Which requests of their connection: from 2 on, those on a reused one.
    #[must_use]
    pub fn on_connection(self, nth: impl Into<Nth>) -> Self {
        Self { on_connection: Some(nth.into()), ..self }
    }

    /// This share of the requests that all else fits, drawn for each: 0.01 for one in a hundred.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self { share: Some(share), ..self }
    }

    pub(crate) fn fits(&self, request: &Request, draw: Draw) -> bool {
        let counted = |range: &Option<Nth>, count| range.is_none_or(|r| r.holds(count));
        self.path.as_ref().is_none_or(|pattern| fits_path(pattern, &request.target))
            && self.method.as_ref().is_none_or(|m| *m == request.method)
            && counted(&self.nth, request.nth)
            && counted(&self.number, request.number)
            && counted(&self.connection, request.connection)
            && counted(&self.on_connection, request.on_connection)
            && self
                .headers
                .iter()
                .all(|(name, value)| request.all(name).any(|v| matches(value.as_bytes(), v)))
            && self.without.iter().all(|name| request.all(name).next().is_none())
            && self.share.is_none_or(|share| draw.of(0).unit() < share)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        self.share.map_or(Ok(()), check_share)
    }
}

fn fits_path(pattern: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    matches(pattern.as_bytes(), if pattern.contains('?') { target } else { path }.as_bytes())
}

/// `*` in `pattern` stands for any bytes. On a mismatch the last star takes one byte more.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(byte) if *byte == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                None => return false,
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    seen = taken + 1;
                }
            },
        }
    }
    pattern[at..].iter().all(|b| *b == b'*')
}

/// A number or a range of numbers, counted from 1. In a script file `2`, `"2.."`, `"..=3"`,
/// `"2..=3"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nth {
    first: u64,
    last: u64,
}

impl Nth {
    pub(crate) fn holds(self, count: u64) -> bool {
        (self.first..=self.last).contains(&count)
    }
}

impl From<u64> for Nth {
    fn from(only: u64) -> Self {
        Self { first: only, last: only }
    }
}

impl From<RangeFrom<u64>> for Nth {
    fn from(range: RangeFrom<u64>) -> Self {
        Self { first: range.start, last: u64::MAX }
    }
}

impl From<RangeToInclusive<u64>> for Nth {
    fn from(range: RangeToInclusive<u64>) -> Self {
        Self { first: 1, last: range.end }
    }
}

impl From<RangeInclusive<u64>> for Nth {
    fn from(range: RangeInclusive<u64>) -> Self {
        Self { first: *range.start(), last: *range.end() }
    }
}

impl fmt::Display for Nth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, u64::MAX) => write!(f, "{first}.."),
            (first, last) => write!(f, "{first}..={last}"),
        }
    }
}

impl Serialize for Nth {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.first == self.last { to.serialize_u64(self.first) } else { to.collect_str(self) }
    }
}

impl<'d> Deserialize<'d> for Nth {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Range(String),
        }
        match Written::deserialize(from)? {
            Written::Number(only) => Ok(only.into()),
            Written::Range(text) => parse(&text).ok_or_else(|| {
                D::Error::custom(format!(
                    "{text:?} is neither a number nor \"2..\", \"..=3\" or \"2..=3\""
                ))
            }),
        }
    }
}

fn parse(text: &str) -> Option<Nth> {
    let (first, last) = text.split_once("..")?;
    let first = if first.is_empty() { 1 } else { first.parse().ok()? };
    let last = match last.strip_prefix('=') {
        Some(last) => last.parse().ok()?,
        None if last.is_empty() => u64::MAX,
        None => return None,
    };
    Some(Nth { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "abc"),
            ("/a/*", "/a/"),
            ("*.jpg", "/x.jpg.jpg"),
            ("/*/b*c", "/a/bbbc"),
            ("a**b", "ab"),
        ] {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", ""), ("/a/*", "/a"), ("*b", "abc"), ("a*c", "ab")]
        {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
    }

    #[test]
    fn a_query_is_compared_where_the_pattern_has_one() {
        assert!(fits_path("/a", "/a?x=1"));
        assert!(fits_path("/a?x=*", "/a?x=1"));
        assert!(!fits_path("/a?x=2", "/a?x=1"));
        assert!(!fits_path("/a", "/ab"));
    }

    #[test]
    fn ranges_are_read_as_they_are_shown() {
        for text in ["2..", "1..=3", "2..=3"] {
            assert_eq!(parse(text).map(|n| n.to_string()).as_deref(), Some(text));
        }
        assert_eq!(parse("..=3"), Some(Nth::from(1..=3)));
        for bad in ["", "..3", "a..", "1...2"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
