//! Adding to a list: what `Ordered` and `FirstReply` share.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Ending, Error, Kind};
use crate::group::{Group, Name};
use crate::outcome::Outcome;
use crate::reply::{Get, Replies, Reply, ending};
use crate::slot::{External, Slot};

/// The adding half of an [`Ordered`](crate::Ordered) or a [`FirstReply`](crate::FirstReply).
///
/// Entries are counted from 0 in the order of their pushes. Like every handle it may be held by
/// entries and has no power to keep the work alive. A clone costs a reference count.
pub struct Pusher<V>(Arc<Group<usize, V>>);

/// Entries of lists are called by their position.
const POSITION: Name<usize> = Name::Position(|position| position);

impl<V: Send + Sync + 'static> Pusher<V> {
    pub(crate) fn new(group: Arc<Group<usize, V>>) -> Self {
        Self(group)
    }

    pub(crate) fn group(&self) -> &Arc<Group<usize, V>> {
        &self.0
    }

    /// Pushes work and starts it: a future, or anything that turns into one, which yields `V` or
    /// `Result<V, E>`. The answer is a handle to this entry, and may be ignored.
    ///
    /// Never waits. The work runs whatever becomes of the reader; it is cancelled with its
    /// container, by [`cancel`](Self::cancel) or by a deadline. Cost: one or two
    /// allocations, a quarter of a microsecond, and a task unless it is ready at once.
    pub fn push<W, M>(&self, work: W) -> Reply<V>
    where
        W: IntoFuture<Output: Outcome<V, M>, IntoFuture: Send + 'static>,
        M: 'static,
    {
        self.0.put(POSITION, work.into_future())
    }

    /// Pushes `f(context)`: for work that needs something cloned, as most database handles are. `f` is
    /// called at once, on this thread. Cancellation and cost are as of [`push`](Self::push).
    pub fn push_with<C, F, T, M>(&self, context: C, f: F) -> Reply<V>
    where
        F: FnOnce(C) -> T,
        T: Future<Output: Outcome<V, M>> + Send + 'static,
        M: 'static,
    {
        self.push(f(context))
    }

    /// Pushes a function, which is called on a thread of codap's pool and may block there. It
    /// cannot be stopped once it runs: cancelled or past its deadline, its readers are freed at
    /// once, and it keeps its permit until it returns. Cost: one allocation and the hand-over to a
    /// thread.
    pub fn push_blocking<F, O, M>(&self, f: F) -> Reply<V>
    where
        F: FnOnce() -> O + Send + 'static,
        O: Outcome<V, M>,
        M: 'static,
    {
        self.0.put_blocking(POSITION, f)
    }

    /// Pushes a value that is there already. Runs nothing, needs no permit and cannot be cancelled.
    /// Cost: the container's lock once.
    pub fn insert(&self, value: V) -> Reply<V> {
        self.0.insert(POSITION, value)
    }

    /// Pushes an entry that is filled by hand, from anywhere. Needs no permit. Cancelled, or past its
    /// deadline, it refuses to be filled. Cost: no allocation, the container's lock once when it ends.
    pub fn slot(&self) -> Slot<V> {
        Slot::new(self.0.open(POSITION))
    }

    /// Pushes an entry whose work is done outside of codap: `start` is called with the means to
    /// end it once it may run; see [`KvHandle::put_external`](crate::KvHandle::put_external), also for
    /// cancellation and cost.
    pub fn push_external(&self, start: impl FnOnce(External<V>) + Send + 'static) -> Reply<V> {
        self.0.put_outside(POSITION, |slot| start(External::new(slot)))
    }

    /// Ends the entry that was pushed as number `pushed` as cancelled; `false` if it has ended or
    /// was never pushed. Its future is dropped the next time its task runs; a function that runs already
    /// is not stopped. Cost: the container's lock and a wake.
    pub fn cancel(&self, pushed: usize) -> bool {
        let on_request = Kind::Cancelled("on request");
        self.find(pushed).is_ok_and(|index| self.0.interrupt(index, on_request))
    }

    /// How the entry that was pushed as number `pushed` ended, if it has. Takes no lock.
    pub fn ending(&self, pushed: usize) -> Option<Ending> {
        ending(self.0.cell(self.find(pushed).ok()?))
    }

    /// A handle to the entry that was pushed as number `pushed`. Cost: a reference count.
    pub fn reply(&self, pushed: usize) -> Option<Reply<V>> {
        Some(Reply::new(self.0.clone(), self.find(pushed).ok()?))
    }

    /// The entry at a position, which must have been pushed.
    pub(crate) fn find(&self, position: usize) -> Result<u32, Error> {
        let len = self.0.len();
        match u32::try_from(position) {
            Ok(index) if index < len => Ok(index),
            _ => {
                let hint = Kind::Missing(format!("only {len} were pushed").into());
                Err(Error::new(hint, &position.to_string(), Duration::ZERO))
            }
        }
    }

    pub(crate) fn get(&self, position: usize) -> Get<'_, V> {
        match self.find(position) {
            Ok(index) => Get::new(self.0.cell(index)),
            Err(error) => Get::failed(error),
        }
    }
}

impl<V> Clone for Pusher<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Pusher<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pusher").field(&self.0).finish()
    }
}
