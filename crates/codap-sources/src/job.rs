//! One fetch under way: what an adapter is told, and what it tells while it works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// What an adapter is to fetch, and within which bounds. Its caller ends it at the deadline by
/// dropping it, so an adapter has no timer of its own.
pub(crate) struct Job<'a> {
    uri: &'a Uri,
    settings: &'a Settings,
    began: Instant,
    /// Bytes that came, to be told should the time run out.
    received: AtomicU64,
    /// What it waited for besides a reply, to be told then too.
    wait: Mutex<Option<Wait>>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(uri: &'a Uri, settings: &'a Settings) -> Self {
        Self {
            uri,
            settings,
            began: Instant::now(),
            received: AtomicU64::new(0),
            wait: Mutex::new(None),
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
    #[cfg(any(
        feature = "s3",
        feature = "gs",
        feature = "az",
        feature = "postgres",
        feature = "redis"
    ))]
    pub(crate) fn environment(&self) -> &'a Environment {
        &self.settings.environment
    }

    /// When its caller will end it; `None` is never.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.began.checked_add(self.settings.timeout)
    }

    /// Notes that `bytes` more have come.
    #[cfg(any(feature = "http", feature = "mongodb", feature = "postgres", feature = "redis"))]
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
        Error::new(kind, self.uri, what)
    }

    /// Refuses what is larger than allowed.
    #[cfg(any(feature = "mongodb", feature = "postgres", feature = "sqlite", feature = "redis"))]
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
        let timeout = self.settings.timeout;
        let mut what = match self.received.load(Ordering::Relaxed) {
            0 => format!("no reply within {timeout:?}"),
            bytes => format!("not complete within {timeout:?}: {bytes} bytes came"),
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
