//! Entries that are ended by hand.

use crate::board::Then;
use crate::contain::in_turn;
use crate::current::{self, Restore};
use crate::entry::{ENDED, GONE};
use crate::error::{BoxError, Error, Failure, Kind};
use crate::reply::Reply;
use crate::waits::Waiting;

/// An entry that is filled by hand: by a callback, another thread, a message handler.
///
/// It runs from the start and needs no permit; nobody waits for it when its container is shut down.
/// Dropped unfilled it ends as abandoned, so that no
/// reader waits for ever; one that is kept and never filled is ended only by the container's
/// deadline, if it has one.
///
/// ```
/// let kv = codap::Kv::<_, u32>::new();
/// let slot = kv.slot("late");
/// std::thread::spawn(move || slot.fill(42));
/// assert_eq!(kv["late"], 42);
///
/// drop(kv.slot("never"));
/// assert!(kv.get_blocking("never").unwrap_err().is_abandoned());
/// ```
#[derive(Debug)]
#[must_use = "an entry whose slot is dropped ends as abandoned"]
pub struct Slot<V: Send + Sync + 'static> {
    reply: Reply<V>,
}

impl<V: Send + Sync + 'static> Slot<V> {
    pub(crate) fn new(reply: Reply<V>) -> Self {
        Self { reply }
    }

    /// Ends the entry with a value; `false` if it has ended otherwise (cancelled, timed out), and
    /// the value is dropped. Cost: the container's lock, and the wakes and callbacks of its readers.
    pub fn fill(self, value: V) -> bool {
        self.reply.finish(Ok(value))
    }

    /// Ends the entry as failed; `false` if it has ended otherwise. Cost: as [`fill`](Self::fill), and
    /// the error's allocation.
    pub fn fail(self, error: impl Into<BoxError>) -> bool {
        self.reply.finish(Err(Failure::Of(error.into())))
    }

    /// Whether the entry has ended otherwise, so that nobody needs the value any more.
    pub fn is_over(&self) -> bool {
        self.reply.status().has(ENDED)
    }

    /// A handle to read, or to cancel, the entry with. Cost: a reference count.
    pub fn reply(&self) -> Reply<V> {
        self.reply.clone()
    }
}

impl<V: Send + Sync + 'static> Drop for Slot<V> {
    fn drop(&mut self) {
        if !self.reply.status().has(GONE) {
            self.reply.finish(Err(Failure::Kind(Kind::Abandoned)));
        }
    }
}

/// An entry whose work is done outside of codap: by another runtime, a language binding, a C
/// library.
///
/// [`put_external`](crate::KvHandle::put_external) opens it; its callback receives this value when
/// the entry may run, so that limits, deadlines, arrival order and events hold for it as for any other.
/// It may be moved to any thread, and no thread blocks for it. To learn that the entry has ended
/// otherwise (cancelled, timed out), use [`Reply::on_done`].
///
/// ```
/// let kv = codap::Kv::<_, u32>::builder().limit(1).build();
/// for i in 0..3 {
///     kv.put_external(i, move |entry| {
///         // Called as soon as the limit allows; the work itself goes elsewhere.
///         std::thread::spawn(move || entry.fill(i * 2));
///     });
/// }
/// assert_eq!((kv[&0], kv[&1], kv[&2]), (0, 2, 4));
/// ```
#[derive(Debug)]
#[must_use = "an entry whose means are dropped ends as abandoned"]
pub struct External<V: Send + Sync + 'static> {
    slot: Slot<V>,
}

impl<V: Send + Sync + 'static> External<V> {
    pub(crate) fn new(slot: Slot<V>) -> Self {
        Self { slot }
    }

    /// Ends the entry with a value; `false` if it has ended otherwise. Its permit is free again, and
    /// what that lets start is started on this thread. Cost: as [`Slot::fill`].
    pub fn fill(self, value: V) -> bool {
        self.slot.fill(value)
    }

    /// Ends the entry as failed; `false` if it has ended otherwise. Cost: as [`Slot::fail`].
    pub fn fail(self, error: impl Into<BoxError>) -> bool {
        self.slot.fail(error)
    }

    /// Ends the entry as cancelled; `false` if it has ended otherwise. Cost: as [`Slot::fail`].
    pub fn cancel(self) -> bool {
        self.slot.reply.finish(Err(Failure::Kind(Kind::Cancelled("by its outside work"))))
    }

    /// Whether the entry has ended otherwise, so that nobody needs the value any more.
    pub fn is_over(&self) -> bool {
        self.slot.is_over()
    }

    /// A handle to read, or to cancel, the entry with. Cost: a reference count.
    pub fn reply(&self) -> Reply<V> {
        self.slot.reply()
    }

    /// Calls `f` in the entry's name: what it reads by codap's own means counts as a wait of this
    /// entry, gives its permit back meanwhile, and cannot close a circle unseen. Cost: a reference
    /// count.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _restore = Restore(current::replace(Some(self.slot.reply.entry_ref())));
        f()
    }

    /// The outside work begins to wait for `other` by means of its own. The permit goes back until
    /// the pause is over. If the entry is cancelled meanwhile, the pause goes on until it is resumed or
    /// dropped. Cost: a lock that all waits of entries in the process share, and the container's.
    ///
    /// # Errors
    /// A cycle, if `other` waits for this entry: the wait would never end.
    pub fn pause_for<T: Send + Sync + 'static>(&self, other: &Reply<T>) -> Result<Pause, Error> {
        let entry = self.slot.reply.entry_ref();
        let waiting = other.awaited_by(entry.clone())?;
        entry.board().release(entry.status());
        Ok(Pause { waiting })
    }
}

/// A wait of outside work for another entry; dropping it ends the wait without a new permit, which
/// is right only for work that will not go on.
#[derive(Debug)]
#[must_use = "call `resume` when the wait is over"]
pub struct Pause {
    waiting: Waiting,
}

impl Pause {
    /// The wait is over: calls `go_on` once the entry has a permit again, now or on the thread that
    /// makes room; of a cancelled entry, too, whose work has to end. Cost: the same two locks, and an
    /// allocation.
    pub fn resume(self, go_on: impl FnOnce() + Send + 'static) {
        let entry = self.waiting.entry().clone();
        drop(self.waiting);
        let granted = entry.board().readmit(&entry, Then::Start(Box::new(go_on)));
        if let Some(Then::Start(go_on)) = granted {
            in_turn(go_on);
        }
    }
}
