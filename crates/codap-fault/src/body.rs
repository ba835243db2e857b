//! What a reply's body is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{content::Content, hex};

/// The body of a reply, before coding and framing.
///
/// In a script file: `"empty"`, `{ text = "hello" }`, `{ hex = "00 ff" }`, `{ json = { a = 1 } }`,
/// `{ generated = { size = 1000000, seed = 3 } }`, `{ zeros = 1073741824 }`, `"echo"`,
/// `"wrong_key"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// UTF-8 text.
    Text(String),
    /// These bytes.
    #[serde(with = "hex", rename = "hex")]
    Bytes(Vec<u8>),
    /// A value, as JSON without blanks.
    Json(Value),
    /// Bytes that follow from `seed` (see [`generated`](crate::generated)), never held as a whole.
    Generated {
        /// How many.
        size: u64,
        /// Which.
        seed: u64,
    },
    /// So many zeros; with a [`Coding`](crate::Coding) a bomb.
    Zeros(u64),
    /// The request's target (path and query), as it came: whoever asked can tell whether the reply
    /// is its own.
    Echo,
    /// As [`Echo`](Self::Echo), but with the target of the request that the server read before this
    /// one: the reply of a connection that is out of step. Counted in
    /// [`wrong_keys`](crate::Counters::wrong_keys) where the two differ.
    WrongKey,
}

impl Body {
    /// The bytes for a request for `target` that came after one for `before`.
    pub(crate) fn content<'a>(&'a self, target: &'a str, before: &'a str) -> Content<'a> {
        let bytes: Cow<'a, [u8]> = match self {
            Self::Empty => Cow::Borrowed(&[]),
            Self::Text(text) => text.as_bytes().into(),
            Self::Bytes(bytes) => bytes.into(),
            Self::Json(value) => value.to_string().into_bytes().into(),
            Self::Echo => target.as_bytes().into(),
            Self::WrongKey => before.as_bytes().into(),
            Self::Generated { size, seed } => {
                return Content::Generated { seed: *seed, size: *size };
            }
            Self::Zeros(size) => return Content::Zeros { size: *size },
        };
        Content::Bytes(bytes)
    }

    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Empty => None,
            Self::Text(_) | Self::Echo | Self::WrongKey => Some("text/plain; charset=utf-8"),
            Self::Json(_) => Some("application/json"),
            Self::Bytes(_) | Self::Generated { .. } | Self::Zeros(_) => {
                Some("application/octet-stream")
            }
        }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}
