//! One object on its way into the archive.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::time::SystemTime;

use crate::body::Body;
use crate::clock::seconds;
use crate::error::{Error, Kind};
use crate::progress::OneMore;
use crate::sealed::{Facts, Order};
use crate::shared::Shared;

/// The longest name that every format can say.
const LONGEST: usize = u16::MAX as usize;

/// An object that may become an entry: from [`Archive::entry`](crate::Archive::entry).
///
/// It holds nothing but its name, and is not in the archive until a [`Body`] of it is finished.
#[derive(Debug)]
#[must_use = "there is no entry before a body of it is finished"]
pub struct Entry {
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: Sender<Order>,
    pub(crate) facts: Facts,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<[u8; 32]>,
}

impl Entry {
    /// When the object was last changed. Default: when the archive was begun.
    pub fn modified(mut self, time: SystemTime) -> Self {
        self.facts.modified = seconds(time);
        self
    }

    /// How many bytes the body must have.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// The hash that the body must have.
    pub fn sha256(mut self, hash: [u8; 32]) -> Self {
        self.sha256 = Some(hash);
        self
    }

    /// The name that it will have in the archive.
    pub fn name(&self) -> &str {
        &self.facts.name
    }

    /// Waits in line until there is memory for the body, or for a piece of it, and until there is
    /// room on disk if it is a large one. Call it when the first byte is about to come, after the
    /// headers of a reply: others wait for what a body holds.
    ///
    /// `length` is how many bytes will come, if that is known. Of a body whose length is not known
    /// half a megabyte is held in memory; if it is longer it is compressed in pieces, which is slower
    /// than as a whole.
    ///
    /// May be called again after a body has failed or has been dropped. Dropping the future gives up
    /// the place in line.
    ///
    /// # Errors
    ///
    /// `length` is not the [`size`](Self::size) that the body must have, or the name has more than
    /// 65,535 bytes: the archive goes on without it. Every other error ends the archive.
    pub async fn begin(&self, length: Option<u64>) -> Result<Body, Error> {
        self.shared.check()?;
        if self.facts.name.len() > LONGEST {
            return Err(self.mismatch(&format!("a name has {LONGEST} bytes at most")));
        }
        if let (Some(length), Some(size)) = (length, self.size)
            && length != size
        {
            return Err(self.mismatch(&format!("{length} bytes are to come, it must have {size}")));
        }
        let length = length.or(self.size);
        let waiting = OneMore::of(&self.shared.gauges.waiting);
        let (shared, orders) = (self.shared.clone(), self.orders.clone());
        let body = Body::begin(shared, orders, self.facts.clone(), self.sha256, length).await;
        drop(waiting);
        if body.is_ok() {
            self.shared.gauges.in_flight.fetch_add(1, Relaxed);
        }
        body
    }

    fn mismatch(&self, what: &str) -> Error {
        Error::new(Kind::Mismatch, format!("{}: {what}", self.facts.name))
    }
}
