//! Entries that put and read other entries, in random graphs, under small limits, on every
//! runtime: what can be computed is right, what cannot ends with an error, and nothing hangs.
//!
//! `CODAP_SEEDS=n` runs n seeds, `CODAP_SEED=n` replays one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use codap::{BoxError, Error, Kv, KvHandle, Reply, carry};
use fastrand::Rng;
use futures_util::future::{Either, join, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;

use crate::watched::{Doing, Gate, On, number, report, watched};

/// How an entry reads the entries that it needs.
#[derive(Debug, Clone, Copy)]
enum How {
    OneByOne,
    /// All at once, as they come.
    Unordered,
    /// Two at a time; the later read is given up and made again.
    Select,
    /// In a subtask that carries the entry along.
    Carried,
    /// In two subtasks at once, the second of which is given up half of the time.
    CarriedPair,
    /// In a function, blocking.
    Blocking,
}

const HOW: [How; 6] =
    [How::OneByOne, How::Unordered, How::Select, How::Carried, How::CarriedPair, How::Blocking];

/// One entry: what it puts, what it reads, how.
#[derive(Debug, Clone)]
struct Node {
    /// In which of the containers.
    home: usize,
    how: How,
    /// Top entries that it reads.
    reads: Vec<usize>,
    /// Entries that it puts and reads; it reads the ones before the others too.
    children: Vec<Self>,
    /// A top entry that it cancels on the way.
    cancels: Option<usize>,
}

#[derive(Debug, Clone)]
struct Graph {
    tops: Vec<Node>,
    containers: usize,
    cancels: bool,
}

impl Graph {
    fn random(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let containers = rng.usize(1..=2);
        let (cancels, cycles) = (rng.u8(..4) == 0, rng.u8(..4) == 0);
        let count = rng.usize(2..=12);
        let mut tops: Vec<_> = (0..count)
            .map(|rank| Node::random(&mut rng, rank, 2, containers, cancels.then_some(count)))
            .collect();
        if cycles {
            for _ in 0..rng.usize(1..=2) {
                let (from, to) = (rng.usize(..count), rng.usize(..count));
                tops[from].reads.push(to);
            }
        }
        Self { tops, containers, cancels }
    }

    /// The tops that a top reads, itself or by what it puts.
    fn reads(&self, top: usize) -> Vec<usize> {
        fn collect(node: &Node, reads: &mut Vec<usize>) {
            reads.extend(&node.reads);
            node.children.iter().for_each(|child| collect(child, reads));
        }
        let mut reads = Vec::new();
        collect(&self.tops[top], &mut reads);
        reads
    }

    /// The tops that a top needs, directly or not; with itself only if it is on a circle.
    fn needs(&self, top: usize) -> Vec<usize> {
        let (mut seen, mut open) = (Vec::new(), self.reads(top));
        while let Some(next) = open.pop() {
            if !seen.contains(&next) {
                seen.push(next);
                open.extend(self.reads(next));
            }
        }
        seen
    }

    /// What the top should yield, computed one after another; `None` if it needs a circle.
    fn value(&self, top: usize) -> Option<u64> {
        let circular = |&on: &usize| self.needs(on).contains(&on);
        if circular(&top) || self.needs(top).iter().any(circular) {
            return None;
        }
        Some(self.evaluate(&self.tops[top], top as u64))
    }

    fn evaluate(&self, node: &Node, id: u64) -> u64 {
        let mut values: Vec<_> =
            node.reads.iter().map(|&top| self.evaluate(&self.tops[top], top as u64)).collect();
        let children = node.children.iter().enumerate();
        values.extend(children.map(|(at, child)| self.evaluate(child, child_id(id, at))));
        combine(id, values)
    }
}

impl Node {
    fn random(
        rng: &mut Rng,
        rank: usize,
        depth: u8,
        containers: usize,
        cancels: Option<usize>,
    ) -> Self {
        let reads = if rank == 0 { 0 } else { rng.usize(..=3) };
        let children = if depth == 0 { 0 } else { rng.usize(..=2) };
        Self {
            home: rng.usize(..containers),
            how: HOW[rng.usize(..HOW.len())],
            reads: (0..reads).map(|_| rng.usize(..rank)).collect(),
            children: (0..children)
                .map(|_| Self::random(rng, rank, depth - 1, containers, cancels))
                .collect(),
            cancels: cancels.filter(|_| rng.u8(..8) == 0).map(|count| rng.usize(..count)),
        }
    }
}

fn child_id(id: u64, at: usize) -> u64 {
    id.wrapping_mul(31) + 1_000 + at as u64
}

/// Whatever the order in which the values come.
fn combine(id: u64, values: impl IntoIterator<Item = u64>) -> u64 {
    let mixed = values.into_iter().map(|value| value.rotate_left(7).wrapping_mul(0x9E37_79B9));
    mixed.fold(id, u64::wrapping_add)
}

// ---- the same by entries -----------------------------------------------------------------

type Handles = Vec<KvHandle<String, u64>>;
type Result<T> = std::result::Result<T, BoxError>;

/// What all entries of one graph share.
struct World {
    on: On,
    graph: Graph,
    handles: Handles,
}

type Read = Pin<Box<dyn Future<Output = std::result::Result<u64, Error>> + Send>>;

impl World {
    fn top(&self, rank: usize) -> Reply<u64> {
        let home = &self.handles[self.graph.tops[rank].home];
        home.reply(&rank.to_string()).expect("all tops are put before any starts")
    }

    fn put(self: &Arc<Self>, name: String, node: Node, id: u64, gate: Gate) -> Reply<u64> {
        let home = self.handles[node.home].clone();
        let world = self.clone();
        if matches!(node.how, How::Blocking) {
            return home.put_blocking(name.clone(), move || {
                crate::watched::block_on(gate.passed());
                world.blocking(&name, &node, id)
            });
        }
        home.put(name.clone(), async move {
            gate.passed().await;
            world.awaiting(&name, node, id).await
        })
    }

    /// Puts the children; everything that the entry has to read.
    fn begin(self: &Arc<Self>, name: &str, node: &Node, id: u64) -> Vec<Reply<u64>> {
        let open = Gate::new();
        open.open();
        let mut replies: Vec<_> = node.reads.iter().map(|&top| self.top(top)).collect();
        for (at, child) in node.children.iter().enumerate() {
            let name = format!("{name}/{at}");
            replies.push(self.put(name, child.clone(), child_id(id, at), open.clone()));
        }
        if let Some(top) = node.cancels {
            self.top(top).cancel();
        }
        replies
    }

    fn blocking(self: &Arc<Self>, name: &str, node: &Node, id: u64) -> Result<u64> {
        let mut values = Vec::new();
        for reply in self.begin(name, node, id) {
            values.push(*reply.get_blocking()?);
        }
        Ok(combine(id, values))
    }

    async fn awaiting(self: Arc<Self>, name: &str, node: Node, id: u64) -> Result<u64> {
        let replies = self.begin(name, &node, id);
        let mut values = Vec::new();
        match node.how {
            How::OneByOne | How::Blocking => values = one_by_one(replies).await?,
            How::Unordered => {
                let mut reads: FuturesUnordered<_> = replies.into_iter().map(read).collect();
                while let Some(value) = reads.next().await {
                    values.push(value?);
                }
            }
            How::Select => {
                for pair in replies.chunks(2) {
                    values.extend(either_first(pair).await?);
                }
            }
            How::Carried => values = self.on.spawn(carry(one_by_one(replies))).await?,
            How::CarriedPair => {
                let second = self.on.spawn(carry(unordered(replies.clone())));
                let first = self.on.spawn(carry(one_by_one(replies)));
                if id.is_multiple_of(2) {
                    drop(second);
                    values = first.await?;
                } else {
                    values = first.await?;
                    second.await?;
                }
            }
        }
        Ok(combine(id, values))
    }
}

fn read(reply: Reply<u64>) -> Read {
    Box::pin(async move { reply.get().await.copied() })
}

async fn one_by_one(replies: Vec<Reply<u64>>) -> std::result::Result<Vec<u64>, Error> {
    let mut values = Vec::new();
    for reply in replies {
        values.push(*reply.get().await?);
    }
    Ok(values)
}

async fn unordered(replies: Vec<Reply<u64>>) -> std::result::Result<(), Error> {
    let mut reads: FuturesUnordered<_> = replies.into_iter().map(read).collect();
    while let Some(value) = reads.next().await {
        value?;
    }
    Ok(())
}

async fn either_first(pair: &[Reply<u64>]) -> std::result::Result<Vec<u64>, Error> {
    let [one, two] = pair else { return one_by_one(pair.to_vec()).await };
    let (first, again) = match select(one.get(), two.get()).await {
        Either::Left((value, _)) => (*value?, two),
        Either::Right((value, _)) => (*value?, one),
    };
    Ok(vec![first, *again.get().await?])
}

async fn run(on: On, limit: usize, graph: Graph) {
    let owners: Vec<Kv<String, u64>> =
        (0..graph.containers).map(|_| on.build(Kv::builder().limit(limit))).collect();
    let handles = owners.iter().map(|kv| kv.handle()).collect();
    let world = Arc::new(World { on, graph, handles });
    let gate = Gate::new();
    let mut replies = Vec::new();
    for (rank, node) in world.graph.tops.iter().enumerate() {
        let name = rank.to_string();
        replies.push(world.put(name, node.clone(), rank as u64, gate.clone()));
    }
    gate.open();
    let mut circles = (0, 0);
    for (rank, reply) in replies.iter().enumerate() {
        let got = reply.get().await;
        let want = world.graph.value(rank);
        match (got, want) {
            (Ok(got), Some(want)) => assert_eq!(*got, want, "top {rank}"),
            (Ok(got), None) => panic!("top {rank} needs a circle and is {got}"),
            (Err(error), want) => {
                let cancelled = world.graph.cancels && error.root().is_cancelled();
                let circular = error.root().is_cycle();
                assert!(cancelled || circular && want.is_none(), "top {rank}: {error:?}");
                circles.1 += usize::from(circular);
            }
        }
        circles.0 += usize::from(want.is_none());
    }
    if circles.0 > 0 && !world.graph.cancels {
        assert_eq!(circles.0, circles.1, "every entry that needs a circle says so");
    }
    drop((world, replies));
    for owner in owners {
        owner.shutdown().await;
    }
}

/// How to replay, the seed, the runtime, the limit.
type Step = (&'static str, u64, On, usize);

/// Two hangs were found here. Seed 4: a subtask ended on its entry's permit while the entry was
/// waiting in another subtask, and nobody gave the permit back. Seed 12: of two who stood in line
/// in one entry's name the first got the permit and waited for the second, who stood on.
#[test]
fn random_graphs_end_as_if_computed_one_after_another() {
    watched(Duration::from_secs(20), |doing: &Doing<Step>| {
        let seeds = match number("CODAP_SEED") {
            Some(seed) => seed..seed + 1,
            None => 0..number("CODAP_SEEDS").unwrap_or(500),
        };
        for on in On::all() {
            let started = std::time::Instant::now();
            on.run(async {
                for seed in seeds.clone() {
                    for limit in [1, 2, 4] {
                        doing.step(("replay with CODAP_SEED=", seed, on, limit));
                        run(on, limit, Graph::random(seed)).await;
                    }
                }
            });
            let seeds = seeds.clone().count();
            report(format_args!("{seeds} seeds x 3 limits on {on:?}: {:.1?}", started.elapsed()));
        }
    });
}

// ---- depth -------------------------------------------------------------------------------

/// What a nested entry is made of.
#[derive(Debug, Clone, Copy)]
enum Nest {
    Futures,
    Functions,
    Subtasks,
}

/// An entry that puts the next deeper one and waits for it.
fn nest(on: On, kv: &KvHandle<usize, usize>, depth: usize, nest_in: Nest) -> Reply<usize> {
    let handle = kv.clone();
    match (depth, nest_in) {
        (0, _) => kv.put(0, async { 0 }),
        (_, Nest::Futures) => kv.put(depth, async move {
            let next = nest(on, &handle, depth - 1, nest_in);
            next.get().await.map(|n| n + 1)
        }),
        (_, Nest::Functions) => kv.put_blocking(depth, move || {
            let next = nest(on, &handle, depth - 1, nest_in);
            next.get_blocking().map(|n| n + 1)
        }),
        (_, Nest::Subtasks) => kv.put(depth, async move {
            let next = nest(on, &handle, depth - 1, nest_in);
            on.spawn(carry(async move { next.get().await.map(|n| n + 1) })).await
        }),
    }
}

fn nested(depth: usize, limit: Option<usize>) {
    watched(Duration::from_secs(60), move |doing| {
        for on in On::all() {
            for nest_in in [Nest::Futures, Nest::Functions, Nest::Subtasks] {
                doing.step((on, nest_in));
                on.run(async {
                    let mut builder = Kv::builder();
                    if let Some(limit) = limit {
                        builder = builder.limit(limit);
                    }
                    let kv = on.build(builder);
                    let reply = nest(on, &kv, depth, nest_in);
                    assert_eq!(reply.get().await.copied().expect("it has a value"), depth);
                    assert_eq!(kv.done(), depth + 1);
                });
            }
        }
    });
}

#[test]
fn twenty_nested_entries_with_limit_1() {
    nested(20, Some(1));
}

#[test]
fn six_hundred_nested_entries_need_no_limit_of_threads() {
    nested(600, None);
}

#[test]
fn six_hundred_nested_entries_with_limit_1() {
    nested(600, Some(1));
}

// ---- subtasks and permits ----------------------------------------------------------------

/// A subtask that is woken twice while its entry stands in line for a permit stood there twice.
/// The second place got a permit when the subtask was long gone, for an entry that was waiting: it
/// kept the permit from the very entry that it waited for, which hung under limit 1.
#[test]
fn a_subtask_woken_twice_takes_one_permit() {
    watched(Duration::from_secs(20), |doing| {
        for on in On::all() {
            doing.step(on);
            on.run(async {
                let kv = on.build(Kv::<&str, u32>::builder().limit(1));
                let (a, b) = (kv.slot("a"), kv.slot("b"));
                let (read_a, read_b) = (a.reply(), b.reply());
                let (started, has_started) = oneshot::channel();
                let handle = kv.handle();
                let work = async move {
                    let both = carry(async move {
                        let (a, b) = join(read_a.get(), read_b.get()).await;
                        Ok::<_, Error>(*a? + *b?)
                    });
                    let both = on.spawn(both);
                    let _ = started.send(());
                    let sum = both.await?;
                    let last = handle.put("last", async { 4 });
                    Ok::<_, Error>(sum + *last.get().await?)
                };
                kv.put("work", work);
                has_started.await.expect("the work starts");
                // Its permit comes back when it waits; then this one has it.
                let (held, holds) = oneshot::channel();
                kv.put_external("holder", |external| drop(held.send(external)));
                let holder = holds.await.expect("the work waits and gives its permit back");
                settle(on).await;
                a.fill(1);
                settle(on).await;
                b.fill(2);
                settle(on).await;
                holder.fill(0);
                assert_eq!(*kv.get("work").await.expect("it has a value"), 7);
            });
        }
    });
}

/// Gives tasks that were woken a chance to run: it makes a race likely, and is no condition.
async fn settle(on: On) {
    for _ in 0..20 {
        on.spawn(async {}).await;
    }
}

/// A subtask that was given up while its entry stood in line for a permit got one all the same,
/// and the entry, waiting for another one meanwhile, kept it from that one.
#[test]
fn a_subtask_that_is_given_up_takes_no_permit() {
    watched(Duration::from_secs(20), |doing| {
        for on in On::all() {
            doing.step(on);
            on.run(async {
                let kv = on.build(Kv::<&str, u32>::builder().limit(1));
                let a = kv.slot("a");
                let read_a = a.reply();
                let (started, has_started) = oneshot::channel();
                let (give_up, given_up) = oneshot::channel::<()>();
                let handle = kv.handle();
                let work = async move {
                    let subtask = carry(async move { read_a.get().await.copied() });
                    // Its subtask lives in a task of its own until it is told to drop it.
                    let host = on.spawn(async move {
                        let _ = select(Box::pin(subtask), given_up).await;
                    });
                    let _ = started.send(());
                    let last = handle.get("last").await?;
                    drop(host);
                    Ok::<_, Error>(*last)
                };
                let last_in_line = kv.handle();
                let (held, holds) = oneshot::channel();
                let (opened, opens) = oneshot::channel();
                kv.put_external("opener", |external| drop(opened.send(external)));
                let opener = opens.await.expect("the permit is free");
                kv.put("work", work);
                kv.put_external("holder", |external| drop(held.send(external)));
                last_in_line.put("last", async { 5 });
                opener.fill(0);
                has_started.await.expect("the work starts");
                let holder = holds.await.expect("the work waits and gives its permit back");
                settle(on).await;
                a.fill(1);
                settle(on).await;
                drop(give_up);
                settle(on).await;
                holder.fill(0);
                assert_eq!(*kv.get("work").await.expect("it has a value"), 5);
            });
        }
    });
}

/// An entry's subtask may outlive it. `into_results` waited for it then without end, and on a
/// current-thread runtime stopped the very thread that the subtask needs.
#[test]
fn a_subtask_that_outlives_its_entry_does_not_stop_into_results() {
    watched(Duration::from_secs(20), |doing| {
        for on in On::all() {
            doing.step(on);
            on.run(async {
                let kv = on.build(Kv::<&str, u32>::builder());
                let gate = Gate::new();
                let inside = gate.clone();
                kv.put("work", async move {
                    drop(on.spawn(carry(async move { inside.passed().await })));
                    1
                });
                let kv = kv.into_results().await.expect_err("a subtask still holds an entry");
                gate.open();
                assert_eq!(*kv.get("work").await.expect("nothing is lost"), 1);
            });
        }
    });
}

/// Cancelling everything dropped the places in line also of entries that were put meanwhile, here
/// by a callback of a cancelled one: they never started.
#[test]
fn what_is_put_while_everything_is_cancelled_runs() {
    watched(Duration::from_secs(20), |doing| {
        for on in On::all() {
            doing.step(on);
            on.run(async {
                let kv = on.build(Kv::<&str, u32>::builder().limit(1));
                let (held, holds) = oneshot::channel();
                kv.put_external("holder", |external| drop(held.send(external)));
                let holder = holds.await.expect("the permit is free");
                let handle = kv.handle();
                let (puts, has_put) = oneshot::channel();
                kv.put("queued", async { 1 }).on_done(move |reply| {
                    assert!(reply.expect_err("it is cancelled").is_cancelled());
                    let function = handle.put_blocking("function", || 3);
                    let _ = puts.send((handle.put("future", async { 2 }), function));
                });
                kv.cancel_all();
                let (future, function) = has_put.await.expect("the callback has run");
                assert!(future.try_get().is_none() && function.try_get().is_none());
                drop(holder);
                assert_eq!(*future.get().await.expect("it runs"), 2);
                assert_eq!(*function.get().await.expect("it runs"), 3);
            });
        }
    });
}
