//! Work that may run and was not polled yet: its first poll is made by a starter.
//!
//! A task for each entry is what a runtime charges most for, and much work is over at its first
//! poll: a hit in a cache, a failed check. So all but a container's first work waits in a line, and a few tasks, the
//! starters, take it from there and poll it. What is pending then becomes a task of its own.
//!
//! Rules:
//! 1. While work is ready, a starter is loose: on its way to the first thread that is free. So
//!    work that computes or blocks in its first poll holds up nobody who has a thread to run on.
//! 2. A starter sees to that before every poll, and whoever adds work before it leaves.
//! 3. A runtime may keep the task that a thread spawned last for that very thread, however long
//!    that is busy (tokio does, for its cache). There starters are made in pairs, of which the
//!    first is loose and the second may be stuck; it counts for nothing.
//! 4. A starter makes one poll a turn and stands in line again, loose. What that poll woke, or the
//!    task that it became, may be kept for this thread as well: it must not wait for the next poll.
//!    And where a runtime gives each turn of a task a budget (tokio does), each entry has its own.
//! 5. A starter that is dropped before its end was dropped by a runtime that has ended: it takes
//!    all ready work along, which ends as cancelled.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use crate::contain::{in_turn, quietly};
use crate::runtime::{BoxFuture, Home};
use crate::sync::{Mutex, lock};

/// For how much work there is room at first: as much as a page has.
const PAGE: usize = 16;

/// A line that had room for more gives it back when it is empty.
const ROOM: usize = 64;

/// The line of one container, and the runtime where it leads to.
pub(crate) struct Ready {
    home: OnceLock<Home>,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    work: VecDeque<BoxFuture>,
    /// How many starters are on their way, but for those that may be stuck.
    loose: u32,
}

impl Line {
    /// Whether a starter has to be made, which is counted already.
    fn lacks_starter(&mut self) -> bool {
        let lacks = self.loose == 0 && !self.work.is_empty();
        self.loose += u32::from(lacks);
        lacks
    }
}

impl Ready {
    pub(crate) fn new(home: Option<Home>) -> Self {
        let home = home.map_or_else(OnceLock::new, OnceLock::from);
        Self { home, line: Mutex::default() }
    }

    /// The runtime, which the first who asks for it decides.
    pub(crate) fn home(&self) -> &Home {
        self.home.get_or_init(Home::here)
    }

    /// The runtime, if it was decided already.
    pub(crate) fn known_home(&self) -> Option<&Home> {
        self.home.get()
    }

    /// Has new work polled, soon and elsewhere.
    pub(crate) fn launch(self: &Arc<Self>, work: BoxFuture) {
        match self.home() {
            // What a runtime of one's own makes of a task is its own business.
            Home::Custom(runtime) => runtime.spawn(work),
            _ => self.push(work),
        }
    }

    /// The same where one end leads to the next: a runtime that has shut down drops the work, which
    /// ends, and makes room for another.
    pub(crate) fn launch_in_turn(self: &Arc<Self>, work: BoxFuture) {
        match self.home() {
            Home::Custom(runtime) => {
                let runtime = runtime.clone();
                in_turn(Box::new(move || runtime.spawn(work)));
            }
            _ => self.push(work),
        }
    }

    pub(crate) fn push(self: &Arc<Self>, work: BoxFuture) {
        let mut line = lock(&self.line);
        if line.work.capacity() == 0 {
            line.work.reserve(PAGE);
        }
        line.work.push_back(work);
        let lacks = line.lacks_starter();
        drop(line);
        if lacks {
            Starter::make(self);
        }
    }

    /// The next in line, and whether a starter has to be made before that is polled.
    fn next(&self, arrives: bool) -> Option<(BoxFuture, bool)> {
        let mut line = lock(&self.line);
        line.loose -= u32::from(arrives);
        let Some(work) = line.work.pop_front() else {
            let spare = (line.work.capacity() > ROOM).then(|| std::mem::take(&mut line.work));
            drop(line);
            drop(spare);
            return None;
        };
        Some((work, line.lacks_starter()))
    }
}

/// A task that polls what is ready.
pub(crate) struct Starter {
    ready: Arc<Ready>,
    /// On its way, and counted as such.
    loose: bool,
    over: bool,
}

impl Starter {
    /// Sends one off, or two where the last may be stuck.
    fn make(ready: &Arc<Ready>) {
        let home = ready.home();
        let starter = |loose| Self { ready: ready.clone(), loose, over: false };
        home.spawn(starter(true));
        if home.keeps_the_last() {
            home.spawn(starter(false));
        }
    }
}

impl Future for Starter {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let arrives = std::mem::take(&mut this.loose);
        let Some((mut work, lacks)) = this.ready.next(arrives) else {
            this.over = true;
            return Poll::Ready(());
        };
        if lacks {
            Self::make(&this.ready);
        }
        if work.as_mut().poll(cx).is_pending() {
            this.ready.home().spawn_boxed(work);
        }
        lock(&this.ready.line).loose += 1;
        this.loose = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut line = lock(&self.ready.line);
        line.loose -= u32::from(self.loose);
        let left = std::mem::take(&mut line.work);
        drop(line);
        if !left.is_empty() {
            // Each that ends may make room for another, which finds the runtime gone as well.
            in_turn(Box::new(move || left.into_iter().for_each(quietly)));
        }
    }
}

impl fmt::Debug for Starter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starter").field("loose", &self.loose).finish_non_exhaustive()
    }
}
