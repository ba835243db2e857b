//! What all who work on one archive have in common, and how it ends for all of them.

use std::sync::{Arc, OnceLock};

use crate::budget::Budget;
use crate::error::Error;
use crate::format::Format;
use crate::parts::Mailbox;
use crate::progress::Gauges;
use crate::spill::Space;
use crate::workers::Workers;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) format: Format,
    /// A body of at most this many bytes is held in memory as a whole.
    pub(crate) whole: usize,
    pub(crate) budget: Budget,
    pub(crate) space: Arc<Space>,
    pub(crate) workers: Workers,
    pub(crate) gauges: Gauges,
    /// Where parts go, if the archive is cut into such.
    pub(crate) mailbox: Option<Arc<Mailbox>>,
    /// Why nothing goes on any more.
    pub(crate) fate: OnceLock<Error>,
}

impl Shared {
    /// Ends the archive for all: who waits is woken, who works stops within a piece. The first reason
    /// stays, and comes back.
    pub(crate) fn give_up(&self, why: Error) -> Error {
        let why = self.fate.get_or_init(|| why).clone();
        self.budget.close();
        self.space.close();
        self.workers.close();
        if let Some(mailbox) = &self.mailbox {
            mailbox.close();
        }
        why
    }

    /// An error once the archive has been given up.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.fate.get().map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Why somebody who waited was told that it is over.
    pub(crate) fn why(&self) -> Error {
        let nobody_said =
            || Error::new(crate::error::Kind::Broken, "a thread of the archive is gone");
        self.fate.get().cloned().unwrap_or_else(nobody_said)
    }
}
