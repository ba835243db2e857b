//! Everything that can happen to one entry, in every combination: which shape, which runtime, what
//! kind of work, where it panics, how it ends, when it is cancelled, when its owner goes, who reads.
//!
//! Whatever the combination: the process lives, the entry ends exactly once and as it should,
//! readers are answered, the work, the value and the key are each dropped once, and the permits
//! are whole afterwards. `CODAP_CASE=n` replays one combination.

use std::borrow::Borrow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{Hash, Hasher};
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use codap::{
    BoxError, Ending, Error, External, FirstReply, FirstReplyHandle, Kv, KvHandle, Ordered,
    OrderedHandle, Pusher, Reply, Slot,
};
use tokio::sync::{oneshot, watch};

use crate::watched::{Bomb, DELIBERATE, Doing, Gate, On, block_on, number, report, watched};

/// A set of choices, all of which are tried.
macro_rules! choices {
    ($($name:ident { $($choice:ident),* $(,)? })*) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum $name { $($choice),* }

        impl $name {
            const ALL: &[Self] = &[$(Self::$choice),*];
        }
    )*};
}

choices! {
    Shape { Kv, Ordered, FirstReply }
    Kind { Future, Function, Slot, External }
    Panics {
        Not,
        // Before the first await; in the callback of an external entry.
        AtOnce,
        AfterAwait,
        // In the drop of the future, or of what a function or callback has captured.
        DropOfWork,
        AtOnceAndDropOfWork,
        // And in the drop of the key; in the drop of the error if it ends with one.
        DropOfValue,
        DropOfPayload,
    }
    Ends { Value, Error, Never }
    Cancel { Never, BeforeStart, Pending, AfterEnd }
    OwnerGoes { BeforeStart, Pending, AfterEnd, Detached }
    Kept { Kept, Dropped }
    Reader { None, Awaits, Blocks, DropsMidWait }
}

#[derive(Debug, Clone, Copy)]
struct Case {
    shape: Shape,
    kind: Kind,
    panics: Panics,
    ends: Ends,
    cancel: Cancel,
    owner: OwnerGoes,
    reply: Kept,
    reader: Reader,
}

impl Case {
    /// All that make sense, in a fixed order.
    fn all(shape: Shape) -> Vec<Self> {
        let mut cases = Vec::new();
        for &kind in Kind::ALL {
            for &panics in Panics::ALL {
                for &ends in Ends::ALL {
                    for &cancel in Cancel::ALL {
                        for &owner in OwnerGoes::ALL {
                            for &reply in Kept::ALL {
                                cases.extend(Reader::ALL.iter().map(|&reader| Self {
                                    shape,
                                    kind,
                                    panics,
                                    ends,
                                    cancel,
                                    owner,
                                    reply,
                                    reader,
                                }));
                            }
                        }
                    }
                }
            }
        }
        cases.retain(Self::is_possible);
        cases
    }

    /// Whether the work panics as soon as it starts, so that it is never seen pending.
    fn at_once(&self) -> bool {
        match self.panics {
            Panics::AtOnce | Panics::AtOnceAndDropOfWork => true,
            Panics::DropOfPayload => self.kind == Kind::External,
            _ => false,
        }
    }

    fn is_possible(&self) -> bool {
        let panics = match self.kind {
            Kind::Future => true,
            // What a function has captured is dropped while its panic unwinds: in Rust a second
            // panic there aborts before anybody could catch it.
            Kind::Function => self.panics != Panics::AtOnceAndDropOfWork,
            Kind::Slot => matches!(self.panics, Panics::Not | Panics::DropOfValue),
            Kind::External => {
                !matches!(self.panics, Panics::AfterAwait | Panics::AtOnceAndDropOfWork)
            }
        };
        let runs_into_panic =
            self.at_once() || matches!(self.panics, Panics::AfterAwait | Panics::DropOfPayload);
        // How it would have ended makes no difference to work that panics.
        let ends = !runs_into_panic || self.ends == Ends::Value;
        let cancel = self.ends != Ends::Never || self.cancel != Cancel::AfterEnd;
        let pending = self.cancel == Cancel::Pending || self.owner == OwnerGoes::Pending;
        // A slot needs no permit and so never stands in a queue.
        let queue = !self.queued() || self.kind != Kind::Slot;
        panics && ends && cancel && queue && !(pending && self.at_once())
    }

    /// Whether something happens to it while it waits for its first permit.
    fn queued(&self) -> bool {
        self.cancel == Cancel::BeforeStart || self.owner == OwnerGoes::BeforeStart
    }

    fn ended_early(&self) -> bool {
        let pending = self.cancel == Cancel::Pending || self.owner == OwnerGoes::Pending;
        self.queued() || self.at_once() || pending
    }

    /// Whether it is still pending when everything but the last gate has been opened.
    fn lasts(&self) -> bool {
        self.ends == Ends::Never && !self.ended_early()
    }

    /// Whether it then has a permit. Work that cannot be stopped keeps it although it has ended.
    fn holds_permit(&self) -> bool {
        match self.kind {
            Kind::Future => self.lasts(),
            Kind::Function | Kind::External => {
                self.ends == Ends::Never && !self.queued() && !self.at_once()
            }
            Kind::Slot => false,
        }
    }

    fn ending(&self) -> Ending {
        if self.ended_early() {
            return match (self.queued() || !self.at_once(), self.kind) {
                (true, _) => Ending::Cancelled,
                (false, Kind::External) => Ending::Abandoned,
                (false, _) => Ending::Panicked,
            };
        }
        if self.lasts() && self.owner == OwnerGoes::AfterEnd {
            return Ending::Cancelled;
        }
        let by_hand = matches!(self.kind, Kind::Slot | Kind::External);
        match (self.panics, self.ends) {
            (Panics::AfterAwait | Panics::DropOfPayload, _) => Ending::Panicked,
            (Panics::DropOfWork, _) if !by_hand => Ending::Panicked,
            (_, Ends::Error) => Ending::Failed,
            (_, Ends::Never) if by_hand => Ending::Abandoned,
            (_, Ends::Value | Ends::Never) => Ending::Ok,
        }
    }
}

// ---- what is counted ---------------------------------------------------------------------

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    works_dropped: u32,
    values_made: u32,
    values_dropped: u32,
    keys_dropped: u32,
    endings: u32,
    ending: Option<Ending>,
}

#[derive(Clone)]
struct Ledger(Arc<watch::Sender<Counts>>);

impl Ledger {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Counts::default())))
    }

    fn note(&self, note: impl FnOnce(&mut Counts)) {
        self.0.send_modify(note);
    }

    async fn until(&self, reached: impl FnMut(&Counts) -> bool) -> Counts {
        *self.0.subscribe().wait_for(reached).await.expect("the ledger is here")
    }
}

/// Tells the ledger when it is dropped, and panics then if it is to.
struct Dropped {
    ledger: Ledger,
    note: fn(&mut Counts),
    panics: bool,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.ledger.note(self.note);
        if self.panics {
            panic!("{DELIBERATE}: drop");
        }
    }
}

/// A value, or the error in its place: it knows its key.
struct Value {
    key: usize,
    _dropped: Dropped,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.key)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error")
    }
}

impl std::error::Error for Value {}

/// The key of a `Kv`, found by its number.
struct Name {
    number: usize,
    _dropped: Option<Dropped>,
}

impl Borrow<usize> for Name {
    fn borrow(&self) -> &usize {
        &self.number
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.number, f)
    }
}

// ---- the container -----------------------------------------------------------------------

const LIMIT: usize = 2;

enum Owner {
    Kv(Kv<Name, Value>),
    Ordered(Ordered<Value>),
    FirstReply(FirstReply<Value>),
}

impl Owner {
    fn new(shape: Shape, on: On) -> Self {
        match shape {
            Shape::Kv => Self::Kv(on.build(Kv::builder().limit(LIMIT))),
            Shape::Ordered => Self::Ordered(on.build(Ordered::builder().limit(LIMIT))),
            Shape::FirstReply => Self::FirstReply(on.build(FirstReply::builder().limit(LIMIT))),
        }
    }

    fn handle(&self) -> Handle {
        match self {
            Self::Kv(kv) => Handle::Kv(kv.handle()),
            Self::Ordered(list) => Handle::Ordered(list.handle()),
            Self::FirstReply(list) => Handle::FirstReply(list.handle()),
        }
    }

    fn detach(self) {
        match self {
            Self::Kv(kv) => kv.detach(),
            Self::Ordered(list) => list.detach(),
            Self::FirstReply(list) => list.detach(),
        }
    }
}

#[derive(Clone)]
enum Handle {
    Kv(KvHandle<Name, Value>),
    Ordered(OrderedHandle<Value>),
    FirstReply(FirstReplyHandle<Value>),
}

type Read = Result<usize, Ending>;

fn read(reply: Result<&Value, Error>) -> Read {
    reply.map(|value| value.key).map_err(|error| error.ending().expect("no error of an access"))
}

impl Handle {
    fn add<T>(
        &self,
        name: Name,
        to_kv: impl FnOnce(&KvHandle<Name, Value>, Name) -> T,
        to_list: impl FnOnce(&Pusher<Value>) -> T,
    ) -> T {
        match self {
            Self::Kv(kv) => to_kv(kv, name),
            Self::Ordered(list) => to_list(list),
            Self::FirstReply(list) => to_list(list),
        }
    }

    fn external(
        &self,
        name: Name,
        start: impl FnOnce(External<Value>) + Send + 'static,
    ) -> Reply<Value> {
        let start = Box::new(start) as Box<dyn FnOnce(External<Value>) + Send>;
        match self {
            Self::Kv(kv) => kv.put_external(name, start),
            Self::Ordered(list) => list.push_external(start),
            Self::FirstReply(list) => list.push_external(start),
        }
    }

    /// Occupies a permit, as soon as it gets one.
    fn hold(&self, number: usize) -> oneshot::Receiver<External<Value>> {
        let (sender, receiver) = oneshot::channel();
        let name = Name { number, _dropped: None };
        self.external(name, |external| drop(sender.send(external)));
        receiver
    }

    fn cancel(&self, at: usize) -> bool {
        match self {
            Self::Kv(kv) => kv.cancel(&at),
            Self::Ordered(list) => list.cancel(at),
            Self::FirstReply(list) => list.cancel(at),
        }
    }

    /// Of a `FirstReply` the first to arrive, which is the entry that the case is about.
    async fn get(&self, at: usize) -> Read {
        match self {
            Self::Kv(kv) => read(kv.get(&at).await),
            Self::Ordered(list) => read(list.get(at).await),
            Self::FirstReply(list) => read(list.get(0).await),
        }
    }

    fn get_blocking(&self, at: usize) -> Read {
        match self {
            Self::Kv(kv) => read(kv.get_blocking(&at)),
            Self::Ordered(list) => read(list.get_blocking(at)),
            Self::FirstReply(list) => read(list.get_blocking(0)),
        }
    }

    fn try_get(&self, at: usize) -> Option<Read> {
        match self {
            Self::Kv(kv) => kv.try_get(&at).map(read),
            Self::Ordered(list) => list.try_get(at).map(read),
            Self::FirstReply(list) => list.try_get(0).map(read),
        }
    }
}

// ---- the work ----------------------------------------------------------------------------

/// What the work of an entry does, whatever kind it is of.
struct Script {
    case: Case,
    ledger: Ledger,
    key: usize,
    started: oneshot::Sender<()>,
    gate: Gate,
    last_gate: Gate,
}

impl Script {
    fn outcome(case: &Case, ledger: &Ledger, key: usize) -> Result<Value, BoxError> {
        ledger.note(|counts| counts.values_made += 1);
        let value = Value {
            key,
            _dropped: Dropped {
                ledger: ledger.clone(),
                note: |counts| counts.values_dropped += 1,
                panics: case.panics == Panics::DropOfValue,
            },
        };
        if case.ends == Ends::Error { Err(value.into()) } else { Ok(value) }
    }

    /// What lives as long as the work.
    fn work_dropped(&self) -> Dropped {
        let panics = matches!(self.case.panics, Panics::DropOfWork | Panics::AtOnceAndDropOfWork);
        let note = |counts: &mut Counts| counts.works_dropped += 1;
        Dropped { ledger: self.ledger.clone(), note, panics }
    }

    async fn play(self) -> Result<Value, BoxError> {
        self.started.send(()).expect("the test waits for the start");
        match self.case.panics {
            Panics::AtOnce | Panics::AtOnceAndDropOfWork => panic!("{DELIBERATE}: at once"),
            _ => self.gate.passed().await,
        }
        match self.case.panics {
            Panics::AfterAwait => panic!("{DELIBERATE}: after await"),
            Panics::DropOfPayload => panic_any(Bomb),
            _ => {}
        }
        if self.case.ends == Ends::Never {
            self.last_gate.passed().await;
        }
        Self::outcome(&self.case, &self.ledger, self.key)
    }
}

/// What is kept outside for an entry that is ended by hand.
enum Hand {
    None,
    Slot(Slot<Value>),
    External(oneshot::Receiver<External<Value>>),
}

fn put(handle: &Handle, name: Name, script: Script) -> (Reply<Value>, Hand) {
    let dropped = script.work_dropped();
    match script.case.kind {
        Kind::Future => {
            let mut play = Box::pin(script.play());
            // Unlike an async block this keeps what it has captured after it is ready.
            let work = poll_fn(move |cx| {
                let _kept = &dropped;
                play.as_mut().poll(cx)
            });
            let work = Box::pin(work) as Pin<Box<dyn Future<Output = _> + Send>>;
            let reply = match handle {
                Handle::Kv(kv) => kv.put(name, work),
                Handle::Ordered(list) => list.push(work),
                Handle::FirstReply(list) => list.push(work),
            };
            (reply, Hand::None)
        }
        Kind::Function => {
            let work = move || {
                let outcome = block_on(script.play());
                // By hand: a return value is leaked by the compiler if a drop after it panics
                // (rust-lang/rust#47949).
                drop(dropped);
                outcome
            };
            let work = Box::new(work) as Box<dyn FnOnce() -> Result<Value, BoxError> + Send>;
            let reply = match handle {
                Handle::Kv(kv) => kv.put_blocking(name, work),
                Handle::Ordered(list) => list.push_blocking(work),
                Handle::FirstReply(list) => list.push_blocking(work),
            };
            (reply, Hand::None)
        }
        Kind::Slot => {
            script.started.send(()).expect("the test waits for the start");
            let slot = handle.add(name, KvHandle::slot, Pusher::slot);
            (slot.reply(), Hand::Slot(slot))
        }
        Kind::External => {
            let (sender, receiver) = oneshot::channel();
            let reply = handle.external(name, move |external| {
                let _kept = dropped;
                script.started.send(()).expect("the test waits for the start");
                match script.case.panics {
                    Panics::AtOnce => panic!("{DELIBERATE}: at once"),
                    Panics::DropOfPayload => panic_any(Bomb),
                    _ => drop(sender.send(external)),
                }
            });
            (reply, Hand::External(receiver))
        }
    }
}

/// Does by hand what [`Script::play`] does.
async fn finish_by_hand(hand: &mut Hand, case: &Case, ledger: &Ledger, key: usize) {
    if case.ends == Ends::Never {
        return;
    }
    let outcome = || Script::outcome(case, ledger, key);
    match std::mem::replace(hand, Hand::None) {
        Hand::None => {}
        Hand::Slot(slot) => {
            match outcome() {
                Ok(value) => slot.fill(value),
                Err(error) => slot.fail(error),
            };
        }
        Hand::External(receiver) => {
            // Not there if the entry never started.
            if let Ok(external) = receiver.await {
                match outcome() {
                    Ok(value) => external.fill(value),
                    Err(error) => external.fail(error),
                };
            }
        }
    }
}

// ---- one case ----------------------------------------------------------------------------

/// Whether exactly `free` more entries may run.
async fn permits_are(handle: &Handle, free: usize) {
    let mut held: Vec<_> = (0..=free).map(|n| handle.hold(1_000 + n)).collect();
    let mut one_more = held.pop().expect("one more than are free");
    let mut running = Vec::new();
    for held in held {
        running.push(held.await.expect("an entry whose permit is free starts"));
    }
    assert!(one_more.try_recv().is_err(), "more entries run than permits are free");
    for external in running {
        assert!(external.cancel());
    }
    if free > 0 {
        one_more.await.expect("an entry starts when a permit comes back").cancel();
    }
}

/// What a reader does from the beginning.
enum Reading {
    None,
    Future(Pin<Box<dyn Future<Output = Read> + Send>>),
    Thread(oneshot::Receiver<Read>),
}

impl Reading {
    fn begin(reader: Reader, handle: &Handle, at: usize) -> Self {
        let handle = handle.clone();
        match reader {
            Reader::None => Self::None,
            Reader::Awaits | Reader::DropsMidWait => {
                let mut future = Box::pin(async move { handle.get(at).await });
                // A ready future must not be polled again; then it has nothing to wait for.
                match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    std::task::Poll::Ready(read) => Self::Future(Box::pin(async move { read })),
                    std::task::Poll::Pending => Self::Future(future),
                }
            }
            Reader::Blocks => {
                let (sender, receiver) = oneshot::channel();
                thread::spawn(move || {
                    sender.send(handle.get_blocking(at)).expect("the test waits for the reader");
                });
                Self::Thread(receiver)
            }
        }
    }

    async fn end(self) -> Option<Read> {
        match self {
            Self::None => None,
            Self::Future(future) => Some(future.await),
            Self::Thread(receiver) => Some(receiver.await.expect("the reader is answered")),
        }
    }
}

#[expect(
    clippy::too_many_lines,
    clippy::cognitive_complexity,
    reason = "one story, told in its order; its twists are what is tested"
)]
async fn play(case: Case, on: On) {
    let ledger = Ledger::new();
    let (gate, last_gate) = (Gate::new(), Gate::new());
    let mut owner = Some(Owner::new(case.shape, on));
    let handle = owner.as_ref().expect("just made").handle();

    let mut in_the_way = Vec::new();
    for number in 0..if case.queued() { LIMIT } else { 0 } {
        in_the_way.push(handle.hold(number).await.expect("all permits are free"));
    }
    let key = in_the_way.len();
    let (started, has_started) = oneshot::channel();
    let name_dropped = Dropped {
        ledger: ledger.clone(),
        note: |counts| counts.keys_dropped += 1,
        panics: case.panics == Panics::DropOfValue && case.shape == Shape::Kv,
    };
    let name = Name { number: key, _dropped: Some(name_dropped) };
    let script = Script {
        case,
        ledger: ledger.clone(),
        key,
        started,
        gate: gate.clone(),
        last_gate: last_gate.clone(),
    };
    let (reply, mut hand) = put(&handle, name, script);
    {
        let ledger = ledger.clone();
        reply.on_done(move |reply| {
            let ending = reply.map_or_else(|error| error.ending(), |_| Some(Ending::Ok));
            ledger.note(|counts| (counts.endings, counts.ending) = (counts.endings + 1, ending));
        });
    }
    let reply = (case.reply == Kept::Kept).then_some(reply);
    let cancel = || reply.as_ref().map_or_else(|| handle.cancel(key), Reply::cancel);
    let mut reading = Reading::begin(case.reader, &handle, key);

    if case.queued() {
        if case.cancel == Cancel::BeforeStart {
            assert!(cancel(), "what has not started can be cancelled");
        }
        if case.owner == OwnerGoes::BeforeStart {
            owner = None;
        }
        drop(in_the_way);
        assert!(has_started.await.is_err(), "it started after its end");
    } else {
        has_started.await.expect("it starts");
    }
    if case.reader == Reader::DropsMidWait {
        reading = Reading::None;
    }
    if case.cancel == Cancel::Pending {
        // With an owner gone before its start it has ended already.
        assert_eq!(cancel(), !case.queued(), "what is pending can be cancelled");
    }
    match case.owner {
        OwnerGoes::Pending => owner = None,
        OwnerGoes::Detached => owner.take().expect("it is still there").detach(),
        OwnerGoes::BeforeStart | OwnerGoes::AfterEnd => {}
    }
    gate.open();
    finish_by_hand(&mut hand, &case, &ledger, key).await;

    let ending = case.ending();
    let value = if ending == Ending::Ok { Ok(key) } else { Err(ending) };
    if case.lasts() {
        assert_eq!(handle.try_get(key), None, "nothing has ended it");
    } else {
        ledger.until(|counts| counts.endings > 0).await;
        assert_eq!(handle.try_get(key), Some(value), "a reply is there to be read again");
    }
    if case.cancel == Cancel::AfterEnd {
        assert!(!cancel(), "what has ended cannot be cancelled");
    }
    if owner.is_some() || case.owner == OwnerGoes::Detached {
        permits_are(&handle, LIMIT - usize::from(case.holds_permit())).await;
    } else {
        assert!(handle.hold(1_000).await.is_err(), "a dropped container starts nothing");
    }
    drop(owner);
    last_gate.open();
    drop(hand);

    let counts = ledger.until(|counts| counts.endings > 0).await;
    assert_eq!(counts.ending, Some(ending));
    // The first to arrive at a `FirstReply` is one that ended while this one lasted.
    let overtaken = case.lasts() && case.shape == Shape::FirstReply;
    if let Some(read) = reading.end().await {
        assert_eq!(read, if overtaken { Err(Ending::Cancelled) } else { value });
    }
    drop((reply, handle));
    let has_work = u32::from(case.kind != Kind::Slot);
    let counts = ledger
        .until(|counts| {
            counts.works_dropped >= has_work
                && counts.values_dropped >= counts.values_made
                && counts.keys_dropped >= 1
        })
        .await;
    assert_eq!(counts.endings, 1, "an entry ends once");
    assert_eq!((counts.keys_dropped, counts.works_dropped), (1, 1), "everything is dropped once");
    assert_eq!(counts.values_dropped, counts.values_made, "everything is dropped once");
}

/// Number, runtime, and combination.
type Step = (usize, On, Case);

fn every_combination(on: On) {
    watched(Duration::from_secs(30), move |doing: &Doing<Step>| {
        let only = number("CODAP_CASE");
        let mut cases: Vec<_> = Shape::ALL.iter().flat_map(|&shape| Case::all(shape)).collect();
        let (count, started) = (cases.len(), Instant::now());
        assert!(count >= 1_000, "only {count} combinations");
        if let Some(only) = only {
            cases = vec![cases[usize::try_from(only).expect("a case has a small number")]];
        }
        on.run(async {
            for (number, &case) in cases.iter().enumerate() {
                doing.step((number, on, case));
                play(case, on).await;
            }
        });
        report(format_args!("{count} combinations on {on:?}: {:.1?}", started.elapsed()));
    });
}

#[cfg(feature = "tokio")]
#[test]
fn every_combination_of_panic_cancel_and_drop_on_tokio_multi_thread() {
    every_combination(On::TokioMulti);
}

#[cfg(feature = "tokio")]
#[test]
fn every_combination_of_panic_cancel_and_drop_on_tokio_current_thread() {
    every_combination(On::TokioCurrent);
}

#[cfg(feature = "smol")]
#[test]
fn every_combination_of_panic_cancel_and_drop_on_smol() {
    every_combination(On::Smol);
}

#[test]
fn every_combination_of_panic_cancel_and_drop_on_threads() {
    every_combination(On::Threads);
}
