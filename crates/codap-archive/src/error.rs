//! One opaque error: which file, which entry, what went wrong, what to do.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use codap::redact;

/// Why an entry is not in the archive, or why there is no archive.
///
/// `Display` tells it in one line: the file or the entry, what happened, what to do; secrets are cut
/// out of it and of `Debug`. Cloning is cheap: what ended an archive is told to each of its entries.
///
/// An error that [`is_about_entry`](Self::is_about_entry) is about that entry alone, and the archive
/// goes on without it. Every other ends the archive.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    what: Box<str>,
    cause: Option<io::Error>,
}

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The target is something that is not replaced by an archive.
    Refused,
    /// Another run writes to the same target.
    Locked,
    /// A file could not be read or written.
    Disk,
    /// The body is not what was promised for it.
    Mismatch,
    /// What is to be taken up again was made from another list, or in another format.
    ListChanged,
    /// The archive has been given up.
    Aborted,
    /// Something that must not happen.
    Broken,
}

impl Error {
    pub(crate) fn new(kind: Kind, what: impl AsRef<str>) -> Self {
        Self(Arc::new(Inner { kind, what: redact(what.as_ref()).into(), cause: None }))
    }

    /// `what` could not be done with a file or a stream.
    pub(crate) fn disk(what: impl AsRef<str>, cause: io::Error) -> Self {
        let advice = match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "; make room and run again"
            }
            _ => "",
        };
        let what = format!("{}: {cause}{advice}", what.as_ref());
        Self(Arc::new(Inner { kind: Kind::Disk, what: redact(&what).into(), cause: Some(cause) }))
    }

    pub(crate) fn aborted() -> Self {
        Self::new(Kind::Aborted, "the archive has been given up")
    }

    pub(crate) fn finished() -> Self {
        Self::new(Kind::Aborted, "the archive has been finished")
    }

    /// It is about one entry: its body was not what was promised. The archive goes on without it.
    pub fn is_about_entry(&self) -> bool {
        self.0.kind == Kind::Mismatch
    }

    /// The target is a folder, a device, a symbolic link: something that an archive does not replace.
    pub fn is_refused(&self) -> bool {
        self.0.kind == Kind::Refused
    }

    /// Another run writes to the same target.
    pub fn is_locked(&self) -> bool {
        self.0.kind == Kind::Locked
    }

    /// A disk, or the stream that the archive goes to, failed.
    pub fn is_disk(&self) -> bool {
        self.0.kind == Kind::Disk
    }

    /// No space is left, or the quota is used up.
    pub fn is_full(&self) -> bool {
        self.is_io(|kind| matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// Nobody reads the stream that the archive goes to any more.
    pub fn is_closed(&self) -> bool {
        self.is_io(|kind| kind == io::ErrorKind::BrokenPipe)
    }

    /// What was to be taken up again was made from another list, or in another format.
    pub fn is_list_changed(&self) -> bool {
        self.0.kind == Kind::ListChanged
    }

    /// The archive has been given up: aborted, suspended, dropped.
    pub fn is_aborted(&self) -> bool {
        self.0.kind == Kind::Aborted
    }

    fn is_io(&self, is: impl Fn(io::ErrorKind) -> bool) -> bool {
        self.0.cause.as_ref().is_some_and(|cause| is(cause.kind()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.0.kind).field("what", &self.0.what).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_travels_names_its_cause_and_keeps_secrets() {
        fn travels<T: Send + Sync + Clone + 'static>(_: &T) {}
        let cause = io::Error::from(io::ErrorKind::StorageFull);
        let error = Error::disk("cannot write /tmp/https://u:s3cret@host/x.zip", cause);
        travels(&error);
        assert!(error.is_full() && error.is_disk() && !error.is_about_entry());
        let told = format!("{error} {error:?}");
        assert!(told.contains("cannot write") && told.contains("make room"), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}
