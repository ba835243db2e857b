//! One case, from put to the last drop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::thread;

use codap::{Ending, Reply};
use tokio::sync::oneshot;

use super::case::{Cancel, Case, Kept, Kind, OwnerGoes, Panics, Reader, Shape};
use super::ledger::{Dropped, Ledger, Name};
use super::script::{Script, finish_by_hand, put};
use super::shapes::{Handle, LIMIT, Owner, Read};
use crate::watched::{Gate, On};

/// Whether exactly `free` more entries may run.
pub(super) async fn permits_are(handle: &Handle, free: usize) {
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
pub(super) enum Reading {
    None,
    Future(Pin<Box<dyn Future<Output = Read> + Send>>),
    Thread(oneshot::Receiver<Read>),
}

impl Reading {
    pub(super) fn begin(reader: Reader, handle: &Handle, at: usize) -> Self {
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

    pub(super) async fn end(self) -> Option<Read> {
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
pub(super) async fn play(case: Case, on: On) {
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
