//! One fetch under way: what an adapter is told, and what it tells while it works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Kind};
#[cfg(any(
    feature = "s3",
    feature = "gs",
    feature = "az",
    feature = "postgres",
    feature = "redis"
))]
use crate::settings::Environment;
use crate::settings::Settings;
use crate::uri::Uri;

/// What is to become of what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A document, held whole.
    Whole,
    /// Chunks, each gone when the next one comes.
    Streamed,
}

/// What an adapter is to fetch, and within which bounds. Its caller ends it at the deadline by
/// dropping it, so an adapter has no timer of its own.
pub(crate) struct Job {
    uri: Uri,
    settings: Arc<Settings>,
    purpose: Purpose,
    began: Instant,
    /// Bytes that came, to be told should the time run out.
    received: AtomicU64,
    /// What it waited for besides a reply, to be told then too.
    wait: Mutex<Option<Wait>>,
}

impl Job {
    pub(crate) fn new(uri: &Uri, settings: &Arc<Settings>, purpose: Purpose) -> Self {
        Self {
            uri: uri.clone(),
            settings: settings.clone(),
            purpose,
            began: Instant::now(),
            received: AtomicU64::new(0),
            wait: Mutex::new(None),
        }
    }

    /// The same once more, from now on.
    pub(crate) fn again(&self) -> Self {
        Self::new(&self.uri, &self.settings, self.purpose)
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    #[cfg(feature = "http")]
    pub(crate) fn is_streamed(&self) -> bool {
        self.purpose == Purpose::Streamed
    }

    /// The most bytes that may come, decoded.
    pub(crate) fn max_size(&self) -> u64 {
        match self.purpose {
            Purpose::Whole => self.settings.max_size,
            Purpose::Streamed => self.settings.max_streamed_size,
        }
    }

    /// The environment variables that adapters may look at.
    #[cfg(any(
        feature = "s3",
        feature = "gs",
        feature = "az",
        feature = "postgres",
        feature = "redis"
    ))]
    pub(crate) fn environment(&self) -> &Environment {
        &self.settings.environment
    }

    /// How long it may take: all of it, or what a stream takes to its next byte.
    pub(crate) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// When its caller will end it; `None` is never.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.began.checked_add(self.settings.timeout)
    }

    /// Notes that `bytes` more have come.
    #[cfg(any(
        feature = "file",
        feature = "http",
        feature = "mongodb",
        feature = "postgres",
        feature = "redis"
    ))]
    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes why there is no request yet, until `has_waited`.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn waits(&self, why: &'static str) {
        *self.wait() = Some(Wait { why, since: Instant::now(), ended: None });
    }

    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn has_waited(&self) {
        if let Some(wait) = &mut *self.wait() {
            wait.ended = Some(Instant::now());
        }
    }

    fn wait(&self) -> MutexGuard<'_, Option<Wait>> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error about this URI: what happened, and what to do.
    pub(crate) fn error(&self, kind: Kind, what: impl AsRef<str>) -> Error {
        Error::new(kind, &self.uri, what)
    }

    /// Refuses what is larger than allowed.
    #[cfg(any(feature = "mongodb", feature = "postgres", feature = "sqlite", feature = "redis"))]
    pub(crate) fn check_size(&self, size: u64) -> Result<(), Error> {
        if size <= self.max_size() { Ok(()) } else { Err(self.too_large(None)) }
    }

    /// What is said of a document that is larger than allowed, and how large it is, if known.
    pub(crate) fn too_large(&self, size: Option<u64>) -> Error {
        let has = size.map(|size| format!("has {size} bytes")).unwrap_or("is larger".to_owned());
        let bound = match self.purpose {
            Purpose::Whole => "max_size",
            Purpose::Streamed => "max_streamed_size",
        };
        let what = format!("{has}; {bound} allows {}", self.max_size());
        self.error(Kind::TooLarge, what)
    }

    /// What its caller says at the deadline.
    pub(crate) fn timed_out(&self) -> Error {
        let timeout = self.settings.timeout;
        let mut what = match (self.received.load(Ordering::Relaxed), self.purpose) {
            (0, _) => format!("no reply within {timeout:?}"),
            (bytes, Purpose::Whole) => {
                format!("not complete within {timeout:?}: {bytes} bytes came")
            }
            (bytes, Purpose::Streamed) => {
                format!("stalled for {timeout:?} after {bytes} bytes; try again")
            }
        };
        if let Some(wait) = &*self.wait() {
            let waited = wait.ended.unwrap_or_else(Instant::now) - wait.since;
            // A short wait is not what used up the time.
            if waited > timeout / 10 {
                what.push_str(&format!("; for {waited:.1?} of it {}", wait.why));
            }
        }
        self.error(Kind::Timeout, what)
    }
}

/// A time without a request.
struct Wait {
    why: &'static str,
    since: Instant,
    ended: Option<Instant>,
}
