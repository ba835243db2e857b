//! What a request gets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    body::Body,
    coding::Coding,
    fault::{At, Cut, How, Stall, Trickle},
    latency::Latency,
    ranges::Ranges,
    raw::Raw,
};

/// A reply, and all that goes wrong with it. What is not said is as it should be: status 200, a
/// true length, the connection kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) body: Body,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) coding: Option<Coding>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) framing: Framing,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) etag: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) ranges: Ranges,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) raw: Option<Raw>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) before: Option<Raw>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) after: Option<Raw>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) corrupt: Vec<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) latency: Option<Latency>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) stall: Vec<Stall>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) cut: Option<Cut>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) trickle: Option<Trickle>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) close: bool,
}

/// How a body tells where it ends. In a script file: `"length"`, `{ claim = 100 }`, `"bare"`,
/// `"chunked"`, `{ chunks = { size = 1 } }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Framing {
    /// By its true `Content-Length`.
    #[default]
    Length,
    /// By a `Content-Length` that says this, whatever is sent.
    Claim(u64),
    /// By nothing but the end of the connection.
    Bare,
    /// In chunks of at most 64 KiB.
    Chunked,
    /// In chunks of one's own.
    Chunks {
        /// Bytes in each but the last.
        size: u64,
        /// What stands behind each size, `;name=value`.
        #[serde(default)]
        extension: String,
        /// What follows the last chunk.
        #[serde(default)]
        trailers: Vec<(String, String)>,
        /// Leaves out the last chunk, the empty one, and all that follows.
        #[serde(default)]
        open: bool,
    },
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            status: 200,
            reason: None,
            headers: Vec::new(),
            body: Body::Empty,
            coding: None,
            framing: Framing::Length,
            etag: None,
            ranges: Ranges::Ignore,
            raw: None,
            before: None,
            after: None,
            corrupt: Vec::new(),
            latency: None,
            stall: Vec::new(),
            cut: None,
            trickle: None,
            close: false,
        }
    }
}

impl Reply {
    /// 200 with this body.
    pub fn ok(body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// This status, with no body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A redirect to `location`, which is sent as it stands: relative, to another origin, or of
    /// another scheme. To the path that it answers it is a loop.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::status(status).header("Location", location)
    }

    /// These bytes instead of a reply; then the connection is closed.
    pub fn raw(raw: impl Into<Raw>) -> Self {
        Self { raw: Some(raw.into()), ..Self::default() }
    }

    /// No reply: the connection is reset once the request is read.
    pub fn reset() -> Self {
        Self::default().cut_with(At::Head, How::Rst)
    }

    /// No reply: the connection is closed once the request is read.
    pub fn hang_up() -> Self {
        Self::default().cut_with(At::Head, How::Fin)
    }

    /// No reply: the connection stays open, and silent. The peer cannot tell it from one that died.
    pub fn silence() -> Self {
        Self::default().stall(Stall::at(At::Head))
    }

    /// Other words behind the status.
    #[must_use]
    pub fn reason(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// One more header, sent as it stands, valid or not. One that the server would write by itself
    /// (`Content-Length`, `Content-Type`, …) takes that one's place.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// This body.
    #[must_use]
    pub fn body(self, body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The body under a content coding.
    #[must_use]
    pub fn coding(self, coding: Coding) -> Self {
        Self { coding: Some(coding), ..self }
    }

    /// How the body tells where it ends.
    #[must_use]
    pub fn framing(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// This entity tag, quotes and all.
    #[must_use]
    pub fn etag(self, etag: impl Into<String>) -> Self {
        Self { etag: Some(etag.into()), ..self }
    }

    /// What becomes of a `Range` header.
    #[must_use]
    pub fn ranges(self, ranges: Ranges) -> Self {
        Self { ranges, ..self }
    }

    /// Bytes ahead of the reply: `HTTP/1.1 103 Early Hints\r\n\r\n`.
    #[must_use]
    pub fn before(self, raw: impl Into<Raw>) -> Self {
        Self { before: Some(raw.into()), ..self }
    }

    /// Bytes behind the reply that nobody asked for: a second reply, say.
    #[must_use]
    pub fn after(self, raw: impl Into<Raw>) -> Self {
        Self { after: Some(raw.into()), ..self }
    }

    /// Turns over all bits of this byte of the body as sent; a negative place counts from its end.
    #[must_use]
    pub fn corrupt(mut self, at: i64) -> Self {
        self.corrupt.push(at);
        self
    }

    /// How long the first byte takes.
    #[must_use]
    pub fn latency(self, latency: impl Into<Latency>) -> Self {
        Self { latency: Some(latency.into()), ..self }
    }

    /// Silence at some moment; may be given more than once.
    #[must_use]
    pub fn stall(mut self, stall: Stall) -> Self {
        self.stall.push(stall);
        self
    }

    /// Ends the connection after that many bytes of the body, in an orderly way.
    #[must_use]
    pub fn cut(self, bytes: u64) -> Self {
        self.cut_with(At::Body(bytes), How::Fin)
    }

    /// Ends the connection at that moment in that way.
    #[must_use]
    pub fn cut_with(self, at: At, how: How) -> Self {
        Self { cut: Some(Cut { at, how }), ..self }
    }

    /// Sends the body so many bytes at a time.
    #[must_use]
    pub fn trickle(self, bytes: u64, every: Duration) -> Self {
        Self { trickle: Some(Trickle { bytes, every, head: false }), ..self }
    }

    /// Sends everything, status line and headers too, so many bytes at a time.
    #[must_use]
    pub fn trickle_all(self, bytes: u64, every: Duration) -> Self {
        Self { trickle: Some(Trickle { bytes, every, head: true }), ..self }
    }

    /// Says `Connection: close`, and does so.
    #[must_use]
    pub fn close(self) -> Self {
        Self { close: true, ..self }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if !(100..=999).contains(&self.status) {
            return Err(format!("a status has three digits, not {}", self.status));
        }
        if let Framing::Chunks { size: 0, .. } = self.framing {
            return Err("a chunk has at least one byte".into());
        }
        if self.trickle.is_some_and(|t| t.bytes == 0) {
            return Err("a trickle has at least one byte at a time".into());
        }
        for raw in [&self.raw, &self.before, &self.after].into_iter().flatten() {
            raw.check()?;
        }
        self.latency.iter().try_for_each(Latency::check)?;
        self.stall.iter().try_for_each(Stall::check)
    }
}

fn is_default<T: Default + PartialEq>(of: &T) -> bool {
    *of == T::default()
}
