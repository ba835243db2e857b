//! Circles of waits that lead through an arrival: there no wait names the entry that it waits for.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};

use codap::{Error, FirstReply, Ordered, Reply, Threads};

use crate::leaks::Watch;
use crate::stage::{bounded, recv, wait};

/// `future`, which says so when it has to wait.
async fn telling<F: Future>(future: F, waits: Sender<()>) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            // The receiver may have heard enough.
            let _ = waits.send(());
        }
        polled
    })
    .await
}

fn heard() -> (Sender<()>, Receiver<()>) {
    channel()
}

fn is_cycle(reply: &Reply<u32>) -> bool {
    wait(reply.get()).unwrap_err().root().is_cycle()
}

/// Once, such entries waited for ever: each container by itself still had one pending that was not
/// known to wait for its own arrivals.
#[test]
fn two_containers_whose_entries_wait_for_the_first_of_the_other() {
    let _watch = Watch::new();
    let both = [FirstReply::<u32>::on(&Threads), FirstReply::<u32>::on(&Threads)];
    let go = Arc::new(Barrier::new(2));
    let replies = [0, 1].map(|n| {
        let (other, go) = (both[1 - n].handle(), go.clone());
        both[n].push_blocking(move || {
            go.wait();
            other.get_blocking(0).copied()
        })
    });
    let errors = replies.map(|reply| bounded(move || reply.get_blocking().cloned().unwrap_err()));
    assert!(errors.iter().all(|error: &Error| error.root().is_cycle()), "{errors:?}");
}

#[test]
fn a_ring_of_many_containers() {
    let _watch = Watch::new();
    let ring: Vec<_> = (0..20).map(|_| FirstReply::<u32>::on(&Threads)).collect();
    let gate = Ordered::<u32>::on(&Threads);
    let all_are_pushed = gate.slot();
    let replies: Vec<_> = (0..ring.len())
        .map(|n| {
            let next = ring[(n + 1) % ring.len()].handle();
            // Two entries each: the first of the next ring could be either.
            [next.clone(), next].map(|next| {
                let pushed = all_are_pushed.reply();
                ring[n].push(async move {
                    pushed.get().await?;
                    next.get(0).await.copied()
                })
            })
        })
        .collect();
    all_are_pushed.fill(0);
    assert!(replies.iter().flatten().all(is_cycle));
}

/// Whichever of the two begins to wait last, it is the wait for the arrival that is refused: its
/// entry can answer something else, the other would have to fail.
#[test]
fn the_wait_for_an_arrival_gives_in_to_the_wait_for_an_entry() {
    let _watch = Watch::new();
    for arrival_first in [true, false] {
        let list = FirstReply::<u32>::on(&Threads);
        let (handle, gate) = (list.handle(), Ordered::<u32>::on(&Threads));
        let (open, pushed) = (gate.slot(), gate.slot());
        let (opened, both) = (open.reply(), pushed.reply());
        let (waits, waiting) = heard();
        let (tell, also) = (waits.clone(), waits);
        let asks = list.push(async move {
            // Alone in its container, there would be none to wait for.
            both.get().await?;
            if !arrival_first {
                opened.get().await?;
            }
            let first = telling(handle.get(0), tell).await;
            Ok::<_, Error>(first.map_or_else(|error| 100 + u32::from(error.is_cycle()), |&n| n))
        });
        let opened = open.reply();
        let asked = asks.clone();
        let reads = list.push(async move {
            if arrival_first {
                opened.get().await?;
            }
            telling(asked.get(), also).await.copied()
        });
        pushed.fill(0);
        recv(&waiting);
        open.fill(0);
        assert_eq!((wait(asks.get()).ok(), wait(reads.get()).ok()), (Some(&101), Some(&101)));
    }
}

/// An arrival that is late is no circle: one entry of the container waits for the caller, the other
/// for something that does come.
#[test]
fn an_arrival_that_somebody_can_still_be_is_waited_for() {
    let _watch = Watch::new();
    let (list, other) = (FirstReply::<u32>::on(&Threads), FirstReply::<u32>::on(&Threads));
    let slot = other.slot();
    let (waits, waiting) = heard();
    let (filled, tell) = (slot.reply(), waits.clone());
    let last = list.push(async move { telling(filled.get(), tell).await.copied() });
    let (handle, tell) = (list.handle(), waits.clone());
    let asks = other.push(async move { telling(handle.get(0), tell).await.copied() });
    let asked = asks.clone();
    let reads = list.push(async move { telling(asked.get(), waits).await.copied() });
    for _ in 0..3 {
        recv(&waiting);
    }
    assert!([&asks, &reads, &last].iter().all(|reply| reply.try_get().is_none()));
    slot.fill(7);
    for reply in [asks, reads, last] {
        assert_eq!(wait(reply.get()).ok(), Some(&7));
    }
}

/// Each takes the arrival of the one before it, and the first that of an entry that is filled.
#[test]
fn a_long_chain_of_arrivals() {
    let _watch = Watch::new();
    let lists: Vec<_> = (0..1_000).map(|_| FirstReply::<u32>::on(&Threads)).collect();
    let first = lists[0].slot();
    for pair in lists.windows(2) {
        let before = pair[0].handle();
        pair[1].push(async move { Ok::<_, Error>(before.get(0).await? + 1) });
    }
    first.fill(0);
    let last = lists.last().map(|list| wait(list.get(0)).cloned());
    assert_eq!(last.and_then(Result::ok), Some(999));
}
