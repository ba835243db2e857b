//! Waits for a number of entries instead of a certain one.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::board::Board;
use crate::crowd::{Mark, Place};
use crate::current::{self, Waiting};

/// Ready when the mark is reached (`true`), or, in an entry of this very container, when only
/// entries that wait in here as well are left (`false`). Dropping it deregisters.
#[derive(Debug)]
pub(crate) struct Until<B: Deref<Target = Board>> {
    board: B,
    mark: Mark,
    place: Option<Place>,
    /// The entry in whose name it waits, and gives its permit back.
    waiting: Option<Waiting>,
    begun: bool,
}

impl<B: Deref<Target = Board>> Until<B> {
    pub(crate) fn new(board: B, mark: Mark) -> Self {
        Self { board, mark, place: None, waiting: None, begun: false }
    }
}

impl<B: Deref<Target = Board> + Unpin> Future for Until<B> {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = self.get_mut();
        if this.board.reached(this.mark) {
            return Poll::Ready(true);
        }
        if !std::mem::replace(&mut this.begun, true)
            && let Some(entry) = current::entry()
        {
            this.waiting = Waiting::begin(entry, None).ok();
        }
        let within = this.waiting.as_ref().map(Waiting::entry);
        let insider = within.filter(|entry| entry.board().id == this.board.id);
        if this.board.join_crowd(this.mark, &mut this.place, insider, cx.waker().clone()) {
            Poll::Pending
        } else {
            Poll::Ready(this.board.reached(this.mark))
        }
    }
}

impl<B: Deref<Target = Board>> Drop for Until<B> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.board.leave_crowd(place);
        }
    }
}
