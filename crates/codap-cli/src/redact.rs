//! Secrets stay out of what is said, also about words that were typed.

/// The core's rules for running text, so that there is one set of them.
#[path = "../../codap/src/redact.rs"]
mod text;

pub(crate) use text::redact;
