//! What can happen to a reply on its way: cut, stalled, slowed to a trickle.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::latency::Latency;
use crate::millis;

/// A moment in the course of a reply. In a script file: `"head"`, `{ body = 100 }`,
/// `{ wire = 20 }`, `"anywhere"`, `"end"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum At {
    /// Before the first byte.
    Head,
    /// After that many bytes of the body as sent; 0 is after the headers. Chunk sizes do not count,
    /// bytes of a coded body do. At the last byte of a body with a length the peer has everything,
    /// but the reply counts as under way; [`End`](Self::End) is after it.
    Body(u64),
    /// After that many bytes of anything: status line, headers, chunk sizes, body.
    Wire(u64),
    /// At a byte of the body that is drawn for each request.
    Anywhere,
    /// After the last byte.
    End,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// With an orderly close (FIN). Over TLS it comes without a `close_notify`.
    #[default]
    Fin,
    /// With a reset (RST). What the peer has not read by then may be lost on the way.
    Rst,
}

/// The end of a connection in the middle of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    pub(crate) at: At,
    #[serde(default)]
    pub(crate) how: How,
}

/// Silence in the middle of a reply: until [`Server::release`](crate::Server::release), or for a
/// time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    pub(crate) at: At,
    #[serde(default = "always", skip_serializing_if = "is_always")]
    pub(crate) share: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Latency>,
}

impl Stall {
    /// Stalls `at` that moment until the test releases it, for ever if it does not.
    pub fn at(at: At) -> Self {
        Self { at, share: always(), last: None }
    }

    /// Goes on by itself after a time.
    #[must_use]
    pub fn last(self, last: impl Into<Latency>) -> Self {
        Self { last: Some(last.into()), ..self }
    }

    /// Happens to this share of the requests only, 0.01 for one in a hundred.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self { share, ..self }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        check_share(self.share)?;
        self.last.as_ref().map_or(Ok(()), Latency::check)
    }
}

/// A few bytes at a time, with a rest after each few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trickle {
    pub(crate) bytes: u64,
    #[serde(with = "millis")]
    pub(crate) every: Duration,
    /// Status line and headers too, not only the body.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) head: bool,
}

pub(crate) fn check_share(share: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(format!("a share is from 0 to 1, not {share}"))
}

fn always() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_always(share: &f64) -> bool {
    *share == 1.0
}
