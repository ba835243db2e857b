//! One fetch under way: what an adapter is told, and what it tells while it works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Kind};
use crate::uri::Uri;

/// What an adapter is to fetch, and within which bounds. Its caller ends it at the deadline by
/// dropping it, so an adapter has no timer of its own.
pub(crate) struct Job<'a> {
    uri: &'a Uri,
    max_size: u64,
    began: Instant,
    timeout: Duration,
    /// Bytes that came, to be told should the time run out.
    received: AtomicU64,
}

impl<'a> Job<'a> {
    pub(crate) fn new(uri: &'a Uri, max_size: u64, timeout: Duration) -> Self {
        Self { uri, max_size, began: Instant::now(), timeout, received: AtomicU64::new(0) }
    }

    pub(crate) fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The most bytes that the document may have, decoded.
    pub(crate) fn max_size(&self) -> u64 {
        self.max_size
    }

    /// When its caller will end it; `None` is never.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.began.checked_add(self.timeout)
    }

    /// Notes that `bytes` more have come.
    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// An error about this URI: what happened, and what to do.
    pub(crate) fn error(&self, kind: Kind, what: impl AsRef<str>) -> Error {
        Error::new(kind, self.uri, what)
    }

    /// Refuses what is larger than allowed.
    pub(crate) fn check_size(&self, size: u64) -> Result<(), Error> {
        if size <= self.max_size { Ok(()) } else { Err(self.too_large(None)) }
    }

    /// What is said of a document that is larger than allowed, and how large it is, if known.
    pub(crate) fn too_large(&self, size: Option<u64>) -> Error {
        let has = size.map(|size| format!("has {size} bytes")).unwrap_or("is larger".to_owned());
        let what = format!("{has}; max_size allows {}", self.max_size);
        self.error(Kind::TooLarge, what)
    }

    /// What its caller says at the deadline.
    pub(crate) fn timed_out(&self) -> Error {
        let what = match self.received.load(Ordering::Relaxed) {
            0 => format!("no reply within {:?}", self.timeout),
            bytes => format!("not complete within {:?}: {bytes} bytes came", self.timeout),
        };
        self.error(Kind::Timeout, what)
    }
}
