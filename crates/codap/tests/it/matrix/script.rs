//! The work: what it does, put as what kind.

use std::future::{Future, poll_fn};
use std::panic::panic_any;
use std::pin::Pin;

use codap::{BoxError, External, KvHandle, Pusher, Reply, Slot};
use tokio::sync::oneshot;

use super::case::{Case, Ends, Kind, Panics};
use super::ledger::{Counts, Dropped, Ledger, Name, Value};
use super::shapes::Handle;
use crate::watched::{Bomb, DELIBERATE, Gate, block_on};

/// What the work of an entry does, whatever kind it is of.
pub(super) struct Script {
    pub(super) case: Case,
    pub(super) ledger: Ledger,
    pub(super) key: usize,
    pub(super) started: oneshot::Sender<()>,
    pub(super) gate: Gate,
    pub(super) last_gate: Gate,
}

impl Script {
    pub(super) fn outcome(case: &Case, ledger: &Ledger, key: usize) -> Result<Value, BoxError> {
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
    pub(super) fn work_dropped(&self) -> Dropped {
        let panics = matches!(self.case.panics, Panics::DropOfWork | Panics::AtOnceAndDropOfWork);
        let note = |counts: &mut Counts| counts.works_dropped += 1;
        Dropped { ledger: self.ledger.clone(), note, panics }
    }

    pub(super) async fn play(self) -> Result<Value, BoxError> {
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
pub(super) enum Hand {
    None,
    Slot(Slot<Value>),
    External(oneshot::Receiver<External<Value>>),
}

pub(super) fn put(handle: &Handle, name: Name, script: Script) -> (Reply<Value>, Hand) {
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
pub(super) async fn finish_by_hand(hand: &mut Hand, case: &Case, ledger: &Ledger, key: usize) {
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
