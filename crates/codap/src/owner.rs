//! What only the owner of a container can do: wait for many of its entries, or for all.

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_core::Stream;

use crate::board::{Board, EntryRef};
use crate::current;
use crate::entry::ENDED;
use crate::error::{Error, Errors};
use crate::event::Event;
use crate::group::{Group, Key};
use crate::reply::{Get, Replies};
use crate::until::Until;
use crate::waiters::Mark;

/// A container as its owner sees it: what [`Kv`](crate::Kv), [`Ordered`](crate::Ordered) and
/// [`FirstReply`](crate::FirstReply) have in common.
///
/// `K` is the key of a `Kv`, and the position of the push (`usize`) in the other two; it comes
/// with every reply, also with a failed one. `H` is the part that entries may hold. Dropping the
/// owner cancels what is pending.
///
/// Nothing in here starts or stops work, except where it says so: the work runs on whether or not
/// anybody waits, and dropping one of these futures only gives the wait up. Inside of an entry
/// every wait gives the entry's permit back.
///
/// A wait costs the container's lock for each poll; a wait for everything is woken once, for the last
/// ending.
pub struct Owner<K: Key, V: Send + Sync + 'static, H> {
    handle: H,
    group: Arc<Group<K, V>>,
    fuse: Fuse<K, V>,
}

/// Cancels what is pending when it is dropped.
struct Fuse<K: Key, V: Send + Sync + 'static>(Option<Arc<Group<K, V>>>);

impl<K: Key, V: Send + Sync + 'static> Drop for Fuse<K, V> {
    fn drop(&mut self) {
        if let Some(group) = &self.0 {
            group.cancel_all(true, "its container was dropped");
        }
    }
}

/// A wait for everything, where waits are recorded: one that is given up was for whatever is pending
/// then.
struct ForAll<'a, K: Key, V: Send + Sync + 'static> {
    group: &'a Group<K, V>,
    by: Option<EntryRef>,
    from: Duration,
}

impl<'a, K: Key, V: Send + Sync + 'static> ForAll<'a, K, V> {
    fn begin(group: &'a Group<K, V>) -> Option<Self> {
        let board = group.board();
        let begin = || Self { group, by: current::entry(), from: board.clock() };
        board.config.record.then(begin)
    }
}

impl<K: Key, V: Send + Sync + 'static> Drop for ForAll<'_, K, V> {
    fn drop(&mut self) {
        for index in 0..self.group.len() {
            if !self.group.status(index).has(ENDED) {
                self.group.board().record_wait(index, self.by.as_ref(), self.from);
            }
        }
    }
}

/// How often [`Kv::into_results`](crate::Kv::into_results) gives way to tasks that are about to end.
const ROUNDS: usize = 1_000;

/// Lets other tasks and threads run.
async fn next_round() {
    let mut given_way = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut given_way, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::thread::yield_now();
        Poll::Pending
    })
    .await;
}

/// One reply and the key or position that it belongs to.
pub type Keyed<'a, K, V> = (&'a K, Result<&'a V, Error>);

impl<K: Key, V: Send + Sync + 'static, H> Owner<K, V, H> {
    pub(crate) fn new(group: Arc<Group<K, V>>, handle: H) -> Self {
        Self { handle, fuse: Fuse(Some(group.clone())), group }
    }

    fn keyed(&self, index: u32) -> Keyed<'_, K, V> {
        let reply = self.group.read(index).expect("an entry that has arrived has a reply");
        (self.group.key(index), reply)
    }

    fn nth(&self, nth: u32) -> Option<Keyed<'_, K, V>> {
        self.group.board().arrival(nth).map(|index| self.keyed(index))
    }

    /// The next reply of the container's one cursor, in the order of arrival: each reply is handed
    /// out once, whoever asks. `None` when all that was put so far is out; a later put makes it
    /// `Some` again.
    ///
    /// Dropping the future loses no reply. In an entry `None` also means that no reply will come:
    /// whatever is pending waits, itself or by way of others, for this one. Cost: the container's
    /// lock twice.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
    /// let kv = codap::Kv::<&str, u32>::new();
    /// kv.put("a", async { 1 });
    /// kv.put("b", async { 2 });
    /// let mut sum = 0;
    /// while let Some((_key, reply)) = kv.next().await {
    ///     sum += reply.unwrap();
    /// }
    /// assert_eq!(sum, 3);
    /// # });
    /// ```
    pub async fn next(&self) -> Option<Keyed<'_, K, V>> {
        let board = self.group.board();
        loop {
            let cursor = match board.take_arrival() {
                Ok(index) => return Some(self.keyed(index)),
                Err(cursor) => cursor,
            };
            if cursor >= board.len() || !Until::new(board, Mark::Ended(cursor + 1)).await {
                return None;
            }
        }
    }

    /// All replies in the order of arrival, by a cursor of their own: an asynchronous iterator,
    /// which is also a [`Stream`].
    ///
    /// Dropping it, or the future of its `next`, changes nothing for anybody. Cost: nothing to make
    /// it, the container's lock once for each reply.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
    /// use futures_util::StreamExt;
    ///
    /// let list = codap::Ordered::<u32>::new();
    /// for n in 0..10 {
    ///     list.push(async move { n });
    /// }
    /// let sum = list.arrivals().fold(0, async |sum, (_at, reply)| sum + reply.unwrap()).await;
    /// assert_eq!(sum, 45);
    /// # });
    /// ```
    pub fn arrivals(&self) -> Arrivals<'_, K, V> {
        Arrivals { group: &self.group, cursor: 0, until: None }
    }

    /// All entries put so far in the order of their puts, each with a future of its reply, which may
    /// be dropped. Takes no lock and allocates nothing.
    pub fn iter(&self) -> impl Iterator<Item = (&K, Get<'_, V>)> {
        (0..self.group.len()).map(|index| (self.group.key(index), Get::new(self.group.cell(index))))
    }

    /// Waits until everything has ended; every reply, in the order of the puts.
    ///
    /// Inside of an entry it waits for one after another, and reads an entry that waits for the
    /// caller (the caller's own, in the same container) as a cycle.
    ///
    /// Dropping the future gives the wait up and cancels nothing. Cost: one wake for the last ending
    /// (inside of an entry one for each that is pending), one pass over all entries, and the `Vec`.
    pub async fn join(&self) -> Vec<Keyed<'_, K, V>> {
        if current::entry().is_some() {
            return self.join_one_by_one().await;
        }
        self.all(Mark::Ended).await;
        (0..self.group.len()).map_while(|index| self.ended(index)).collect()
    }

    async fn join_one_by_one(&self) -> Vec<Keyed<'_, K, V>> {
        let mut replies = Vec::new();
        for (key, reply) in self.iter() {
            replies.push((key, reply.await));
        }
        replies
    }

    /// The entry with its reply, if it has ended.
    fn ended(&self, index: u32) -> Option<Keyed<'_, K, V>> {
        self.group.read(index).map(|reply| (self.group.key(index), reply))
    }

    /// Waits until all entries have reached a mark, those included that are put meanwhile.
    async fn all(&self, mark: fn(u32) -> Mark) {
        let board = self.group.board();
        let _recorded = ForAll::begin(&self.group);
        loop {
            let len = board.len();
            if !Until::new(board, mark(len)).await || board.len() == len {
                return;
            }
        }
    }

    /// Waits until everything has a value, or the first entry ends without one. The others run on,
    /// also if the future is dropped.
    ///
    /// Cost: the container's lock once for each arrival, one pass over all entries, and the `Vec`.
    ///
    /// # Errors
    /// The first error in the order of arrival.
    pub async fn try_join(&self) -> Result<Vec<(&K, &V)>, Error> {
        let mut arrivals = self.arrivals();
        while let Some((_, reply)) = arrivals.next().await {
            reply?;
        }
        (0..self.group.len())
            .map_while(|index| self.ended(index))
            .map(|(key, reply)| reply.map(|value| (key, value)))
            .collect()
    }

    /// The first entry to end, however it ends; `None` if nothing was put. The others run on, also
    /// if the future is dropped. Cost: the container's lock twice, whatever the number of entries.
    pub async fn first(&self) -> Option<Keyed<'_, K, V>> {
        if self.group.len() == 0 {
            return None;
        }
        Until::new(self.group.board(), Mark::Ended(1)).await;
        self.nth(0)
    }

    /// The first success; then everything of this container that is still pending is cancelled,
    /// and its other readers read just that. Dropping the future cancels nothing.
    ///
    /// Cost: the container's lock once for each arrival up to the winner's, and a cancel of each
    /// entry that is pending then.
    ///
    /// # Errors
    /// If no entry succeeds: all errors, in the order of arrival.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
    /// let race = codap::FirstReply::<&str>::new();
    /// race.push(async { Err("refused") });
    /// race.push(async { Ok::<_, &str>("from the second replica") });
    /// let (which, value) = race.first_ok().await.unwrap();
    /// assert_eq!((which, value), (&1, &"from the second replica"));
    /// # });
    /// ```
    pub async fn first_ok(&self) -> Result<(&K, &V), Errors> {
        let mut errors = Vec::new();
        let mut arrivals = self.arrivals();
        while let Some((key, reply)) = arrivals.next().await {
            match reply {
                Ok(value) => {
                    self.group.cancel_all(false, "another entry won the race");
                    return Ok((key, value));
                }
                Err(error) => errors.push(error),
            }
        }
        Err(Errors(errors))
    }

    /// Waits until everything has ended, or until `instant`, whichever is earlier: what is there
    /// by then, and who is missing and why. The missing run on.
    ///
    /// It is never early, and late by no more than the waiting thread is: codap's own timer thread
    /// wakes it. On a single thread that another entry keeps busy it can only be as early as that
    /// entry lets go. Dropping the future gives the wait up and cancels nothing. Cost: one sleep on
    /// the timer thread, one pass over all entries, and the two lists of the answer.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
    /// use std::time::{Duration, Instant};
    ///
    /// let page = codap::Kv::<_, u32>::new();
    /// page.put("fast", async { 1 });
    /// page.put("stuck", std::future::pending::<u32>());
    /// let page = page.finish_by(Instant::now() + Duration::from_millis(20)).await;
    /// assert_eq!(page.values(), [(&"fast", &1)]);
    /// assert_eq!(page.missing()[0].to_string(), "entry \"stuck\" is still running");
    /// # });
    /// ```
    pub async fn finish_by(&self, instant: Instant) -> Finished<'_, K, V> {
        let board = self.group.board();
        {
            let mut all = pin!(self.all(Mark::Ended));
            let mut sleep = pin!(board.home().sleep_until(instant));
            poll_fn(|cx| match all.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => sleep.as_mut().poll(cx),
            })
            .await;
        }
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for index in 0..self.group.len() {
            let key = self.group.key(index);
            let why = match self.group.read(index) {
                Some(Ok(value)) => {
                    values.push((key, value));
                    continue;
                }
                Some(Err(error)) => Why::Ended(error),
                None if self.group.status(index).has_started() => Why::Running,
                None => Why::Queued,
            };
            missing.push(Missing { key, why });
        }
        Finished { values, missing }
    }

    /// How many entries were put. Takes no lock.
    pub fn len(&self) -> usize {
        self.group.len() as usize
    }

    /// Whether nothing was put. Takes no lock.
    pub fn is_empty(&self) -> bool {
        self.group.len() == 0
    }

    /// How many entries have ended, with or without a value. Cost: the container's lock.
    pub fn done(&self) -> usize {
        self.group.board().counts().0 as usize
    }

    /// How many entries have ended without a value. Cost: the container's lock.
    pub fn failed(&self) -> usize {
        self.group.board().counts().1 as usize
    }

    /// How many entries have not ended. Cost: the container's lock.
    pub fn pending(&self) -> usize {
        let done = self.done();
        self.len() - done.min(self.len())
    }

    /// Cancels everything that is pending. What is put later runs. Futures are dropped the next time
    /// their tasks run; functions that run already are not stopped, and keep their permits. Cost: one
    /// pass over all entries, and the container's lock for each that is pending.
    pub fn cancel_all(&self) {
        self.group.cancel_all(false, "on request");
    }

    /// The number of this container among all of the process, as events name it. Costs nothing.
    pub fn id(&self) -> u64 {
        self.group.board().id
    }

    /// What happened so far, in the order of time; empty unless built with
    /// [`record`](crate::Builder::record). Cost: a copy of the whole record, and its sorting.
    pub fn events(&self) -> Vec<Event> {
        self.group.events()
    }

    /// The instant from which the times of [`events`](Self::events) are counted: the first put. Takes
    /// no lock.
    pub fn recorded_since(&self) -> Instant {
        self.group.board().epoch()
    }

    pub(crate) async fn into_results(self) -> Result<Vec<(K, Result<V, Error>)>, Self> {
        self.all(Mark::Ended).await;
        self.all(Mark::Gone).await;
        // The last tasks may be on their way out of their entries still. What holds on to one for
        // longer is a subtask that outlives its entry, perhaps on this very thread.
        for _ in 0..ROUNDS {
            if !self.group.is_lent() {
                break;
            }
            next_round().await;
        }
        // Three are ours: in the handle, in the fuse, and bare.
        if Arc::strong_count(&self.group) > 3 || self.group.is_lent() {
            return Err(self);
        }
        let Self { handle, group, mut fuse } = self;
        drop(handle);
        fuse.0 = None;
        let mut group = group;
        // Nobody can clone it any more; the timer thread may be looking at it for a moment.
        let group = loop {
            match Arc::try_unwrap(group) {
                Ok(group) => break group,
                Err(shared) => group = shared,
            }
            std::thread::yield_now();
        };
        Ok(group.into_results(std::thread::yield_now))
    }

    pub(crate) async fn shutdown(self) {
        self.group.cancel_all(true, "its container was shut down");
        self.all(Mark::Ended).await;
        self.all(Mark::Gone).await;
    }

    pub(crate) fn detach(mut self) {
        self.group.detach();
        self.fuse.0 = None;
    }
}

impl<K: Key, V: Send + Sync + 'static, H> Deref for Owner<K, V, H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.handle
    }
}

impl<K: Key, V: Send + Sync + 'static, H> fmt::Debug for Owner<K, V, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner")
            .field("len", &self.len())
            .field("done", &self.done())
            .field("failed", &self.failed())
            .finish_non_exhaustive()
    }
}

/// The replies of a container in the order of their arrival, by a cursor of its own; from
/// [`Owner::arrivals`].
pub struct Arrivals<'a, K: Key, V: Send + Sync + 'static> {
    group: &'a Arc<Group<K, V>>,
    cursor: u32,
    until: Option<Until<&'a Arc<Board>>>,
}

impl<'a, K: Key, V: Send + Sync + 'static> Arrivals<'a, K, V> {
    /// The next reply; `None` when all that was put so far is out, and `Some` again after a later
    /// put. Dropping the future loses nothing. Cost: the container's lock once, or twice if it waits.
    pub async fn next(&mut self) -> Option<Keyed<'a, K, V>> {
        poll_fn(|cx| self.poll_arrival(cx)).await
    }

    fn poll_arrival(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Option<Keyed<'a, K, V>>> {
        let group = self.group;
        let board = group.board();
        loop {
            if let Some(index) = board.arrival(self.cursor) {
                self.cursor += 1;
                self.until = None;
                let reply = group.read(index).expect("an entry that has arrived has a reply");
                return Poll::Ready(Some((group.key(index), reply)));
            }
            if self.cursor >= board.len() {
                self.until = None;
                return Poll::Ready(None);
            }
            let mark = Mark::Ended(self.cursor + 1);
            let until = self.until.get_or_insert_with(|| Until::new(board, mark));
            let reached = std::task::ready!(std::pin::Pin::new(until).poll(cx));
            self.until = None;
            if !reached {
                return Poll::Ready(None);
            }
        }
    }
}

impl<'a, K: Key, V: Send + Sync + 'static> Stream for Arrivals<'a, K, V> {
    type Item = Keyed<'a, K, V>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_arrival(cx)
    }
}

impl<K: Key, V: Send + Sync + 'static> fmt::Debug for Arrivals<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrivals").field("taken", &self.cursor).finish_non_exhaustive()
    }
}

/// What was there at the instant of [`Owner::finish_by`], in the order of the puts. It is a list that
/// was made then: looking at it costs nothing, and what ends later changes nothing in it.
#[derive(Clone)]
pub struct Finished<'a, K, V> {
    values: Vec<(&'a K, &'a V)>,
    missing: Vec<Missing<'a, K>>,
}

impl<'a, K, V> Finished<'a, K, V> {
    /// The values that were there, defaults included.
    pub fn values(&self) -> &[(&'a K, &'a V)] {
        &self.values
    }

    /// Who has no value, and why.
    pub fn missing(&self) -> &[Missing<'a, K>] {
        &self.missing
    }

    /// Whether everything has a value.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// An entry without a value at the instant of [`Owner::finish_by`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Missing<'a, K> {
    /// Its key or position.
    pub key: &'a K,
    /// Why there is no value.
    pub why: Why,
}

/// Why an entry has no value yet, or never will.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Why {
    /// Its work runs.
    Running,
    /// Its work waits for a permit or for its runtime.
    Queued,
    /// It has ended without a value.
    Ended(Error),
}

/// Keys are printed as errors print them, without the secrets of URLs, and values are counted.
impl<K: fmt::Debug, V> fmt::Debug for Finished<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished")
            .field("values", &self.values.len())
            .field("missing", &self.missing)
            .finish()
    }
}

impl<K: fmt::Debug> fmt::Debug for Missing<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Missing({self})")
    }
}

impl<K: fmt::Debug> fmt::Display for Missing<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = || crate::redact::redact(&format!("{:?}", self.key));
        match &self.why {
            Why::Running => write!(f, "entry {} is still running", name()),
            Why::Queued => write!(f, "entry {} is still waiting to run", name()),
            Why::Ended(error) => write!(f, "{error}"),
        }
    }
}
