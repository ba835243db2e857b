//! What the entries of one container have in common: who has ended and in which order, who waits
//! for what, who may run. One lock, held for a few instructions, never while foreign code runs.
//!
//! Rules:
//! 1. Whoever changes the state under the lock collects what follows from it (wakers, permits to
//!    hand out) into a [`Due`], and fires it after the lock is released.
//! 2. A waiter looks at the state and registers under one lock, so that no ending falls between.
//! 3. Nothing is locked while this lock is held.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::contain::{in_turn, quietly, wake};
use crate::entry::{CLAIMED, ENDED, GONE, PERMIT, QUEUED, SEATED, SHARED, Status};
use crate::error::Ending;
use crate::event::{Event, Waiter};
use crate::limiter::Limiter;
use crate::pool::{self, Job};
use crate::ready::Ready;
use crate::record::{Note, Record};
use crate::redact::redact;
use crate::runtime::{BoxFuture, Home};
use crate::seat::Seat;
use crate::sync::{AtomicU32, Mutex, Ordering, lock};
use crate::waiters::{Mark, Place, Waiters};

/// Where entries are kept, seen without the types of key and value.
pub(crate) trait Host: Any + Send + Sync {
    fn board(&self) -> &Arc<Board>;
    fn status(&self, at: u32) -> &Status;
    /// The position of the entry in its container.
    fn index(&self, at: u32) -> u32;
    /// The entry as errors name it.
    fn name(&self, at: u32) -> String;
}

/// One entry of some container, kept alive.
#[derive(Clone)]
pub(crate) struct EntryRef {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) at: u32,
}

/// Which entry of which container; containers are numbered in the order of their making.
pub(crate) type Id = (u64, u32);

impl EntryRef {
    pub(crate) fn board(&self) -> &Arc<Board> {
        self.host.board()
    }

    pub(crate) fn status(&self) -> &Status {
        self.host.status(self.at)
    }

    pub(crate) fn index(&self) -> u32 {
        self.host.index(self.at)
    }

    pub(crate) fn id(&self) -> Id {
        (self.board().id, self.index())
    }

    pub(crate) fn name(&self) -> String {
        self.host.name(self.at)
    }
}

impl fmt::Debug for EntryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EntryRef").field(&self.id()).finish()
    }
}

/// How a container was built.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub(crate) limit: Option<usize>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) record: bool,
}

/// A claim to a permit, and what to do once it is granted.
pub(crate) struct Claim {
    pub(crate) entry: EntryRef,
    pub(crate) then: Then,
}

pub(crate) enum Then {
    /// Poll the task of the entry.
    Poll,
    /// Wake somebody else who goes on in the entry's name.
    Wake(Arc<Seat>),
    /// Call a function that starts the work, and may lead to further starts.
    Start(Box<dyn FnOnce() + Send>),
    /// Give the work to the pool.
    Call(Job),
    /// Have the work polled for the first time.
    Launch(BoxFuture),
}

/// What follows from a change, for when the lock is released. Mostly nothing, or one waker.
#[derive(Default)]
pub(crate) struct Due {
    waker: Option<Waker>,
    rest: Vec<Consequence>,
}

enum Consequence {
    Wake(Waker),
    Grant(Claim),
    /// A claim of an entry that ended in the queue: it may own foreign values.
    Lapse(Claim),
}

impl Due {
    fn wake(&mut self, waker: Waker) {
        match &self.waker {
            None => self.waker = Some(waker),
            Some(_) => self.rest.push(Consequence::Wake(waker)),
        }
    }

    fn fire(self) {
        if let Some(waker) = self.waker {
            wake(waker);
        }
        for consequence in self.rest {
            match consequence {
                Consequence::Wake(waker) => wake(waker),
                Consequence::Grant(claim) => claim.granted(),
                Consequence::Lapse(claim) => claim.lapse(),
            }
        }
    }
}

impl Claim {
    /// Takes the claim out of the line. Back comes one that somebody is left to make use of.
    fn redeem(self, due: &mut Due) -> Option<Self> {
        let status = self.entry.status();
        status.unset(if matches!(self.then, Then::Poll) { QUEUED } else { SEATED });
        let lapsed = match &self.then {
            // A subtask that outlives its entry goes on all the same, without a permit.
            Then::Wake(seat) => !seat.grant(),
            _ => status.has(GONE) || status.has(CLAIMED) && !status.has_started(),
        };
        if lapsed {
            due.rest.push(Consequence::Lapse(self));
            return None;
        }
        Some(self)
    }

    pub(crate) fn granted(self) {
        match self.then {
            Then::Poll => {
                if let Some(waker) = self.entry.status().take_task() {
                    wake(waker);
                }
            }
            Then::Wake(seat) => seat.wake(),
            Then::Start(start) => in_turn(start),
            Then::Call(job) => pool::run(job),
            Then::Launch(work) => self.entry.board().ready.launch_in_turn(work),
        }
    }

    /// The entry has ended before it could start.
    fn lapse(self) {
        match self.then {
            // It is polled all the same: a future is dropped where it would have run.
            Then::Launch(work) => self.entry.board().ready.launch_in_turn(work),
            _ => quietly(self),
        }
    }
}

#[derive(Default)]
struct State {
    /// The entries in the order in which they ended, but for the first `taken`.
    arrived: VecDeque<u32>,
    /// How many arrivals were dropped from the front of `arrived`.
    taken: u32,
    failed: u32,
    /// How many entries have no work any more.
    gone: u32,
    /// Who waits for one entry.
    readers: Waiters<(u32, u32)>,
    /// Who waits for a number of entries.
    crowd: Waiters<Place>,
    tickets: u32,
    limiter: Option<Limiter<Claim>>,
    record: Option<Record>,
    /// The place of the container's one cursor over the arrivals.
    cursor: u32,
}

impl State {
    fn ended(&self) -> u32 {
        self.taken + u32::try_from(self.arrived.len()).expect("entries are counted in 32 bits")
    }

    /// Whether nothing follows from an ending.
    fn is_calm(&self) -> bool {
        self.readers.is_empty() && self.crowd.is_empty() && self.limiter.is_none()
    }

    fn reached(&self, mark: Mark) -> bool {
        match mark {
            Mark::Ended(n) => self.ended() >= n,
            Mark::Gone(n) => self.gone >= n,
        }
    }

    fn ticket(&mut self) -> u32 {
        self.tickets = self.tickets.wrapping_add(1);
        self.tickets
    }

    fn call_readers(&mut self, index: u32, due: &mut Due) {
        while let Some(waker) = self.readers.call((index, 0)..=(index, u32::MAX)) {
            due.wake(waker);
        }
    }

    fn call_crowd(&mut self, mark: Mark, due: &mut Due) {
        while let Some(waker) = self.crowd.call(mark.and_before()) {
            due.wake(waker);
        }
    }

    /// The work of an entry is gone: its `GONE` was just set.
    fn leave(&mut self, status: &Status, due: &mut Due) {
        self.gone += 1;
        if self.limiter.is_some() && status.unset(PERMIT) {
            self.release(due);
        }
        self.call_crowd(Mark::Gone(self.gone), due);
    }

    fn release(&mut self, due: &mut Due) {
        let Some(limiter) = &mut self.limiter else { return };
        limiter.release();
        while let Some(claim) = limiter.next() {
            let Some(claim) = claim.redeem(due) else { continue };
            let status = claim.entry.status();
            if !status.has(GONE) && status.set(PERMIT) {
                limiter.take();
            }
            if status.unset(SHARED) {
                // All who stand in line in the entry's name go on by its one permit. If they kept
                // their places, one that the others wait for might stand behind those whom they
                // keep from running.
                let index = claim.entry.index();
                for other in limiter.take_back(|other| other.entry.index() == index) {
                    if let Some(other) = other.redeem(due) {
                        due.rest.push(Consequence::Grant(other));
                    }
                }
            }
            due.rest.push(Consequence::Grant(claim));
        }
    }

    fn note(&mut self, entry: u32, at: Duration, note: Note) {
        if let Some(record) = &mut self.record {
            record.push(entry, at, note);
        }
    }
}

/// See the module.
pub(crate) struct Board {
    pub(crate) id: u64,
    pub(crate) config: Config,
    epoch: OnceLock<Instant>,
    pub(crate) ready: Arc<Ready>,
    /// How many entries there are; changed by the arena, under its own lock.
    len: Apart<AtomicU32>,
    state: Apart<Mutex<State>>,
}

/// On cache lines of its own, two as processors fetch them: who puts, who ends an entry and who
/// looks at the board's constants do not slow each other down. By padding, because memory that
/// has to be aligned is dear.
struct Apart<T> {
    it: T,
    _room: [u8; 128],
}

impl<T> Apart<T> {
    fn new(it: T) -> Self {
        Self { it, _room: [0; 128] }
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board")
            .field("id", &self.id)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

static IDS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

impl Board {
    pub(crate) fn new(config: Config, home: Option<Home>) -> Self {
        let state = State {
            limiter: config.limit.map(Limiter::new),
            record: config.record.then(Record::default),
            // As many as a page has.
            arrived: VecDeque::with_capacity(16),
            ..State::default()
        };
        Self {
            id: IDS.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
            config,
            epoch: OnceLock::new(),
            ready: Arc::new(Ready::new(home)),
            len: Apart::new(AtomicU32::new(0)),
            state: Apart::new(Mutex::new(state)),
        }
    }

    /// The runtime, which the first who asks for it decides.
    pub(crate) fn home(&self) -> &Home {
        self.ready.home()
    }

    /// When the container's time began: at its first look at the clock.
    pub(crate) fn epoch(&self) -> Instant {
        *self.epoch.get_or_init(|| self.home().now())
    }

    /// The time, counted from the epoch.
    pub(crate) fn clock(&self) -> Duration {
        let epoch = self.epoch();
        self.home().now().saturating_duration_since(epoch)
    }

    /// Whether entries can be held back between put and start, so that a put looks at the clock.
    pub(crate) fn stamps_puts(&self) -> bool {
        self.config.limit.is_some() || self.config.deadline.is_some() || self.config.record
    }

    pub(crate) fn len(&self) -> u32 {
        self.len.it.load(Ordering::Acquire)
    }

    /// Called by the arena, under its lock.
    pub(crate) fn grown_to(&self, len: u32) {
        self.len.it.store(len, Ordering::Release);
    }

    /// How many entries have ended, and how many of those without a value.
    pub(crate) fn counts(&self) -> (u32, u32) {
        let state = lock(&self.state.it);
        (state.ended(), state.failed)
    }

    // ---- permits -------------------------------------------------------------------------

    /// Takes a permit for an entry that was just put, or lets `claim` stand in line for it. Called
    /// under the arena's lock, so that the line is in the order of the puts.
    pub(crate) fn admit(&self, status: &Status, claim: impl FnOnce() -> Option<Claim>) -> bool {
        if self.config.limit.is_none() {
            return true;
        }
        let mut state = lock(&self.state.it);
        let Some(limiter) = &mut state.limiter else { return true };
        if limiter.try_start() {
            status.set(PERMIT);
            return true;
        }
        if let Some(claim) = claim() {
            limiter.queue_start(claim.entry.index(), claim);
        }
        false
    }

    /// Whether the entry holds a permit or needs none.
    pub(crate) fn is_admitted(&self, status: &Status) -> bool {
        self.config.limit.is_none() || status.has(PERMIT)
    }

    /// Whether the entry may go on: it holds a permit, gets one, or needs none. Then `then` comes
    /// back, to be done by the caller; else it is done when the entry gets a permit.
    pub(crate) fn readmit(&self, entry: &EntryRef, then: Then) -> Option<Then> {
        let status = entry.status();
        if self.is_admitted(status) {
            return Some(then);
        }
        let mut state = lock(&self.state.it);
        let Some(limiter) = &mut state.limiter else { return Some(then) };
        if status.has(PERMIT | GONE) {
            return Some(then);
        }
        if status.has_started() && limiter.try_resume() {
            status.set(PERMIT);
            return Some(then);
        }
        // No task stands in line twice.
        let in_company = status.has(QUEUED | SEATED);
        let stands = match then {
            Then::Poll => status.set(QUEUED),
            Then::Wake(_) | Then::Start(_) | Then::Call(_) | Then::Launch(_) => {
                status.set(SEATED);
                true
            }
        };
        if stands {
            if in_company {
                status.set(SHARED);
            }
            limiter.queue_resume(Claim { entry: entry.clone(), then });
        }
        None
    }

    /// Gives the entry's permit back while it waits.
    pub(crate) fn release(&self, status: &Status) {
        if self.config.limit.is_none() {
            return;
        }
        let mut due = Due::default();
        let mut state = lock(&self.state.it);
        if !status.has(GONE) && status.unset(PERMIT) {
            state.release(&mut due);
        }
        drop(state);
        due.fire();
    }

    /// Lets a future go that waits for its first permit and was cancelled: at once, not when it
    /// would be its turn.
    pub(crate) fn withdraw(&self, index: u32) {
        if self.config.limit.is_none() {
            return;
        }
        let mut state = lock(&self.state.it);
        let limiter = state.limiter.as_mut();
        let claim = limiter.and_then(|limiter| {
            limiter.withdraw(index, |claim| matches!(claim.then, Then::Launch(_)))
        });
        drop(state);
        if let Some(claim) = claim {
            claim.lapse();
        }
    }

    /// Drops all claims to a first permit whose entries have been cancelled. Others may have been
    /// put meanwhile: by a callback of one that was cancelled, or on another thread.
    pub(crate) fn clear_queue(&self) {
        if self.config.limit.is_none() {
            return;
        }
        let over = |claim: &Claim| claim.entry.status().has(CLAIMED);
        let mut state = lock(&self.state.it);
        let lapsed = state.limiter.as_mut().map(|limiter| limiter.take_fresh(over));
        drop(state);
        lapsed.into_iter().flatten().for_each(|(_, claim)| claim.lapse());
    }

    // ---- endings -------------------------------------------------------------------------

    /// Publishes the outcome that the caller has written, as the next arrival.
    pub(crate) fn ended(&self, index: u32, status: &Status, ending: Ending, leaves: bool) {
        let at = self.config.record.then(|| self.clock());
        let mut state = lock(&self.state.it);
        state.arrived.push_back(index);
        state.failed += u32::from(!ending.is_ok());
        if let Some(at) = at {
            state.note(index, at, Note::Ended(ending));
        }
        // Whoever lost the claim may have left already.
        let leaves = leaves && !status.has(GONE);
        status.set(if leaves { ENDED | GONE } else { ENDED });
        if state.is_calm() {
            state.gone += u32::from(leaves);
            return;
        }
        let mut due = Due::default();
        state.call_readers(index, &mut due);
        if leaves {
            state.leave(status, &mut due);
        }
        let ended = state.ended();
        state.call_crowd(Mark::Ended(ended), &mut due);
        drop(state);
        due.fire();
    }

    /// The work of an entry that somebody else has claimed is gone.
    pub(crate) fn left(&self, status: &Status) {
        let mut due = Due::default();
        let mut state = lock(&self.state.it);
        if status.set(GONE) {
            state.leave(status, &mut due);
        }
        drop(state);
        due.fire();
    }

    // ---- waiting -------------------------------------------------------------------------

    /// Registers a reader of one entry under its ticket; `false` if the entry has ended meanwhile.
    pub(crate) fn watch(
        &self,
        index: u32,
        status: &Status,
        ticket: &mut Option<u32>,
        waker: Waker,
    ) -> bool {
        let mut state = lock(&self.state.it);
        if status.has(ENDED) {
            drop(state);
            return false;
        }
        let key = *ticket.get_or_insert_with(|| state.ticket());
        let old = state.readers.insert((index, key), waker);
        drop(state);
        drop(old);
        true
    }

    pub(crate) fn unwatch(&self, index: u32, ticket: u32) {
        let old = lock(&self.state.it).readers.remove((index, ticket));
        drop(old);
    }

    /// The `nth` arrival, if there is one.
    pub(crate) fn arrival(&self, nth: u32) -> Option<u32> {
        let state = lock(&self.state.it);
        state.arrived.get(nth.checked_sub(state.taken)? as usize).copied()
    }

    /// The next arrival of the container's one cursor, which moves on; else where it is.
    pub(crate) fn take_arrival(&self) -> Result<u32, u32> {
        let mut state = lock(&self.state.it);
        let cursor = state.cursor;
        let index = state.arrived.get((cursor - state.taken) as usize).copied().ok_or(cursor)?;
        state.cursor += 1;
        Ok(index)
    }

    /// Forgets the arrivals before the `nth`, which nobody will ask for again.
    pub(crate) fn forget_arrivals(&self, nth: u32) {
        let mut state = lock(&self.state.it);
        while state.taken < nth && state.arrived.pop_front().is_some() {
            state.taken += 1;
        }
    }

    pub(crate) fn reached(&self, mark: Mark) -> bool {
        lock(&self.state.it).reached(mark)
    }

    /// Gives a waiter a place in the crowd, unless `mark` is reached; whether it has one now.
    pub(crate) fn join_crowd(&self, mark: Mark, place: &mut Option<Place>, waker: Waker) -> bool {
        let mut state = lock(&self.state.it);
        let old = place.take().and_then(|place| state.crowd.remove(place));
        let joins = !state.reached(mark);
        if joins {
            let place = place.insert((mark, state.ticket()));
            state.crowd.insert(*place, waker);
        }
        drop(state);
        drop(old);
        joins
    }

    /// Calls all who wait for a number of endings, for another look.
    pub(crate) fn call_all(&self) {
        let mut due = Due::default();
        let mut state = lock(&self.state.it);
        state.call_crowd(Mark::Ended(u32::MAX), &mut due);
        drop(state);
        due.fire();
    }

    /// Whether there have been fewer than `count` endings, and no more entries are pending than
    /// the `held` ones that do not go on.
    pub(crate) fn is_held_up(&self, count: u32, held: u32) -> bool {
        let (ended, _) = self.counts();
        ended < count && self.len().saturating_sub(ended) <= held
    }

    pub(crate) fn leave_crowd(&self, place: Place) {
        let old = lock(&self.state.it).crowd.remove(place);
        drop(old);
    }

    // ---- events --------------------------------------------------------------------------

    /// Records that the work of an entry began; not if it was ended from outside meanwhile.
    pub(crate) fn record_start(&self, index: u32, status: &Status) {
        if !self.config.record {
            return;
        }
        let now = self.clock();
        let mut state = lock(&self.state.it);
        if !status.has(ENDED) {
            state.note(index, now, Note::Started);
        }
    }

    pub(crate) fn record_attempt(&self, index: u32, number: u32) {
        if !self.config.record {
            return;
        }
        let now = self.clock();
        lock(&self.state.it).note(index, now, Note::Attempt(number));
    }

    /// Records that an entry was waited for until now, by another entry or from outside of any.
    pub(crate) fn record_wait(&self, index: u32, by: Option<&EntryRef>, from: Duration) {
        if !self.config.record {
            return;
        }
        let by = by.map_or(Waiter::Outside, |entry| {
            let (container, index) = entry.id();
            Waiter::Entry { container, entry: index as usize, name: redact(&entry.name()) }
        });
        let now = self.clock();
        if let Some(record) = &mut lock(&self.state.it).record {
            record.push_wait(index, now, (by, from));
        }
    }

    /// What was recorded so far. `puts` are the times of the puts, by entry.
    pub(crate) fn events(&self, puts: impl Iterator<Item = Option<Duration>>) -> Vec<Event> {
        let record = lock(&self.state.it).record.clone();
        record.map(|record| record.events(puts)).unwrap_or_default()
    }
}
