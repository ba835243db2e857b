//! One opaque error: which URI, what went wrong, what to do. Secrets never get in.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use codap::redact;

/// Why there is no document.
///
/// `Display` tells it in one line: the URI, what happened, what to do. Secrets are cut out of it,
/// of `Debug`, and of every error of the [`source`](std::error::Error::source) chain, which holds
/// what the clients underneath said as text. Cloning is cheap.
///
/// ```
/// use codap_sources::{Error, Uri};
///
/// let error: Error = "gopher://host/1".parse::<Uri>().unwrap_err();
/// assert!(error.is_unsupported() && !error.is_transient());
/// assert!(error.to_string().contains("http"), "the known schemes are listed");
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    /// Redacted; empty where there is no URI yet.
    uri: Box<str>,
    what: Box<str>,
    transient: bool,
    retry_after: Option<Duration>,
    cause: Option<Cause>,
}

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The other side has no such thing.
    NotFound,
    /// It wants other credentials.
    Unauthorized,
    /// It took too long.
    Timeout,
    /// It is larger than allowed.
    TooLarge,
    /// It broke off, or is not what was promised.
    Incomplete,
    /// This cannot be done here.
    Unsupported,
    /// There was no connection to begin with.
    Connect,
    /// The URI, or what came, makes no sense.
    Invalid,
    /// The other side says that it cannot now.
    #[cfg_attr(
        not(any(
            feature = "http",
            feature = "mongodb",
            feature = "sqlite",
            feature = "postgres",
            feature = "redis"
        )),
        expect(dead_code, reason = "a file is never busy")
    )]
    Busy,
    /// It failed otherwise.
    Failed,
}

impl Kind {
    /// Whether the same may go well a little later.
    pub(crate) fn is_transient(self) -> bool {
        matches!(self, Self::Timeout | Self::Incomplete | Self::Connect | Self::Busy)
    }
}

impl Error {
    /// An error about `uri` (as it displays: redacted), with what happened and what to do.
    pub(crate) fn new(kind: Kind, uri: &impl fmt::Display, what: impl AsRef<str>) -> Self {
        Self(Arc::new(Inner {
            kind,
            uri: uri.to_string().into(),
            what: redact(what.as_ref()).into(),
            transient: kind.is_transient(),
            retry_after: None,
            cause: None,
        }))
    }

    /// Keeps what a client underneath said as the source: the text of its chain, redacted.
    pub(crate) fn because(self, cause: &(dyn StdError + 'static)) -> Self {
        self.but(|inner| inner.cause = Some(Cause::of(cause)))
    }

    /// Whether a retry is worth it, where that does not follow from the kind.
    #[cfg(any(feature = "http", feature = "sqlite", feature = "postgres", feature = "redis"))]
    pub(crate) fn transient(self, transient: bool) -> Self {
        self.but(|inner| inner.transient = transient)
    }

    /// What the other side said about when to come back.
    #[cfg(feature = "http")]
    pub(crate) fn after(self, delay: Option<Duration>) -> Self {
        self.but(|inner| inner.retry_after = delay)
    }

    fn but(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        let inner = Arc::get_mut(&mut self.0).expect("an error in the making is not shared");
        change(inner);
        self
    }

    /// The same, as the reason why `what` came about.
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    pub(crate) fn about(self, what: &str) -> Self {
        self.but(|inner| inner.what = format!("{what}: {}", inner.what).into())
    }

    /// What goes on after the URI.
    #[cfg(feature = "http")]
    pub(crate) fn what(&self) -> &str {
        &self.0.what
    }

    /// What sort it is, for code of this crate that goes on from an error.
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// There is no such file, object, row, document or key.
    pub fn is_not_found(&self) -> bool {
        self.kind() == Kind::NotFound
    }

    /// The credentials are missing, wrong, or not enough.
    pub fn is_unauthorized(&self) -> bool {
        self.kind() == Kind::Unauthorized
    }

    /// It did not end in time: see [`Builder::timeout`](crate::Builder::timeout).
    pub fn is_timeout(&self) -> bool {
        self.kind() == Kind::Timeout
    }

    /// It is larger, decoded, than [`Builder::max_size`](crate::Builder::max_size) allows.
    pub fn is_too_large(&self) -> bool {
        self.kind() == Kind::TooLarge
    }

    /// It broke off, or its length or hash is not what was promised.
    pub fn is_incomplete(&self) -> bool {
        self.kind() == Kind::Incomplete
    }

    /// No source can do this: an unknown scheme, or a feature that is not in this build.
    pub fn is_unsupported(&self) -> bool {
        self.kind() == Kind::Unsupported
    }

    /// No connection came about: name, address, refusal, certificate.
    pub fn is_connect(&self) -> bool {
        self.kind() == Kind::Connect
    }

    /// The URI is malformed, or what came is not what it should be (no JSON, no UTF-8, no HTTP).
    pub fn is_invalid(&self) -> bool {
        self.kind() == Kind::Invalid
    }

    /// Whether to try again may help: for
    /// [`retry_if`](https://docs.rs/codap/latest/codap/struct.Fetch.html#method.retry_if).
    pub fn is_transient(&self) -> bool {
        self.0.transient
    }

    /// How long the other side asked to be left alone (`Retry-After`), as it said it: it may be
    /// longer than anybody wants to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The URI it is about, redacted; `None` where a text was none.
    pub fn uri(&self) -> Option<&str> {
        Some(&*self.0.uri).filter(|uri| !uri.is_empty())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(uri) = self.uri() {
            write!(f, "{uri}: ")?;
        }
        f.write_str(&self.0.what)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("uri", &self.0.uri)
            .field("what", &self.0.what)
            .field("transient", &self.0.transient)
            .field("retry_after", &self.0.retry_after)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// What a foreign error and those below it said, redacted: the errors themselves show secrets in
/// `Display` or `Debug`.
struct Cause {
    text: Box<str>,
    below: Option<Box<Self>>,
}

/// Of a chain of foreign errors, as many are kept.
const CAUSES_MAX: usize = 16;

impl Cause {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut texts: Vec<Box<str>> = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next.filter(|_| texts.len() < CAUSES_MAX) {
            texts.push(redact(&error.to_string()).into());
            next = error.source();
        }
        let mut below = None;
        for text in texts.into_iter().rev() {
            below = Some(Box::new(Self { text, below }));
        }
        *below.expect("a chain has a first error")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(std::iter::successors(Some(self), |it| it.below.as_deref()).map(|it| &it.text))
            .finish()
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.below.as_ref().map(|cause| &**cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_travel() {
        fn check<T: Send + Sync + Clone + 'static>() {}
        check::<Error>();
    }

    #[test]
    fn foreign_errors_are_redacted_all_the_way_down() {
        let foreign = std::io::Error::other("no reply from https://u:s3cret@host/?token=s3cret");
        let error = Error::new(Kind::Failed, &"x", "went wrong").because(&foreign);
        let told = format!("{error} {error:?} {:?}", error.source());
        assert!(!told.contains("s3cret"), "{told}");
    }
}
