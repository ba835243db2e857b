//! One of many.

use crate::uri::Uri;

/// A document of a [`Listing`](crate::Listing).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its own URI.
    pub uri: Uri,
    /// How many bytes it had when it was listed.
    pub size: u64,
    /// What it would have for [`Document::version`](crate::Document::version), if the list says it.
    pub version: Option<Box<str>>,
}
