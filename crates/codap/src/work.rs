//! The work of an entry: a future that is polled as a task, or a function that is called.
//!
//! Rules:
//! 1. Whoever is to end an entry holds its [`Ticket`]. A ticket that is dropped ends the entry: no
//!    runtime that shuts down, and no slot that is lost, leaves a reader waiting.
//! 2. A future is dropped before its entry's end is published: whoever reads the value finds the
//!    future's guards released. The work of a cancelled entry leaves a little later (`GONE`).
//! 3. Foreign code runs only inside of [`Ticket::within`].

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::board::{EntryRef, Host, Then};
use crate::chunk::Chunk;
use crate::contain::{catch, quietly};
use crate::current;
use crate::entry::{CLAIMED, PERMIT, POLLED, RESTING, Status, WAITING};
use crate::error::{Error, Failure, Kind};
use crate::outcome::Outcome;
use crate::pool::Job;
use crate::runtime::Home;

/// The right, and the duty, to end one entry. Two words: with a third, tasks of small futures
/// would take 128 bytes more in tokio.
pub(crate) struct Ticket<K: fmt::Debug, V> {
    /// `None` while a poll or call has lent it to the thread as the current entry, and after the
    /// end.
    chunk: Option<Arc<Chunk<K, V>>>,
    at: u32,
}

impl<K: fmt::Debug, V> Ticket<K, V> {
    pub(crate) fn new(chunk: Arc<Chunk<K, V>>, at: u32) -> Self {
        Self { chunk: Some(chunk), at }
    }

    pub(crate) fn chunk(&self) -> &Arc<Chunk<K, V>> {
        self.chunk.as_ref().expect("a ticket is whole but while its entry is current")
    }

    pub(crate) fn status(&self) -> &Status {
        self.chunk().entry(self.at).status()
    }

    /// The work begins.
    pub(crate) fn start(&self) {
        self.chunk().start(self.at);
    }

    fn is_spent(&self) -> bool {
        self.chunk.is_none()
    }

    /// The ticket itself, of which a spent one stays behind.
    fn take(&mut self) -> Self {
        Self { chunk: self.chunk.take(), at: self.at }
    }

    /// Ends the entry with what its work gave. Comes too late if somebody else ended it: then the
    /// outcome is dropped. Either way the work is gone. Answers whether it was in time.
    pub(crate) fn finish(mut self, outcome: Result<V, Error>) -> bool {
        let Some(chunk) = self.chunk.take() else { return false };
        let status = chunk.entry(self.at).status();
        if status.has(POLLED) {
            drop(status.take_task());
        }
        let mut outcome = Some(outcome);
        let in_time =
            chunk.end(self.at, true, || outcome.take().expect("the outcome is asked for once"));
        if !in_time {
            quietly(outcome);
            chunk.board().left(status);
        }
        in_time
    }

    fn settle<M>(self, outcome: impl Outcome<V, M>) {
        // The conversion of the work's error is foreign code as well.
        match catch(|| outcome.into_result()) {
            Ok(outcome) => {
                let failed = |source| self.chunk().failure(self.at, Failure::Of(source));
                let outcome = outcome.map_err(failed);
                self.finish(outcome);
            }
            Err(message) => self.panicked(&message),
        }
    }

    /// A panic of the work, with what to do about it where that is known.
    fn panicked(self, message: &str) {
        let hint = runtime_hint(message, self.chunk().board().home());
        let kind = Kind::Panicked(format!("{message}{hint}").into());
        let error = self.chunk().error(self.at, kind);
        self.finish(Err(error));
    }
}

impl<K, V> Ticket<K, V>
where
    K: fmt::Debug + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    pub(crate) fn entry(&self) -> EntryRef {
        EntryRef { host: self.chunk().clone(), at: self.at }
    }

    /// Runs foreign code in the entry's name; a panic in it comes back as its message.
    pub(crate) fn within<R>(&mut self, f: impl FnOnce() -> R) -> Result<R, String> {
        let host: Arc<dyn Host> = self.chunk.take().expect("an entry is not entered twice");
        let before = current::replace(Some(EntryRef { host, at: self.at }));
        let answer = catch(f);
        let lent = current::replace(before).expect("what was lent to the thread comes back");
        let host: Arc<dyn Any + Send + Sync> = lent.host;
        self.chunk = host.downcast().ok();
        answer
    }
}

impl<K: fmt::Debug, V> Drop for Ticket<K, V> {
    fn drop(&mut self) {
        if let Some(chunk) = self.chunk.take() {
            let status = chunk.entry(self.at).status();
            drop(status.take_task());
            let lost = || Err(chunk.error(self.at, Kind::Cancelled("its runtime has ended")));
            if !chunk.end(self.at, true, lost) {
                chunk.board().left(status);
            }
        }
    }
}

pin_project_lite::pin_project! {
    /// The task of an entry.
    pub(crate) struct Work<F, K: fmt::Debug, V, M> {
        // Stands before the ticket, so that it is dropped before the ticket ends the entry.
        #[pin]
        future: Option<F>,
        ticket: Ticket<K, V>,
        marker: PhantomData<fn() -> M>,
    }
}

impl<F, K: fmt::Debug, V, M> Work<F, K, V, M> {
    pub(crate) fn new(future: F, ticket: Ticket<K, V>) -> Self {
        Self { future: Some(future), ticket, marker: PhantomData }
    }
}

/// What a poll of the task is to do.
enum Go {
    /// Wait for a permit.
    Queue,
    /// Poll the future.
    Poll,
    /// Drop the future: the entry has ended.
    Leave,
}

impl<F, K, V, M> Future for Work<F, K, V, M>
where
    F: Future<Output: Outcome<V, M>>,
    K: fmt::Debug + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let ticket = this.ticket;
        if ticket.is_spent() {
            return Poll::Ready(());
        }
        let mut outcome = None;
        let ran = match admission(ticket, cx) {
            Go::Queue => return Poll::Pending,
            Go::Leave => Ok(Poll::Pending),
            Go::Poll => ticket.within(|| {
                let future = this.future.as_mut().as_pin_mut();
                let polled = future.expect("a task is not polled after its end").poll(cx);
                polled.map(|ready| {
                    // Kept outside: the future may panic when it is dropped.
                    outcome = Some(ready);
                    this.future.set(None);
                })
            }),
        };
        match (ran, outcome) {
            (Ok(Poll::Ready(())), Some(outcome)) => ticket.take().settle(outcome),
            (Ok(_), outcome) => {
                if outcome.is_none() && !ticket.status().has(CLAIMED) && stays(ticket, cx) {
                    return Poll::Pending;
                }
                drop(ticket.within(|| this.future.set(None)));
                drop(ticket.take());
            }
            (Err(message), None) => {
                drop(ticket.within(|| this.future.set(None)));
                ticket.take().panicked(&message);
            }
            (Err(message), Some(outcome)) => {
                quietly(outcome);
                ticket.take().panicked(&format!("{message} (when its future was dropped)"));
            }
        }
        Poll::Ready(())
    }
}

/// Whether the task may run now.
fn admission<K, V>(ticket: &Ticket<K, V>, cx: &Context<'_>) -> Go
where
    K: fmt::Debug + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    let status = ticket.status();
    if status.has(CLAIMED) {
        return Go::Leave;
    }
    let board = ticket.chunk().board();
    if board.config.limit.is_some() && !status.has(PERMIT) {
        // The waker is stored before the permit is asked for: a grant finds one of the two.
        status.store_task(cx.waker());
        if board.readmit(&ticket.entry(), Then::Poll).is_none() {
            return if status.has(CLAIMED) { Go::Leave } else { Go::Queue };
        }
    }
    if !status.has_started() {
        ticket.start();
    }
    Go::Poll
}

/// Prepares for the next poll; not if the entry has ended meanwhile.
fn stays<K: fmt::Debug, V>(ticket: &Ticket<K, V>, cx: &Context<'_>) -> bool {
    let status = ticket.status();
    status.store_task(cx.waker());
    if status.has(WAITING | RESTING) {
        ticket.chunk().board().release(status);
    }
    !status.has(CLAIMED)
}

/// The work of an entry as a job for the thread pool.
pub(crate) fn call<K, V, O, M>(
    mut ticket: Ticket<K, V>,
    home: Home,
    f: impl FnOnce() -> O + Send + 'static,
) -> Job
where
    K: fmt::Debug + Send + Sync + 'static,
    V: Send + Sync + 'static,
    O: Outcome<V, M>,
{
    Box::new(move || {
        if ticket.status().has(CLAIMED) {
            // Cancelled before it began. Its captures go first, as a future does.
            return quietly(f);
        }
        ticket.start();
        match ticket.within(|| home.enter(f)) {
            Ok(outcome) => ticket.settle(outcome),
            Err(message) => ticket.panicked(&message),
        }
    })
}

/// What to do about work that needs the reactor of a runtime and did not find it.
fn runtime_hint(message: &str, home: &Home) -> String {
    if !message.contains("no reactor running") && !message.contains("Tokio 1.x") {
        return String::new();
    }
    format!(
        " (this entry ran on {}; make the container's first put inside of the tokio runtime, or \
         choose a runtime with `on(&handle)` or `on(&codap::background())`)",
        home.name()
    )
}
