//! The same works without codap, as one would write them by hand.

pub(crate) mod smol;
pub(crate) mod threads;
pub(crate) mod tokio;
