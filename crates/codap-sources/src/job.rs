//! One fetch under way: what an adapter is told, and what it tells while it works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::error::{Error, Kind};
use crate::settings::{Environment, Settings};
use crate::uri::Uri;

/// What an adapter is to fetch, and within which bounds. Its caller ends it at the deadline by
/// dropping it, so an adapter has no timer of its own.
pub(crate) struct Job<'a> {
    uri: &'a Uri,
    settings: &'a Settings,
    began: Instant,
    /// Bytes that came, to be told should the time run out.
    received: AtomicU64,
    /// What it waits for besides a reply, to be told then too.
    waits_for: Mutex<Option<&'static str>>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(uri: &'a Uri, settings: &'a Settings) -> Self {
        Self {
            uri,
            settings,
            began: Instant::now(),
            received: AtomicU64::new(0),
            waits_for: Mutex::new(None),
        }
    }

    pub(crate) fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The most bytes that the document may have, decoded.
    pub(crate) fn max_size(&self) -> u64 {
        self.settings.max_size
    }

    /// The environment variables that adapters may look at.
    pub(crate) fn environment(&self) -> &'a Environment {
        &self.settings.environment
    }

    /// When its caller will end it; `None` is never.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.began.checked_add(self.settings.timeout)
    }

    /// Notes that `bytes` more have come.
    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes why there is no request yet, should the time run out before there is one.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "redis")),
        expect(dead_code, reason = "the other clients have pools of their own")
    )]
    pub(crate) fn waits_for(&self, what: Option<&'static str>) {
        *self.waits_for.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// An error about this URI: what happened, and what to do.
    pub(crate) fn error(&self, kind: Kind, what: impl AsRef<str>) -> Error {
        Error::new(kind, self.uri, what)
    }

    /// Refuses what is larger than allowed.
    pub(crate) fn check_size(&self, size: u64) -> Result<(), Error> {
        if size <= self.max_size() { Ok(()) } else { Err(self.too_large(None)) }
    }

    /// What is said of a document that is larger than allowed, and how large it is, if known.
    pub(crate) fn too_large(&self, size: Option<u64>) -> Error {
        let has = size.map(|size| format!("has {size} bytes")).unwrap_or("is larger".to_owned());
        let what = format!("{has}; max_size allows {}", self.max_size());
        self.error(Kind::TooLarge, what)
    }

    /// What its caller says at the deadline.
    pub(crate) fn timed_out(&self) -> Error {
        let waits_for = *self.waits_for.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(what) = waits_for {
            return self.error(
                Kind::Timeout,
                format!("not begun within {:?}: {what}", self.settings.timeout),
            );
        }
        let what = match self.received.load(Ordering::Relaxed) {
            0 => format!("no reply within {:?}", self.settings.timeout),
            bytes => format!("not complete within {:?}: {bytes} bytes came", self.settings.timeout),
        };
        self.error(Kind::Timeout, what)
    }
}
