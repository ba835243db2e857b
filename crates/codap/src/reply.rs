//! Reading one entry: by await, by blocking, without waiting, or by a callback.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::board::{Board, EntryRef, Host, Then};
use crate::chunk::Cells;
use crate::contain::in_turn;
use crate::current;
use crate::entry::{DEFAULTED, ENDED, Status};
use crate::error::{Ending, Error, Failure, Kind};
use crate::runtime;
use crate::seat::Seat;
use crate::threads::Parker;
use crate::waits::{Target, Waiting};

/// A container as handles to its entries see it.
pub(crate) trait Replies<V>: Send + Sync {
    fn board(&self) -> &Arc<Board>;
    fn cell(&self, index: u32) -> (&dyn Cells<V>, u32);
    fn entry_ref(&self, index: u32) -> EntryRef;
    /// Ends the entry with what its work gave, unless it has ended; whether it did. Either way its
    /// work is gone.
    fn finish(&self, index: u32, outcome: Result<V, Failure>) -> bool;
    /// Ends the entry from outside, unless it has ended; whether it did.
    fn interrupt(&self, index: u32, kind: Kind) -> bool;
}

/// How an entry ended, if it has.
pub(crate) fn ending<V: 'static>((cells, at): (&dyn Cells<V>, u32)) -> Option<Ending> {
    cells.read(at).map(|reply| match reply {
        Ok(_) if cells.status(at).has(DEFAULTED) => Ending::Defaulted,
        Ok(_) => Ending::Ok,
        Err(error) => error.ending().unwrap_or(Ending::Failed),
    })
}

/// One wait for one entry.
#[derive(Debug, Default)]
struct Wait {
    ticket: Option<u32>,
    /// The entry in whose name it is made.
    waiting: Option<Waiting>,
    /// Since when, if the container records.
    since: Option<Duration>,
}

impl Wait {
    /// Whether the entry has ended; an error if it never could.
    fn poll(&mut self, host: &dyn Host, at: u32, waker: &Waker) -> Poll<Result<(), Error>> {
        let (board, status) = (host.board(), host.status(at));
        if self.ticket.is_none() && !status.has(ENDED) {
            if board.config.record {
                self.since = Some(board.clock());
            }
            if let Some(entry) = current::entry() {
                match begin_wait(host, at, entry) {
                    Ok(waiting) => self.waiting = Some(waiting),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        }
        if !status.has(ENDED)
            && board.watch(host.index(at), status, &mut self.ticket, waker.clone())
        {
            return Poll::Pending;
        }
        // Whoever ended the entry takes all its readers off the list.
        self.ticket = None;
        self.end(host, at);
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, host: &dyn Host, at: u32) {
        if let Some(ticket) = self.ticket.take() {
            host.board().unwatch(host.index(at), ticket);
        }
        let waiting = self.waiting.take();
        if let Some(from) = self.since.take() {
            let by = waiting.as_ref().map(Waiting::entry);
            host.board().record_wait(host.index(at), by, from);
        }
    }
}

/// `entry` begins to wait for another, unless the wait would never end.
fn begin_wait(host: &dyn Host, at: u32, entry: EntryRef) -> Result<Waiting, Error> {
    let id = (host.board().id, host.index(at));
    Waiting::begin(entry, Target::Entry(id)).map_err(|circle| {
        let mut path: Vec<_> = circle.iter().map(EntryRef::name).collect();
        path.extend(path.first().cloned());
        let path = crate::redact::redact(&path.join(" waits for "));
        Error::new(Kind::Cycle(path.into()), &host.name(at), Duration::ZERO)
    })
}

/// The future of a read: ready when the entry has ended.
///
/// Dropping it gives the wait up and touches nothing else. It is `Send`, holds no key, and costs
/// nothing to speak of if the entry has ended; else the container's lock once for each poll.
#[must_use = "futures do nothing unless polled"]
pub struct Get<'a, V: 'static> {
    from: From<'a, V>,
    wait: Wait,
}

/// Where the answer of a read comes from.
enum From<'a, V: 'static> {
    Entry(&'a dyn Cells<V>, u32),
    /// There is none to wait for.
    Error(Option<Error>),
}

impl<'a, V: 'static> Get<'a, V> {
    pub(crate) fn new((cells, at): (&'a dyn Cells<V>, u32)) -> Self {
        Self { from: From::Entry(cells, at), wait: Wait::default() }
    }

    /// A read that has its answer.
    pub(crate) fn failed(error: Error) -> Self {
        Self { from: From::Error(Some(error)), wait: Wait::default() }
    }

    /// Blocks the thread until the answer is there.
    pub(crate) fn block(mut self) -> Result<&'a V, Error> {
        let (cells, at) = match &mut self.from {
            From::Entry(cells, at) => (*cells, *at),
            From::Error(error) => return Err(error.take().expect("a read is answered once")),
        };
        if let Some(reply) = cells.read(at) {
            return reply;
        }
        let mut reply = None;
        let blocked = runtime::block(cells.board().ready.known_home(), &mut || {
            reply = Some(park_on(&mut self));
        });
        reply.unwrap_or_else(|| {
            let hint = blocked.err().unwrap_or("the runtime said it blocked and did not");
            Err(Error::new(Kind::WouldBlock(hint), &cells.name(at), Duration::ZERO))
        })
    }
}

/// Drives `future` on this thread. In an entry, its permit goes back meanwhile.
pub(crate) fn park_on<F: Future + Unpin>(future: &mut F) -> F::Output {
    let parker = Parker::new();
    let waker = parker.waker();
    let mut cx = Context::from_waker(waker);
    let output = loop {
        match Pin::new(&mut *future).poll(&mut cx) {
            Poll::Ready(output) => break output,
            Poll::Pending => {
                if let Some(entry) = current::entry() {
                    entry.board().release(entry.status());
                }
                parker.park();
            }
        }
    };
    if let Some(entry) = current::entry() {
        loop {
            let seat = Seat::new(waker.clone());
            if entry.board().readmit(&entry, Then::Wake(seat.clone())).is_some() {
                break;
            }
            while !seat.is_granted(waker) {
                parker.park();
            }
        }
    }
    output
}

impl<'a, V: 'static> Future for Get<'a, V> {
    type Output = Result<&'a V, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match &mut this.from {
            From::Error(error) => {
                Poll::Ready(Err(error.take().expect("a future is not polled after its end")))
            }
            From::Entry(cells, at) => {
                std::task::ready!(this.wait.poll(*cells, *at, cx.waker()))?;
                Poll::Ready(cells.read(*at).expect("an entry that has ended has a reply"))
            }
        }
    }
}

impl<V: 'static> Drop for Get<'_, V> {
    fn drop(&mut self) {
        if let From::Entry(cells, at) = self.from {
            self.wait.end(cells, at);
        }
    }
}

impl<V: 'static> fmt::Debug for Get<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = match &self.from {
            From::Entry(cells, at) => Some(cells.index(*at)),
            From::Error(_) => None,
        };
        f.debug_struct("Get").field("entry", &entry).finish_non_exhaustive()
    }
}

/// A handle to one entry: what a put answers, to be kept by whoever waits for that entry alone.
///
/// It is owned, `'static` and cheap to clone (a reference count), so that the work of one entry
/// can wait for another. It does not keep the work alive: when the container is dropped, a pending
/// entry is cancelled, and the handle reads just that. It does keep the container's storage.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// let page = codap::Kv::<_, String>::new();
/// let user = page.put("user", async { "ada".to_owned() });
/// page.put("photos", async move { Ok::<_, codap::Error>(format!("photos of {}", user.get().await?)) });
/// assert_eq!(page.get("photos").await.unwrap(), "photos of ada");
/// # });
/// ```
pub struct Reply<V> {
    replies: Arc<dyn Replies<V>>,
    index: u32,
}

impl<V: Send + Sync + 'static> Reply<V> {
    pub(crate) fn new(replies: Arc<dyn Replies<V>>, index: u32) -> Self {
        Self { replies, index }
    }

    fn board(&self) -> &Arc<Board> {
        self.replies.board()
    }

    pub(crate) fn status(&self) -> &Status {
        let (cells, at) = self.replies.cell(self.index);
        cells.status(at)
    }

    pub(crate) fn entry_ref(&self) -> EntryRef {
        self.replies.entry_ref(self.index)
    }

    pub(crate) fn finish(&self, outcome: Result<V, Failure>) -> bool {
        self.replies.finish(self.index, outcome)
    }

    pub(crate) fn awaited_by(&self, entry: EntryRef) -> Result<Waiting, Error> {
        let (cells, at) = self.replies.cell(self.index);
        begin_wait(cells, at, entry)
    }

    /// The entry: the how-manieth put or push of its container, from 0. Costs nothing.
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// Waits for the entry. Dropping the future gives the wait up, and nothing else. Cost: none to speak
    /// of if it has ended, else the container's lock for each poll.
    ///
    /// # Errors
    /// How the entry ended, if without a value; a cycle, if this entry waits for the caller's.
    pub fn get(&self) -> Get<'_, V> {
        Get::new(self.replies.cell(self.index))
    }

    /// Waits for the entry, blocking the thread; for where that is allowed see
    /// [`KvHandle::get_blocking`](crate::KvHandle::get_blocking).
    ///
    /// # Errors
    /// As [`get`](Self::get), and "would block" where blocking would stop the runtime.
    pub fn get_blocking(&self) -> Result<&V, Error> {
        self.get().block()
    }

    /// The reply, if the entry has ended. Never waits, and takes no lock.
    pub fn try_get(&self) -> Option<Result<&V, Error>> {
        let (cells, at) = self.replies.cell(self.index);
        cells.read(at)
    }

    /// How the entry ended, if it has. Takes no lock.
    pub fn ending(&self) -> Option<Ending> {
        ending(self.replies.cell(self.index))
    }

    /// Ends the entry as cancelled, unless it has ended; whether it did. Its future is dropped the
    /// next time its task runs; a function that runs already is not stopped, and keeps its permit.
    /// Cost: the container's lock and a wake.
    pub fn cancel(&self) -> bool {
        self.replies.interrupt(self.index, Kind::Cancelled("on request"))
    }

    /// Calls `callback` with the reply once the entry has ended: at once if it has, else on the
    /// thread that ends it, which `callback` must not hold up. A panic in it is contained. It cannot be
    /// taken back, and holds the container's storage until it was called. Cost: one allocation and the
    /// container's lock.
    ///
    /// ```
    /// let kv = codap::Kv::<_, u32>::new();
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// kv.put("answer", async { 42 }).on_done(move |reply| sender.send(*reply.unwrap()).unwrap());
    /// assert_eq!(receiver.recv().unwrap(), 42);
    /// ```
    pub fn on_done(&self, callback: impl FnOnce(Result<&V, Error>) + Send + 'static) {
        let callback = OnDone { reply: self.clone(), callback: Mutex::new(Some(callback)) };
        let waker = Waker::from(Arc::new(callback));
        if !self.board().watch(self.index, self.status(), &mut None, waker.clone()) {
            waker.wake();
        }
    }
}

/// A callback dressed as a waker: endings wake, and know nothing of callbacks.
struct OnDone<V, F> {
    reply: Reply<V>,
    callback: Mutex<Option<F>>,
}

impl<V, F> Wake for OnDone<V, F>
where
    V: Send + Sync + 'static,
    F: FnOnce(Result<&V, Error>) + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        let callback = self.callback.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(callback) = callback else { return };
        in_turn(Box::new(move || {
            if let Some(reply) = self.reply.try_get() {
                callback(reply);
            }
        }));
    }
}

impl<V> Clone for Reply<V> {
    fn clone(&self) -> Self {
        Self { replies: self.replies.clone(), index: self.index }
    }
}

impl<V: 'static> fmt::Debug for Reply<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = ending(self.replies.cell(self.index));
        f.debug_struct("Reply").field("index", &self.index).field("ending", &state).finish()
    }
}
