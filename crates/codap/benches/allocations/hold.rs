//! Bytes for each entry while a container is full: of entries that never end (a future of size
//! zero), and of entries that have ended and were not read.

use std::collections::HashMap;
use std::future::{pending, ready};

use codap::Kv;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, yield_now};
use tokio_util::task::JoinMap;

use crate::{Row, bytes};

/// So many that what a container costs while empty does not count.
const N: u64 = 100_000;

pub(crate) fn rows() -> Vec<Row> {
    let never = [
        held(|kv: &mut Kv<u64, u64>, i| drop(kv.put(i, pending::<u64>()))),
        held(|map: &mut HashMap<u64, _>, i| drop(map.insert(i, tokio::spawn(pending::<u64>())))),
        held(|set: &mut JoinSet<u64>, _| drop(set.spawn(pending()))),
        held(|map: &mut JoinMap<u64, u64>, i| map.spawn(i, pending())),
    ];
    let ended = [
        held(|kv: &mut Kv<u64, u64>, i| drop(kv.put(i, ready(i)))),
        held(|map: &mut HashMap<u64, _>, i| drop(map.insert(i, tokio::spawn(ready(i))))),
        held(|set: &mut JoinSet<u64>, i| drop(set.spawn(ready(i)))),
        held(|map: &mut JoinMap<u64, u64>, i| map.spawn(i, ready(i))),
    ];
    [("Kv all pending, bytes", never), ("Kv all finished, bytes", ended)]
        .into_iter()
        .flat_map(|(work, [codap, map, set, join_map])| {
            let peers = [("HashMap of JoinHandle", map), ("JoinSet", set), ("JoinMap", join_map)];
            peers.map(|(peer, other)| row(work, peer, codap, other))
        })
        .collect()
}

fn row(work: &'static str, peer: &'static str, codap: f64, other: f64) -> Row {
    let (runtime, unit) = ("tokio current-thread", "bytes/entry");
    Row { work, n: N, runtime, peer, codap, other, unit, ratio: codap / other }
}

/// Fills a container, lets every task run as far as it can, and looks. Before that as many tasks
/// come and go, so that the room which the runtime keeps for its queue is not counted.
fn held<C: Default>(put: impl Fn(&mut C, u64)) -> f64 {
    let runtime = Builder::new_current_thread().build().expect("it starts nothing");
    runtime.block_on(async {
        for _ in 0..N {
            tokio::spawn(ready(()));
        }
        all_run().await;
        let before = bytes();
        let mut container = C::default();
        for i in 0..N {
            put(&mut container, i);
        }
        all_run().await;
        (bytes() - before) as f64 / N as f64
    })
}

/// Each time the runtime runs some dozens of the tasks that wait for their turn.
async fn all_run() {
    for _ in 0..N / 10 {
        yield_now().await;
    }
}
