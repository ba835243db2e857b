//! `drain`: more work than fits.

// How many at a time, and how much memory.
mod bounds;
// What goes wrong: errors, panics, drops in the middle.
mod faults;
// What comes out, in which order, from where.
mod results;

use std::task::{Context, Poll, Waker};

use codap::{Drain, Error, Threads};
use futures_util::{Stream, StreamExt};

use crate::clock::Sim;
use crate::crew::Hand;
use crate::watched::On;

type Item<V> = (usize, Result<V, Error>);

/// What the drain answers to one poll, once all its work has come as far as it can.
fn poll<D: Stream<Item = Item<V>> + Unpin, V>(sim: &Sim, drain: &mut D) -> Poll<Option<Item<V>>> {
    sim.settle();
    drain.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
}

/// Everything that is left, while time passes.
fn rest<D: Stream<Item = Item<V>> + Unpin, V>(sim: &Sim, drain: &mut D) -> Vec<Item<V>> {
    let mut items = Vec::new();
    loop {
        match poll(sim, drain) {
            Poll::Ready(Some(item)) => items.push(item),
            Poll::Ready(None) => return items,
            Poll::Pending => {
                let before = sim.elapsed();
                sim.pass_to_next();
                let moved = sim.elapsed() > before || sim.is_busy();
                assert!(moved, "the drain waits for nothing");
            }
        }
    }
}

/// On that runtime, to be called inside of [`On::run`].
fn placed<S, V>(on: On, drain: Drain<S, V>) -> Drain<S, V> {
    match on {
        #[cfg(feature = "tokio")]
        On::TokioMulti | On::TokioCurrent => drain.on(&tokio::runtime::Handle::current()),
        #[cfg(feature = "smol")]
        On::Smol => drain.on(&codap::Smol),
        On::Threads => drain.on(&Threads),
        On::Custom => drain.on(&Hand::current()),
    }
}
