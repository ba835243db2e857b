//! Waits for a number of entries instead of a certain one.

use std::borrow::Borrow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::board::{Board, EntryRef};
use crate::current;
use crate::waiters::{Mark, Place};
use crate::waits::{Target, Waiting};

/// Ready when the mark is reached (`true`), or, in an entry, when there will be no more endings
/// because every pending entry waits for this one (`false`). Dropping it deregisters.
#[derive(Debug)]
pub(crate) struct Until<B: Borrow<Arc<Board>>> {
    board: B,
    mark: Mark,
    place: Option<Place>,
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    /// If the container records.
    since: Option<Duration>,
    /// The entry in whose name it waits, and gives its permit back.
    within: Option<EntryRef>,
    step: Option<(Mark, Waiting)>,
}

impl<B: Borrow<Arc<Board>>> Until<B> {
    pub(crate) fn new(board: B, mark: Mark) -> Self {
        Self { board, mark, place: None, begun: None }
    }
}

impl Begun {
    fn new(board: &Board) -> Self {
        let since = board.config.record.then(|| board.clock());
        Self { since, within: current::entry(), step: None }
    }

    /// The mark to wait for now. An entry goes from one ending to the next: whether there will be
    /// another one can be told, whether there will be a number of them cannot.
    fn step(&mut self, board: &Arc<Board>, goal: Mark) -> Mark {
        let Some(entry) = &self.within else { return goal };
        let (next, target) = match goal {
            Mark::Ended(count) => {
                let next = count.min(board.counts().0 + 1);
                (Mark::Ended(next), Target::Ending(board.clone(), next))
            }
            Mark::Gone(_) => (goal, Target::Other),
        };
        if self.step.as_ref().is_none_or(|(now, _)| *now != next) {
            // The old one is let go after this, so that the entry waits all the time.
            self.step = Waiting::begin(entry.clone(), target).ok().map(|waiting| (next, waiting));
        }
        next
    }

    fn is_hopeless(&self) -> bool {
        self.step.as_ref().is_some_and(|(_, waiting)| waiting.is_hopeless())
    }
}

impl<B: Borrow<Arc<Board>> + Unpin> Future for Until<B> {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = self.get_mut();
        let board: &Arc<Board> = this.board.borrow();
        let has_waited = this.begun.is_some();
        loop {
            let begun = this.begun.get_or_insert_with(|| Begun::new(board));
            let step = begun.step(board, this.mark);
            if !board.join_crowd(step, &mut this.place, cx.waker().clone()) {
                if step != this.mark {
                    continue;
                }
                if has_waited
                    && let (Some(from), Mark::Ended(count)) = (begun.since, this.mark)
                    && let Some(last) = board.arrival(count.saturating_sub(1))
                {
                    board.record_wait(last, begun.within.as_ref(), from);
                }
                return Poll::Ready(true);
            }
            // After it has its place: who finds out later calls it there.
            if begun.is_hopeless() {
                return Poll::Ready(board.reached(this.mark));
            }
            return Poll::Pending;
        }
    }
}

impl<B: Borrow<Arc<Board>>> Drop for Until<B> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.board.borrow().leave_crowd(place);
        }
    }
}
