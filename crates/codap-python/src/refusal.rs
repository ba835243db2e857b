//! Why there is no document, as Python makes an exception of it.

use codap_sources::Error;

#[derive(Clone)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    pub(crate) kind: &'static str,
    pub(crate) transient: bool,
}

impl Refusal {
    /// For a reason that is nobody's but ours.
    pub(crate) fn other(text: String) -> Self {
        Self { text, kind: "failed", transient: false }
    }

    /// Of a fetch with its policy.
    pub(crate) fn of_fetch(error: &codap::Error) -> Self {
        let source = std::error::Error::source(error);
        match source.and_then(|source| source.downcast_ref::<Error>()) {
            Some(source) => source.into(),
            None => Self::other(error.to_string()),
        }
    }
}

impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        let kinds = [
            (error.is_not_found(), "not found"),
            (error.is_unauthorized(), "unauthorized"),
            (error.is_timeout(), "timeout"),
            (error.is_too_large(), "too large"),
            (error.is_incomplete(), "incomplete"),
            (error.is_unsupported(), "unsupported"),
            (error.is_connect(), "connect"),
            (error.is_invalid(), "invalid"),
        ];
        let kind = kinds.into_iter().find(|(is, _)| *is).map_or("failed", |(_, kind)| kind);
        Self { text: error.to_string(), kind, transient: error.is_transient() }
    }
}
