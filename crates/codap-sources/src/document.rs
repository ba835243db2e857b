//! What a fetch brings: bytes, and what is known about them.

use std::fmt;

use bytes::Bytes;

use crate::error::{Error, Kind};
use crate::uri::Uri;

/// What a URI stands for, whole and checked: bytes, their type and version.
///
/// Cloning is cheap: the bytes are shared.
#[derive(Clone)]
pub struct Document {
    uri: Uri,
    bytes: Bytes,
    content_type: Option<Box<str>>,
    version: Option<Box<str>>,
    length_verified: bool,
}

impl Document {
    /// The document of `uri`, checked by whoever made it.
    pub(crate) fn new(uri: &Uri, bytes: Bytes) -> Self {
        let uri = uri.clone();
        Self { uri, bytes, content_type: None, version: None, length_verified: true }
    }

    /// A value as its JSON text: what databases give.
    #[cfg(any(feature = "mongodb", feature = "redis"))]
    pub(crate) fn of_json(uri: &Uri, value: &serde_json::Value) -> Self {
        Self::new(uri, value.to_string().into()).with_content_type(Some("application/json"))
    }

    pub(crate) fn with_content_type(mut self, content_type: Option<&str>) -> Self {
        self.content_type = content_type.map(Into::into);
        self
    }

    pub(crate) fn with_version(mut self, version: Option<&str>) -> Self {
        self.version = version.map(Into::into);
        self
    }

    pub(crate) fn with_length_verified(mut self, verified: bool) -> Self {
        self.length_verified = verified;
        self
    }

    /// The URI that was asked for.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The bytes, decoded: a gzipped reply is unpacked already.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The media type, as the source gave it.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// What changes when the document does: the `ETag` of HTTP and object stores, and for files
    /// their length and time of change.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether its end is known to be its end. It is not where an HTTP reply gives no length and
    /// ends with its connection: what was cut off there cannot be told from what is complete.
    pub fn is_length_verified(&self) -> bool {
        self.length_verified
    }

    /// The document as JSON. Cost: it is parsed anew by each call.
    ///
    /// # Errors
    /// If it is no JSON, [`is_invalid`](Error::is_invalid), with the place where it stops being
    /// JSON; also if it is nested more than 128 deep.
    pub fn json(&self) -> Result<serde_json::Value, Error> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            let what = match (self.is_empty(), self.content_type()) {
                (true, _) => "is empty, not JSON".to_owned(),
                (false, None) => format!("is not JSON: {error}"),
                (false, Some(content_type)) => format!("is not JSON but {content_type}: {error}"),
            };
            Error::new(Kind::Invalid, &self.uri, what)
        })
    }

    /// The document as text.
    ///
    /// # Errors
    /// If it is not UTF-8, [`is_invalid`](Error::is_invalid), with the place.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let what = format!("is not UTF-8 text: {error}");
            Error::new(Kind::Invalid, &self.uri, what)
        })
    }
}

/// Without the bytes: they may be many, and secret.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("uri", &self.uri)
            .field("len", &self.len())
            .field("content_type", &self.content_type)
            .field("version", &self.version)
            .field("length_verified", &self.length_verified)
            .finish()
    }
}
