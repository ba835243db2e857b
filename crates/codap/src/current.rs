//! Which entry is running here.
//!
//! An entry that waits for another gives its permit back, and one that would wait for itself gets
//! an error. Both need to know in whose name a wait is made: whatever polls or calls an entry's
//! work puts the entry into a thread-local meanwhile. That works on every runtime, since it is
//! codap's own and not a task-local of one of them.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::board::{EntryRef, Then};
use crate::entry::WAITING;
use crate::seat::Seat;
use crate::sync::thread_local;

thread_local! {
    static CURRENT: Cell<Option<EntryRef>> = const { Cell::new(None) };
}

/// Makes `entry` the current one; the answer is what was.
pub(crate) fn replace(entry: Option<EntryRef>) -> Option<EntryRef> {
    CURRENT.try_with(|current| current.replace(entry)).ok().flatten()
}

/// Looks at the current entry. `look` runs no foreign code.
pub(crate) fn with<R>(look: impl FnOnce(&EntryRef) -> R) -> Option<R> {
    let entry = replace(None)?;
    let answer = look(&entry);
    replace(Some(entry));
    Some(answer)
}

/// The current entry.
pub(crate) fn entry() -> Option<EntryRef> {
    with(EntryRef::clone)
}

/// Takes the current entry along into a task of its own, so that waits in there count as waits of
/// the entry: they give its permit back, and a circle through them is found.
///
/// Without it an entry that spawns a task which waits for another entry, and awaits that task,
/// looks busy to codap: under a limit it keeps its permit, and the entry that it waits for may
/// never start. Outside of any entry the future is handed back as it is. Cancelling and dropping
/// act on the future itself; the cost is two moves of a pointer for each poll.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use codap::{Kv, carry};
///
/// let kv = Kv::<_, u32>::builder().limit(1).build();
/// let handle = kv.handle();
/// let tokio = tokio::runtime::Handle::current();
/// kv.put("page", async move {
///     let user = handle.put("user", async { 42 });
///     let subtask = tokio.spawn(carry(async move { user.get().await.copied() }));
///     subtask.await.unwrap().unwrap() + 1
/// });
/// assert_eq!(*kv.get("page").await.unwrap(), 43);
/// # });
/// ```
pub fn carry<F: Future>(future: F) -> Carry<F> {
    Carry { future, line: entry().map(|entry| Line { entry, seat: None }) }
}

pin_project_lite::pin_project! {
    /// The future of [`carry`]. Dropping it drops the subtask, and nothing of its entry.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Carry<F> {
        // Stands before the line, so that its waits are over when that looks for them.
        #[pin]
        future: F,
        line: Option<Line>,
    }
}

/// How a subtask comes by a permit of its entry.
#[derive(Debug)]
struct Line {
    entry: EntryRef,
    /// Its place in line, while it stands there: at most one.
    seat: Option<Arc<Seat>>,
}

impl Line {
    /// Whether the entry has a permit; else the subtask is woken when it is worth asking again.
    fn admits(&mut self, waker: &Waker) -> bool {
        let board = self.entry.board();
        if board.is_admitted(self.entry.status()) {
            if let Some(seat) = self.seat.take() {
                // The permit came another way; this turn uses up one that came here, too.
                seat.leave();
            }
            return true;
        }
        if self.seat.as_ref().is_some_and(|seat| !seat.is_granted(waker)) {
            return false;
        }
        let seat = Seat::new(waker.clone());
        let admitted = board.readmit(&self.entry, Then::Wake(seat.clone())).is_some();
        self.seat = (!admitted).then_some(seat);
        admitted
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // A permit that was given out for this subtask helps nobody if its entry waits elsewhere.
        if self.seat.take().is_some_and(|seat| seat.leave()) {
            release_if_waiting(&self.entry);
        }
    }
}

fn release_if_waiting(entry: &EntryRef) {
    if entry.status().has(WAITING) {
        entry.board().release(entry.status());
    }
}

/// One poll of a subtask, also if a panic passes through. Whatever the subtask answers, its entry
/// may wait in another place when it is over.
struct Turn<'a> {
    entry: &'a EntryRef,
    _restore: Restore,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        release_if_waiting(self.entry);
    }
}

impl<F: Future> Future for Carry<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(line) = this.line else { return this.future.poll(cx) };
        // The subtask runs on the permit of its entry, which the entry gave back while it waited.
        if !line.admits(cx.waker()) {
            return Poll::Pending;
        }
        let restore = Restore(replace(Some(line.entry.clone())));
        let _turn = Turn { entry: &line.entry, _restore: restore };
        this.future.poll(cx)
    }
}

/// Puts the entry back that was current before, also when a panic passes through.
pub(crate) struct Restore(pub(crate) Option<EntryRef>);

impl Drop for Restore {
    fn drop(&mut self) {
        replace(self.0.take());
    }
}
