//! What is measured: each work at each size and place, and beside whom.

use crate::answer::{AtOnce, Yields, YieldsToSmol};
use crate::bout::Case;
use crate::place::Place::{MultiMain, MultiTask, Single, SmolMain, SmolTask, Thread};
use crate::{ours, peers};

pub(crate) const KV: &str = "Kv put + get";
const KV_YIELDS: &str = "Kv put + get, yields once";
const KV_BOTH: &str = "Kv put + get, limit 64, yields once";
pub(crate) const KV_LIMIT: &str = "Kv put + get, limit 64";
pub(crate) const FIRST_REPLY: &str = "FirstReply push + next";
pub(crate) const PUT_BLOCKING: &str = "Kv put_blocking + get";
pub(crate) const RECORD: &str = "Kv put + get, recorded";
pub(crate) const STAMP: &str = "Kv put + get, not recorded, in place";

pub(crate) const MAP: &str = "HashMap of JoinHandle";
pub(crate) const JOIN_MAP: &str = "JoinMap";
pub(crate) const SEMAPHORE: &str = "Semaphore + map";
pub(crate) const MPSC: &str = "spawn + mpsc";
pub(crate) const SPAWN_BLOCKING: &str = "spawn_blocking";
pub(crate) const SMOL_UNBLOCK: &str = "smol unblock";
const SMOL_MAP: &str = "HashMap of smol Task";
const RAYON: &str = "rayon + channel";
const STD_THREAD: &str = "std::thread each";

const SIZES: [u64; 3] = [10, 1_000, 100_000];

pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    // First, so that it finds a machine whose memory is still in one piece.
    cases.push(Case::sleepers());
    for n in SIZES {
        by_key(n, &mut cases);
        by_position(n, &mut cases);
        by_arrival(n, &mut cases);
        functions(n, &mut cases);
    }
    cases
}

fn by_key(n: u64, cases: &mut Vec<Case>) {
    use peers::tokio::{join_map, map, semaphore_and_map};

    for place in [MultiTask, MultiMain, Single] {
        let at_once = Case::new(KV, n, place, ours::kv::<AtOnce>);
        cases.push(at_once.beside(MAP, map::<AtOnce>).beside(JOIN_MAP, join_map::<AtOnce>));
        let limit = Case::new(KV_LIMIT, n, place, ours::kv_limit_64::<AtOnce>);
        cases.push(limit.beside(SEMAPHORE, semaphore_and_map::<AtOnce>));
    }
    for place in [MultiTask, MultiMain, Single] {
        let yields = Case::new(KV_YIELDS, n, place, ours::kv::<Yields>);
        cases.push(yields.beside(MAP, map::<Yields>).beside(JOIN_MAP, join_map::<Yields>));
    }
    for place in [MultiTask, MultiMain] {
        let both = Case::new(KV_BOTH, n, place, ours::kv_limit_64::<Yields>);
        cases.push(both.beside(SEMAPHORE, semaphore_and_map::<Yields>));
        let recorded = Case::new(RECORD, n, place, ours::kv_recorded::<AtOnce>);
        cases.push(recorded.beside("the same, not recorded", ours::kv::<AtOnce>));
    }
    for place in [SmolTask, SmolMain] {
        let at_once = Case::new(KV, n, place, ours::kv::<AtOnce>);
        cases.push(at_once.beside(SMOL_MAP, peers::smol::map::<AtOnce>));
        let yields = Case::new(KV_YIELDS, n, place, ours::kv::<YieldsToSmol>);
        cases.push(yields.beside(SMOL_MAP, peers::smol::map::<YieldsToSmol>));
    }
    let threads = Case::new(KV, n, Thread, ours::kv_on_threads::<AtOnce>);
    cases.push(threads.beside(RAYON, peers::threads::rayon));
    let stamped = Case::new(STAMP, n, Thread, ours::kv_stamped);
    cases.push(stamped.beside("the same, its clock stands", ours::kv_unstamped));
}

fn by_position(n: u64, cases: &mut Vec<Case>) {
    for place in [MultiTask, MultiMain, Single] {
        let ordered = Case::new("Ordered push + read", n, place, ours::ordered::<AtOnce>);
        cases.push(ordered.beside("Vec of JoinHandle", peers::tokio::vec::<AtOnce>));
    }
}

fn by_arrival(n: u64, cases: &mut Vec<Case>) {
    use peers::tokio::{futures_unordered, join_set, mpsc};

    for place in [MultiTask, MultiMain, Single] {
        let arrivals = Case::new(FIRST_REPLY, n, place, ours::first_reply::<AtOnce>)
            .beside(MPSC, mpsc::<AtOnce>)
            .beside("JoinSet", join_set::<AtOnce>);
        // In a task each of its replies takes 100 µs at this size, so a turn ten seconds.
        let endless = n > 1_000 && place == MultiTask;
        cases.push(match endless {
            true => arrivals,
            false => arrivals.beside("FuturesUnordered, spawned", futures_unordered::<AtOnce>),
        });
    }
    for place in [MultiTask, MultiMain] {
        let yields = "FirstReply push + next, yields once";
        let yields = Case::new(yields, n, place, ours::first_reply::<Yields>);
        cases.push(yields.beside(MPSC, mpsc::<Yields>).beside("JoinSet", join_set::<Yields>));
    }
    for place in [SmolTask, SmolMain] {
        let smol = Case::new(FIRST_REPLY, n, place, ours::first_reply::<AtOnce>);
        cases.push(smol.beside("smol spawn + channel", peers::smol::channel::<AtOnce>));
    }
}

fn functions(n: u64, cases: &mut Vec<Case>) {
    for place in [MultiTask, MultiMain] {
        let beside_tokio = Case::new(PUT_BLOCKING, n, place, ours::put_blocking)
            .beside(SPAWN_BLOCKING, peers::tokio::spawn_blocking)
            .beside(RAYON, peers::tokio::rayon);
        cases.push(beside_tokio);
    }
    for place in [SmolTask, SmolMain] {
        let beside_smol = Case::new(PUT_BLOCKING, n, place, ours::put_blocking);
        cases.push(beside_smol.beside(SMOL_UNBLOCK, peers::smol::unblock));
    }
    let threads = Case::new(PUT_BLOCKING, n, Thread, ours::put_blocking_on_threads)
        .beside(RAYON, peers::threads::rayon);
    // A hundred thousand threads at once say more about the operating system than about threads.
    cases.push(if n > 1_000 { threads } else { threads.beside(STD_THREAD, peers::threads::each) });
}
