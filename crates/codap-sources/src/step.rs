//! What a document on its way brings, a step at a time, and what is known of it meanwhile.

use bytes::Bytes;

/// What came next.
pub(crate) enum Step {
    /// Bytes: at least one.
    Chunk(Bytes),
    /// What came before is void: it begins anew.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only HTTP may have to"))]
    Anew,
    /// Everything came, and was as promised.
    End,
}

/// What is known of a document besides its bytes.
pub(crate) struct Facts<'a> {
    /// How many bytes will have come at the end, if that is known.
    pub(crate) length: Option<u64>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
    /// At its end: whether that is known to be the end.
    pub(crate) is_length_verified: bool,
}
