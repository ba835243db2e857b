//! An archive in the making.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::entry::Entry;
use crate::error::{Error, Kind};
use crate::progress::Progress;
use crate::resume::{Marks, Resumed, mark};
use crate::sealed::{Facts, Order, Summary};
use crate::shared::Shared;

/// An archive in the making: from [`Archive::builder`].
///
/// Entries are added from any number of tasks at once; each is compressed on the archive's own
/// threads, and appended when it is whole. Nothing is under the name of the target before
/// [`finish`](Self::finish).
///
/// Dropping it aborts it, without waiting: what was written is removed by a thread that then ends. Of
/// a process that ends at once the files beside the target may be left; the next run to that target
/// takes them over.
#[derive(Debug)]
pub struct Archive {
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: Sender<Order>,
    /// Seconds since 1970.
    pub(crate) began: i64,
    pub(crate) resumed: Resumed,
    pub(crate) marks: Mutex<Marks>,
    pub(crate) left: bool,
}

impl Archive {
    /// An object of the list, at place `index` (from 0), fetched from `source`, that is to be called
    /// `name`: a path of a [`Name`](crate::Name), which is taken as it is. `source` tells whether a
    /// later run is about the same list; secrets in it go into a hash and nowhere else.
    ///
    /// Starts nothing and costs the name.
    pub fn entry(&self, index: u64, source: &str, name: impl Into<String>) -> Entry {
        let name = name.into();
        let mark = mark(source, &name);
        let facts = Facts { index, mark, name: name.into(), modified: self.began };
        let (shared, orders) = (self.shared.clone(), self.orders.clone());
        Entry { shared, orders, facts, size: None, sha256: None }
    }

    /// Whether an earlier run has finished the object, so that it need not be fetched. Ask for every
    /// object of the list, with what [`entry`](Self::entry) would be given.
    ///
    /// # Errors
    ///
    /// The earlier run had another object in this place of its list:
    /// [`is_list_changed`](Error::is_list_changed).
    pub fn is_done(&self, index: u64, source: &str, name: &str) -> Result<bool, Error> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.claim(index, mark(source, name)).map_err(|()| {
            let told = format!(
                "{name}: the list has changed since the run that is to be taken up again: run \
                 without resuming to begin anew"
            );
            Error::new(Kind::ListChanged, told)
        })
    }

    /// What was taken over from an earlier run.
    pub fn resumed(&self) -> Resumed {
        self.resumed
    }

    /// How far it is, and what holds it up. Costs two locks that are held for moments.
    pub fn progress(&self) -> Progress {
        self.shared.gauges.read(self.shared.workers.waiting(), self.shared.space.used())
    }

    /// Completes the archive and puts it in place: on disk, under the name of the target, with the
    /// permissions of the old file; what it replaces is the old file until then. Of a stream or of
    /// parts, everything has been taken.
    ///
    /// Entries that are not finished are not in it, and their bodies end with an error. Dropping the
    /// future leaves it open whether the archive is put in place.
    ///
    /// # Errors
    ///
    /// The archive is not in place, and the old file is what it was. What is there can still be kept
    /// by [`suspend`](Self::suspend), and else is removed.
    /// [`is_list_changed`](Error::is_list_changed): the earlier run had objects that were not asked
    /// for in this one.
    pub async fn finish(&mut self) -> Result<Summary, Error> {
        let unclaimed = self.marks.lock().unwrap_or_else(PoisonError::into_inner).unclaimed();
        if unclaimed > 0 {
            let told = format!(
                "the run that is to be taken up again had {unclaimed} objects that are not in the \
                 list any more: run without resuming to begin anew"
            );
            return Err(Error::new(Kind::ListChanged, told));
        }
        let (tell, told) = oneshot::channel();
        let _ = self.orders.send(Order::Finish(tell));
        told.await.unwrap_or_else(|_| Err(self.shared.why()))
    }

    /// Gives the archive up, and waits until what was written is removed: at most for the piece that
    /// is being compressed or written.
    pub async fn abort(mut self) {
        self.leave(false).await;
    }

    /// Gives the archive up, and keeps beside the target what is finished, for
    /// [`resume_file`](crate::Builder::resume_file). Nothing is kept of a stream or of parts.
    pub async fn suspend(mut self) {
        self.leave(true).await;
    }

    async fn leave(&mut self, keep: bool) {
        self.shared.give_up(Error::aborted());
        let (tell, told) = oneshot::channel();
        self.left = true;
        let _ = self.orders.send(Order::Leave { keep, done: Some(tell) });
        // A writer that is gone has nothing left to do.
        let _ = told.await;
    }

    pub(crate) fn count_resumed(&self, archived_bytes: u64) {
        let gauges = &self.shared.gauges;
        gauges.written.store(self.resumed.entries, Relaxed);
        gauges.written_bytes.store(self.resumed.bytes, Relaxed);
        gauges.archived_bytes.store(archived_bytes, Relaxed);
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        if !self.left {
            self.shared.give_up(Error::aborted());
            let _ = self.orders.send(Order::Leave { keep: false, done: None });
        }
    }
}
