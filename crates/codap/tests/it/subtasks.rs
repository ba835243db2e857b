//! Subtasks wrapped in `carry`, where they and their entry do not end together.

use std::future::pending;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use codap::{Kv, Reply, Runtime, carry, ok};

use crate::clock::{Clock, Sim, ms};
use crate::leaks::Watch;

/// An entry under limit 1 that never ends by itself, whose subtask waits for `gate`; what the
/// subtask got comes through the receiver.
fn parent(clock: &Clock, kv: &Kv<&'static str, u32>, gate: Reply<u32>) -> Receiver<Option<u32>> {
    let (tell, told) = channel();
    let clock = clock.clone();
    kv.put("parent", async move {
        clock.spawn(Box::pin(carry(async move {
            tell.send(gate.get().await.ok().copied()).unwrap();
        })));
        pending::<u32>().await
    });
    told
}

#[test]
fn a_subtask_in_line_for_a_permit_goes_on_when_its_entry_has_ended() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u32>::builder().on(&sim.clock()).limit(1).build();
    let other = Kv::<_, u32>::on(&sim.clock());
    let gate = other.slot("gate");
    let told = parent(&sim.clock(), &kv, gate.reply());
    sim.settle();
    // The parent waits in its subtask, so another one has its permit.
    let nap = sim.clock().sleep(ms(100));
    let holder = kv.put("holder", async move {
        nap.await;
        1
    });
    sim.settle();
    gate.fill(7);
    sim.settle();
    assert_eq!(told.try_recv(), Err(TryRecvError::Empty), "the permit is not there");
    kv.cancel("parent");
    sim.run();
    assert_eq!(told.try_recv(), Ok(Some(7)));
    assert_eq!(holder.try_get().unwrap().ok(), Some(&1));
    // The permits are whole: one, and not more.
    let [first, second] = ["first", "second"].map(|key| {
        let clock = sim.clock();
        kv.put(key, async move {
            clock.sleep(ms(10)).await;
            ok(2)
        })
    });
    sim.pass(ms(10));
    assert!(first.try_get().is_some());
    assert!(second.try_get().is_none());
    sim.run();
    assert!(second.try_get().is_some());
}

#[test]
fn a_subtask_that_begins_to_wait_after_its_entry_has_ended_takes_no_permit() {
    let (_watch, sim) = (Watch::new(), Sim::new());
    let kv = Kv::<_, u32>::builder().on(&sim.clock()).limit(1).build();
    let other = Kv::<_, u32>::on(&sim.clock());
    let gate = other.slot("gate");
    let told = parent(&sim.clock(), &kv, gate.reply());
    sim.settle();
    kv.cancel("parent");
    sim.settle();
    let next = kv.put("next", async { 1 });
    gate.fill(7);
    sim.run();
    assert_eq!(told.try_recv(), Ok(Some(7)));
    assert_eq!(next.try_get().unwrap().ok(), Some(&1));
}
