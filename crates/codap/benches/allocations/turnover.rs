//! Allocations for each entry over the whole life of a container: made, filled, read, dropped.

use std::collections::HashMap;
use std::sync::mpsc;

use codap::{Kv, Threads};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::task::JoinMap;

use crate::{Row, allocations};

const FINE: &str = "nothing fails here";

pub(crate) fn rows() -> Vec<Row> {
    let multi = Builder::new_multi_thread().worker_threads(2).build().expect("two threads start");
    let single = Builder::new_current_thread().build().expect("it starts nothing");
    let mut rows = Vec::new();
    for n in [10, 1_000, 100_000] {
        on_tokio(&multi, "tokio 2 workers, block_on", n, &mut rows);
        on_tokio(&single, "tokio current-thread", n, &mut rows);
        let smol = |work: fn(u64)| per_entry(n, || work(n));
        let codap = smol(|n| smol::block_on(kv(n)));
        let other = smol(|n| smol::block_on(smol_map(n)));
        rows.push(row(n, "smol, block_on", "HashMap of smol Task", codap, other));
        let (codap, other) = (per_entry(n, || kv_on_threads(n)), per_entry(n, || rayon(n)));
        rows.push(row(n, "threads", "rayon + channel", codap, other));
    }
    rows
}

fn on_tokio(runtime: &Runtime, name: &'static str, n: u64, rows: &mut Vec<Row>) {
    let codap = per_entry(n, || runtime.block_on(kv(n)));
    let map = per_entry(n, || runtime.block_on(map(n)));
    let set = per_entry(n, || runtime.block_on(join_set(n)));
    let join_map = per_entry(n, || runtime.block_on(join_map(n)));
    let peers = [("HashMap of JoinHandle", map), ("JoinSet", set), ("JoinMap", join_map)];
    rows.extend(peers.map(|(peer, other)| row(n, name, peer, codap, other)));
    let codap = per_entry(n, || runtime.block_on(kv_yields(n)));
    let map = per_entry(n, || runtime.block_on(map_yields(n)));
    let yields = row(n, name, "HashMap of JoinHandle", codap, map);
    rows.push(Row { work: "Kv put + get, yields once, allocations", ..yields });
}

fn row(n: u64, runtime: &'static str, peer: &'static str, codap: f64, other: f64) -> Row {
    let (work, unit) = ("Kv put + get, allocations", "count/entry");
    Row { work, n, runtime, peer, codap, other, unit, ratio: codap / other }
}

/// The mean of many times, after a first time that starts threads and fills caches.
fn per_entry(n: u64, work: impl Fn()) -> f64 {
    work();
    let times = (20_000 / n).max(2);
    let before = allocations();
    for _ in 0..times {
        work();
    }
    (allocations() - before) as f64 / (times * n) as f64
}

async fn kv(n: u64) {
    let kv = Kv::new();
    for i in 0..n {
        kv.put(i, async move { i });
    }
    for i in 0..n {
        assert_eq!(*kv.get(&i).await.expect(FINE), i);
    }
}

async fn yields(i: u64) -> u64 {
    tokio::task::yield_now().await;
    i
}

async fn kv_yields(n: u64) {
    let kv = Kv::new();
    for i in 0..n {
        kv.put(i, yields(i));
    }
    for i in 0..n {
        assert_eq!(*kv.get(&i).await.expect(FINE), i);
    }
}

fn kv_on_threads(n: u64) {
    let kv = Kv::on(&Threads);
    for i in 0..n {
        kv.put(i, async move { i });
    }
    for i in 0..n {
        assert_eq!(*kv.get_blocking(&i).expect(FINE), i);
    }
}

async fn map(n: u64) {
    let mut map: HashMap<_, _> = (0..n).map(|i| (i, tokio::spawn(async move { i }))).collect();
    for i in 0..n {
        assert_eq!(map.remove(&i).expect("it was put").await.expect(FINE), i);
    }
}

async fn map_yields(n: u64) {
    let mut map: HashMap<_, _> = (0..n).map(|i| (i, tokio::spawn(yields(i)))).collect();
    for i in 0..n {
        assert_eq!(map.remove(&i).expect("it was put").await.expect(FINE), i);
    }
}

async fn smol_map(n: u64) {
    let mut map: HashMap<_, _> = (0..n).map(|i| (i, smol::spawn(async move { i }))).collect();
    for i in 0..n {
        assert_eq!(map.remove(&i).expect("it was put").await, i);
    }
}

async fn join_set(n: u64) {
    let mut set = JoinSet::new();
    for i in 0..n {
        set.spawn(async move { i });
    }
    while let Some(answer) = set.join_next().await {
        assert!(answer.expect(FINE) < n);
    }
}

async fn join_map(n: u64) {
    let mut map = JoinMap::new();
    for i in 0..n {
        map.spawn(i, async move { i });
    }
    while let Some((i, answer)) = map.join_next().await {
        assert_eq!(answer.expect(FINE), i);
    }
}

fn rayon(n: u64) {
    let (sender, receiver) = mpsc::channel();
    for i in 0..n {
        let sender = sender.clone();
        rayon::spawn(move || sender.send(i).expect(FINE));
    }
    drop(sender);
    assert_eq!(receiver.iter().count() as u64, n);
}
