//! How an entry is treated when it is slow or fails.

use std::time::Duration;

/// The first pause before another attempt; each later one is twice as long, up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A server that asks for a longer pause (`Retry-After`) is asked again after this one.
const TOLD_MAX: Duration = Duration::from_secs(60);

/// The policy of one entry.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// Of each attempt.
    pub(crate) timeout: Duration,
    /// How many attempts there may be after the first.
    pub(crate) retry: u32,
    /// JSON, to stand in for what failed.
    pub(crate) default: Option<String>,
}

impl Policy {
    /// The pauses between the attempts.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let doubled = |pause: &Duration| Some((*pause * 2).min(PAUSE_MAX));
        std::iter::successors(Some(PAUSE), doubled).take(self.retry as usize)
    }
}

/// The pause that the other side asked for, as far as anybody waits.
pub(crate) fn told(error: &codap_sources::Error) -> Option<Duration> {
    error.retry_after().map(|told| told.min(TOLD_MAX))
}
