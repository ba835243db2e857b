//! By arrival: a list in the order in which the answers come.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, Index};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::board::Board;
use crate::builder::Builder;
use crate::error::{Error, Kind};
use crate::group::Group;
use crate::owner::Owner;
use crate::push::Pusher;
use crate::reply::{Replies, park_on};
use crate::runtime::{self, Runtime};
use crate::until::Until;
use crate::waiters::Mark;

/// A list whose values are computed in the background and read in the order of their arrival.
///
/// `fr[0]` is the first reply, whoever it is from, `fr[1]` the second. A `FirstReply` owns its
/// entries: dropping it cancels what is pending. It gives all of [`Pusher`] (push), of
/// [`FirstReplyHandle`] (read by arrival) and of [`Owner`] (wait for many, take everything). A
/// failure is a reply too: for the first success see [`first_ok`](Owner::first_ok). Its cost is that
/// of a [`Kv`](crate::Kv) but for the hash of keys.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use codap::FirstReply;
///
/// let answers = FirstReply::<u32>::new();
/// let slow = answers.slot();
/// answers.push(async { 2 });
/// assert_eq!(*answers.get(0).await.unwrap(), 2);   // the first to arrive ...
/// assert_eq!(answers.pushed_as(0), Some(1));       // ... was pushed second
/// slow.fill(1);
/// assert_eq!(*answers.get(1).await.unwrap(), 1);
/// # });
/// ```
pub struct FirstReply<V: Send + Sync + 'static>(Owner<usize, V, FirstReplyHandle<V>>);

/// The part of a [`FirstReply`] that entries may hold: push, and read by arrival. Like every handle
/// it does not keep the work alive, and a clone costs a reference count.
pub struct FirstReplyHandle<V>(Pusher<V>);

impl<V: Send + Sync + 'static> FirstReply<V> {
    /// An empty list. Nothing is started before the first push, which also decides where entries
    /// run; see [`Kv::new`](crate::Kv::new), also for the cost.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An empty list whose entries run on `runtime`, wherever they are pushed from. Starts nothing.
    pub fn on(runtime: &(impl Runtime + Clone)) -> Self {
        Self::builder().on(runtime).build()
    }

    /// A list with a limit, a deadline or a record. Starts nothing.
    pub fn builder() -> Builder<Self> {
        Builder::new(|config, home| {
            let group = Group::new(config, home);
            Self(Owner::new(group.clone(), FirstReplyHandle(Pusher::new(group))))
        })
    }

    /// Moves every outcome out in the order of arrival, with the position of its push, once every
    /// entry has ended and all work is gone. Dropping the future drops the list, which cancels
    /// what is pending. Cost: a move of each outcome into one `Vec`, and another to order them.
    ///
    /// # Errors
    /// The list itself, unchanged, if a handle, a [`Reply`](crate::Reply) or a subtask in
    /// [`carry`](crate::carry) is still out.
    pub async fn into_results(self) -> Result<Vec<(usize, Result<V, Error>)>, Self> {
        let mut order = Vec::new();
        let mut arrivals = self.arrivals();
        while let Some((&pushed, _)) = arrivals.next().await {
            order.push(pushed);
        }
        drop(arrivals);
        let results = self.0.into_results().await.map_err(Self)?;
        let mut results: Vec<_> = results.into_iter().map(Some).collect();
        Ok(order.into_iter().filter_map(|pushed| results.get_mut(pushed)?.take()).collect())
    }

    /// Cancels what is pending and waits until all work is gone; see
    /// [`Kv::shutdown`](crate::Kv::shutdown), also for what dropping the future does.
    pub async fn shutdown(self) {
        self.0.shutdown().await;
    }

    /// Lets the pending work run to its end with nobody to read it; see
    /// [`Kv::detach`](crate::Kv::detach). Deadlines hold on.
    pub fn detach(self) {
        self.0.detach();
    }
}

impl<V: Send + Sync + 'static> FirstReplyHandle<V> {
    /// Waits for the `nth` reply to arrive, from 0. Dropping the future gives the wait up and
    /// nothing else. Reading takes nothing away: a reply can be read again. Cost: the container's lock
    /// for each poll.
    ///
    /// # Errors
    /// How that entry ended, if without a value; `is_missing` if so many were not pushed;
    /// `is_cycle` in an entry that only itself could be the `nth`.
    pub fn get(&self, nth: usize) -> Nth<'_, V> {
        Nth { list: &self.0, nth, until: None }
    }

    /// Waits for the `nth` reply, blocking the thread; for where that is allowed see
    /// [`KvHandle::get_blocking`](crate::KvHandle::get_blocking).
    ///
    /// # Errors
    /// As [`get`](Self::get), and `is_would_block` where blocking would stop the runtime.
    pub fn get_blocking(&self, nth: usize) -> Result<&V, Error> {
        if let Some(reply) = self.try_get(nth) {
            return reply;
        }
        let mut get = self.get(nth);
        let mut reply = None;
        let home = self.0.group().board().ready.known_home();
        let blocked = runtime::block(home, &mut || reply = Some(park_on(&mut get)));
        reply.unwrap_or_else(|| {
            let hint = blocked.err().unwrap_or("the runtime said it blocked and did not");
            Err(Error::new(Kind::WouldBlock(hint), &nth_name(nth), Duration::ZERO))
        })
    }

    /// The `nth` reply, if it has arrived; never waits. `Some(Err(missing))` if so many were not
    /// pushed. Cost: the container's lock.
    pub fn try_get(&self, nth: usize) -> Option<Result<&V, Error>> {
        let group = self.0.group();
        match arrival(&self.0, nth) {
            Ok(index) => group.read(index?),
            Err(error) => Some(Err(error)),
        }
    }

    /// As which push the `nth` reply was put, if it has arrived. Cost: the container's lock.
    pub fn pushed_as(&self, nth: usize) -> Option<usize> {
        arrival(&self.0, nth).ok()?.map(|index| index as usize)
    }

    /// A handle of its own. Cost: a reference count.
    pub fn handle(&self) -> Self {
        self.clone()
    }
}

fn nth_name(nth: usize) -> String {
    format!("arrival {nth}")
}

/// The entry that arrived as number `nth`, if so many have; an error if so many never can.
fn arrival<V: Send + Sync + 'static>(list: &Pusher<V>, nth: usize) -> Result<Option<u32>, Error> {
    list.find(nth).map(|nth| list.group().board().arrival(nth)).map_err(|_| {
        let hint = format!("only {} were pushed", list.group().len());
        Error::new(Kind::Missing(hint.into()), &nth_name(nth), Duration::ZERO)
    })
}

/// The future of [`FirstReplyHandle::get`]: dropping it gives the wait up and touches nothing else.
#[must_use = "futures do nothing unless polled"]
pub struct Nth<'a, V: Send + Sync + 'static> {
    list: &'a Pusher<V>,
    nth: usize,
    until: Option<Until<&'a Arc<Board>>>,
}

impl<'a, V: Send + Sync + 'static> Future for Nth<'a, V> {
    type Output = Result<&'a V, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let group = this.list.group();
        loop {
            if let Some(index) = arrival(this.list, this.nth)? {
                this.until = None;
                let reply = group.read(index);
                return Poll::Ready(reply.expect("an entry that has arrived has a reply"));
            }
            let mark = u32::try_from(this.nth + 1).expect("so many were pushed");
            let until =
                this.until.get_or_insert_with(|| Until::new(group.board(), Mark::Ended(mark)));
            let reached = std::task::ready!(Pin::new(until).poll(cx));
            this.until = None;
            if !reached {
                let hint = "only entries that wait for it are left to be it";
                let kind = Kind::Cycle(hint.into());
                return Poll::Ready(Err(Error::new(kind, &nth_name(this.nth), Duration::ZERO)));
            }
        }
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Nth<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nth").field("nth", &self.nth).finish_non_exhaustive()
    }
}

impl<V: Send + Sync + 'static> Default for FirstReply<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Send + Sync + 'static> Deref for FirstReply<V> {
    type Target = Owner<usize, V, FirstReplyHandle<V>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V> Deref for FirstReplyHandle<V> {
    type Target = Pusher<V>;

    fn deref(&self) -> &Pusher<V> {
        &self.0
    }
}

/// The reply that arrived as number `nth`; it waits, blocking the thread, as
/// [`get_blocking`](FirstReplyHandle::get_blocking) does.
///
/// # Panics
/// With the entry's error, if there is no value, and where blocking is an error.
impl<V: Send + Sync + 'static> Index<usize> for FirstReply<V> {
    type Output = V;

    fn index(&self, nth: usize) -> &V {
        self.get_blocking(nth).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl<V> Clone for FirstReplyHandle<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for FirstReplyHandle<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FirstReplyHandle").field(&self.0).finish()
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for FirstReply<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FirstReply").field(&self.0).finish()
    }
}
