//! One opaque error for everything: which entry, how it ended, after how long, and from what.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::contain::{in_turn, quietly};
use crate::redact::redact;

/// What an entry's own error is boxed into.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How an entry ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// The work gave a value.
    Ok,
    /// The work gave an error.
    Failed,
    /// The work panicked.
    Panicked,
    /// The deadline of the container, or the timeout of the last attempt, passed.
    TimedOut,
    /// The entry, or its container, was cancelled, dropped or replaced, or its runtime ended.
    Cancelled,
    /// Whoever was to fill the entry by hand let go of it.
    Abandoned,
    /// The work failed and its default stands in.
    Defaulted,
}

impl Ending {
    /// Whether there is a value to read.
    pub fn is_ok(self) -> bool {
        matches!(self, Self::Ok | Self::Defaulted)
    }
}

/// Why there is no value: an entry that ended without one, or an access that cannot be answered.
///
/// Cloning is cheap (a reference count), since every reader of an entry gets the same error.
/// `Display` tells the whole story in one line (which entry, how, after how long, why, what to
/// do) with the secrets of URLs and credentials cut out; [`source`](std::error::Error::source) is
/// the work's own error, to downcast. An error of one entry that another entry passes on is not
/// wrapped again and again: the first error stays the [`root`](Error::root), the entries between
/// are named. Making one costs an allocation and a pass over the name; its predicates cost nothing.
///
/// ```
/// # let kv = codap::Kv::<&str, u32>::new();
/// kv.put("port", async { "http".parse::<u32>() });
/// let error = kv.get_blocking("port").unwrap_err();
/// assert!(error.is_failed());
/// assert_eq!(error.entry(), Some("\"port\""));
/// let cause = std::error::Error::source(&error).unwrap();
/// assert!(cause.is::<std::num::ParseIntError>());
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    /// Empty: not of an entry, as the error of a `fetch` outside of any container.
    entry: Box<str>,
    elapsed: Duration,
    attempts: u32,
    cause: Cause,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Failed,
    Panicked(Box<str>),
    TimedOut,
    Cancelled(&'static str),
    Abandoned,
    Missing(Box<str>),
    WouldBlock(&'static str),
    Cycle(Box<str>),
}

/// Why work gave no value, before it is known of which entry.
pub(crate) enum Failure {
    Of(BoxError),
    Kind(Kind),
}

enum Cause {
    None,
    /// The work's own error.
    Own(BoxError),
    /// The error of another entry, never itself of this variant, and the entries between.
    Of(Error, Vec<Box<str>>),
}

/// Of a chain of entries that hand on one error, as many are named.
const VIA_MAX: usize = 8;

impl Error {
    pub(crate) fn new(kind: Kind, entry: &str, elapsed: Duration) -> Self {
        Self(Arc::new(Inner {
            kind,
            entry: redact(entry).into(),
            elapsed,
            attempts: 0,
            cause: Cause::None,
        }))
    }

    /// The error of a work that gave `source`. What came from codap is flattened.
    pub(crate) fn failed(source: BoxError, entry: &str, elapsed: Duration) -> Self {
        let source = match source.downcast::<Self>() {
            Ok(error) => return error.passed_on(entry, elapsed),
            Err(source) => source,
        };
        let (kind, cause) = (Kind::Failed, Cause::Own(source));
        Self(Arc::new(Inner { kind, entry: redact(entry).into(), elapsed, attempts: 0, cause }))
    }

    /// The error of `attempts` attempts of a fetch, which no entry has claimed yet.
    pub(crate) fn of_attempts(
        kind: Kind,
        source: Option<BoxError>,
        elapsed: Duration,
        attempts: u32,
    ) -> Self {
        let cause = match source.map(|source| source.downcast::<Self>()) {
            None => Cause::None,
            Some(Ok(error)) => error.as_cause(),
            Some(Err(source)) => Cause::Own(source),
        };
        Self(Arc::new(Inner { kind, entry: Box::default(), elapsed, attempts, cause }))
    }

    fn passed_on(self, entry: &str, elapsed: Duration) -> Self {
        let entry: Box<str> = redact(entry).into();
        if !self.0.entry.is_empty() || self.is_access() {
            let cause = self.as_cause();
            return Self(Arc::new(Inner {
                kind: Kind::Failed,
                entry,
                elapsed,
                attempts: 0,
                cause,
            }));
        }
        // A fetch's error: the entry that it ran in claims it.
        let (kind, attempts) = (self.0.kind.clone(), self.0.attempts);
        let cause = match Arc::try_unwrap(self.0) {
            Ok(mut inner) => std::mem::replace(&mut inner.cause, Cause::None),
            Err(shared) => Self(shared).as_cause(),
        };
        Self(Arc::new(Inner { kind, entry, elapsed, attempts, cause }))
    }

    fn as_cause(&self) -> Cause {
        match &self.0.cause {
            Cause::Of(root, via) => {
                let mut via = via.clone();
                if via.len() < VIA_MAX {
                    via.insert(0, self.0.entry.clone());
                }
                Cause::Of(root.clone(), via)
            }
            Cause::None | Cause::Own(_) => Cause::Of(self.clone(), Vec::new()),
        }
    }

    /// The entry's key as its `Debug` prints it, or its position; the secrets of URLs are cut out.
    /// `None` for a [`fetch`](crate::fetch()) that ran outside of any container.
    pub fn entry(&self) -> Option<&str> {
        (!self.0.entry.is_empty()).then_some(&*self.0.entry)
    }

    /// How long the entry had been running; zero if nobody looked at a clock before it ended.
    /// In a container with a limit or a deadline it counts from the put.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// How often the work was tried, where a [`fetch`](crate::fetch()) counted; else 0.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How the entry ended; `None` if this is the answer to an access (missing, would block,
    /// cycle) and not an entry's end.
    pub fn ending(&self) -> Option<Ending> {
        match self.0.kind {
            Kind::Failed => Some(Ending::Failed),
            Kind::Panicked(_) => Some(Ending::Panicked),
            Kind::TimedOut => Some(Ending::TimedOut),
            Kind::Cancelled(_) => Some(Ending::Cancelled),
            Kind::Abandoned => Some(Ending::Abandoned),
            Kind::Missing(_) | Kind::WouldBlock(_) | Kind::Cycle(_) => None,
        }
    }

    /// The error that started it: of the first entry in the chain of entries that passed it on,
    /// or this one.
    pub fn root(&self) -> &Self {
        match &self.0.cause {
            Cause::Of(root, _) => root,
            Cause::None | Cause::Own(_) => self,
        }
    }

    fn is_access(&self) -> bool {
        self.ending().is_none()
    }

    /// The work gave an error.
    pub fn is_failed(&self) -> bool {
        self.ending() == Some(Ending::Failed)
    }

    /// The work panicked.
    pub fn is_panic(&self) -> bool {
        self.ending() == Some(Ending::Panicked)
    }

    /// The container's deadline, or the timeout of the last attempt, passed.
    pub fn is_timeout(&self) -> bool {
        self.ending() == Some(Ending::TimedOut)
    }

    /// The entry was cancelled, replaced, or lost with its container or runtime.
    pub fn is_cancelled(&self) -> bool {
        self.ending() == Some(Ending::Cancelled)
    }

    /// A hand-filled entry was dropped unfilled.
    pub fn is_abandoned(&self) -> bool {
        self.ending() == Some(Ending::Abandoned)
    }

    /// There is no such entry.
    pub fn is_missing(&self) -> bool {
        matches!(self.0.kind, Kind::Missing(_))
    }

    /// A blocking read where blocking would stop the very runtime it waits for.
    pub fn is_would_block(&self) -> bool {
        matches!(self.0.kind, Kind::WouldBlock(_))
    }

    /// The wait would have closed a circle of entries that wait for each other.
    pub fn is_cycle(&self) -> bool {
        matches!(self.0.kind, Kind::Cycle(_))
    }

    fn story(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        match (&*inner.entry, &inner.kind) {
            ("", _) => f.write_str("the fetch")?,
            (name, _) => write!(f, "entry {name}")?,
        }
        match &inner.kind {
            Kind::Failed => f.write_str(" failed")?,
            Kind::Panicked(_) => f.write_str(" panicked")?,
            Kind::TimedOut => f.write_str(" timed out")?,
            Kind::Cancelled(why) => write!(f, " was cancelled ({why})")?,
            Kind::Abandoned => f.write_str(" was abandoned: its slot was dropped unfilled")?,
            Kind::Missing(hint) => return write!(f, " is missing: {hint}"),
            Kind::WouldBlock(hint) => return write!(f, " cannot be read by blocking here: {hint}"),
            Kind::Cycle(path) => return write!(f, " would wait for itself: {path}"),
        }
        let elapsed = Some(inner.elapsed).filter(|&elapsed| elapsed > Duration::ZERO);
        match (inner.attempts, elapsed) {
            (0 | 1, None) => {}
            (0 | 1, Some(elapsed)) => write!(f, " after {elapsed:.1?}")?,
            (attempts, None) => write!(f, " after {attempts} attempts")?,
            (attempts, Some(elapsed)) => write!(f, " after {attempts} attempts and {elapsed:.1?}")?,
        }
        if let Kind::Panicked(message) = &inner.kind {
            write!(f, ": {}", redact(message))?;
        }
        match &inner.cause {
            Cause::None => Ok(()),
            Cause::Own(source) => write!(f, ": {}", redact(&source.to_string())),
            Cause::Of(root, via) => {
                f.write_str(": ")?;
                for name in via {
                    write!(f, "entry {name}: ")?;
                }
                root.story(f)
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.story(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.root().0.cause {
            Cause::Own(source) => Some(&**source),
            Cause::None | Cause::Of(..) => None,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A user's error may hold an `Error` whose source holds an `Error`, and so on: dropped one
        // inside another, 300,000 of them overflow the stack.
        match std::mem::replace(&mut self.cause, Cause::None) {
            Cause::None => {}
            Cause::Own(source) => in_turn(Box::new(move || quietly(source))),
            Cause::Of(root, _) => drop(root),
        }
    }
}

/// Every error of a race that nobody won, in the order in which the entries ended.
#[derive(Clone)]
pub struct Errors(pub(crate) Vec<Error>);

impl Errors {
    /// The errors, first to end first. Empty if nothing was put.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none, because nothing was put.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Errors {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no entry succeeded: none was put");
        }
        write!(f, "none of {} entries succeeded", self.0.len())?;
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{} {error}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl std::error::Error for Errors {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.first().map(|error| error as _)
    }
}
