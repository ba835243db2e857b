//! Bytes that need not be HTTP, and need not end.

use serde::{Deserialize, Serialize};

use crate::{content::Content, hex};

/// What is sent as it stands: garbage instead of a status line, headers without end, bad chunks.
///
/// In a script file it is a list of pieces: `[{ text = "HTTP/1.1 200 OK\r\n" },
/// { repeat = { text = "a: b\r\n", times = 1000000 } }]`. The pieces are `text`, `hex`
/// (`"00 ff"`), `repeat`, `endless` (a text again and again until the peer goes) and `generated`
/// (`{ size = 100, seed = 1 }`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Raw {
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Piece {
    Text(String),
    #[serde(with = "hex", rename = "hex")]
    Bytes(Vec<u8>),
    Repeat {
        text: String,
        times: u64,
    },
    Endless(String),
    Generated {
        size: u64,
        seed: u64,
    },
}

impl Raw {
    /// Nothing so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Then this text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.piece(Piece::Text(text.into()))
    }

    /// Then these bytes.
    #[must_use]
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.piece(Piece::Bytes(bytes.into()))
    }

    /// Then this text so many times.
    #[must_use]
    pub fn repeat(self, text: impl Into<String>, times: u64) -> Self {
        self.piece(Piece::Repeat { text: text.into(), times })
    }

    /// Then this text again and again, until the peer has had enough.
    #[must_use]
    pub fn endless(self, text: impl Into<String>) -> Self {
        self.piece(Piece::Endless(text.into()))
    }

    /// Then bytes drawn from `seed`, as [`generated`](crate::generated) tells them.
    #[must_use]
    pub fn generated(self, seed: u64, size: u64) -> Self {
        self.piece(Piece::Generated { size, seed })
    }

    fn piece(mut self, piece: Piece) -> Self {
        self.pieces.push(piece);
        self
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let empty = |p: &Piece| match p {
            Piece::Endless(text) | Piece::Repeat { text, .. } => text.is_empty(),
            _ => false,
        };
        if self.pieces.iter().any(empty) {
            Err("nothing cannot be repeated".into())
        } else {
            Ok(())
        }
    }
}

impl<T: Into<String>> From<T> for Raw {
    fn from(text: T) -> Self {
        Self::new().text(text)
    }
}

impl Piece {
    /// The bytes that are repeated, and how often; `None` is for ever.
    pub(crate) fn parts(&self) -> (Content<'_>, Option<u64>) {
        match self {
            Self::Text(text) => (Content::Bytes(text.as_bytes().into()), Some(1)),
            Self::Bytes(bytes) => (Content::Bytes(bytes.into()), Some(1)),
            Self::Repeat { text, times } => (Content::Bytes(text.as_bytes().into()), Some(*times)),
            Self::Endless(text) => (Content::Bytes(text.as_bytes().into()), None),
            Self::Generated { size, seed } => {
                (Content::Generated { seed: *seed, size: *size }, Some(1))
            }
        }
    }
}
