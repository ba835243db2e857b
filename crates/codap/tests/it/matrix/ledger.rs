//! What is counted: works, values, keys and endings.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use codap::Ending;
use tokio::sync::watch;

use crate::watched::DELIBERATE;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) works_dropped: u32,
    pub(super) values_made: u32,
    pub(super) values_dropped: u32,
    pub(super) keys_dropped: u32,
    pub(super) endings: u32,
    pub(super) ending: Option<Ending>,
}

#[derive(Clone)]
pub(super) struct Ledger(Arc<watch::Sender<Counts>>);

impl Ledger {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Counts::default())))
    }

    pub(super) fn note(&self, note: impl FnOnce(&mut Counts)) {
        self.0.send_modify(note);
    }

    pub(super) async fn until(&self, reached: impl FnMut(&Counts) -> bool) -> Counts {
        *self.0.subscribe().wait_for(reached).await.expect("the ledger is here")
    }
}

/// Tells the ledger when it is dropped, and panics then if it is to.
pub(super) struct Dropped {
    pub(super) ledger: Ledger,
    pub(super) note: fn(&mut Counts),
    pub(super) panics: bool,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.ledger.note(self.note);
        if self.panics {
            panic!("{DELIBERATE}: drop");
        }
    }
}

/// A value, or the error in its place: it knows its key.
pub(super) struct Value {
    pub(super) key: usize,
    pub(super) _dropped: Dropped,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.key)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error")
    }
}

impl std::error::Error for Value {}

/// The key of a `Kv`, found by its number.
pub(super) struct Name {
    pub(super) number: usize,
    pub(super) _dropped: Option<Dropped>,
}

impl Borrow<usize> for Name {
    fn borrow(&self) -> &usize {
        &self.number
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.number, f)
    }
}
