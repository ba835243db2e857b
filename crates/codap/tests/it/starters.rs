//! Who polls work for the first time: many entries share a task, and nobody is held up by that.

use std::sync::{Arc, Barrier};

use codap::{Ordered, Runtime, Threads};

use crate::leaks::Watch;
use crate::stage::bounded;

/// So many block each other that each needs a thread of its own.
const CROWD: usize = 4;

/// The first entries of a container are tasks at once.
const FEW: usize = 16;

/// A list whose next entries share tasks.
fn grown<V: Default + Send + Sync>(runtime: &(impl Runtime + Clone)) -> Ordered<V> {
    let list = Ordered::on(runtime);
    (0..FEW).for_each(|_| drop(list.insert(V::default())));
    list
}

#[test]
fn work_that_blocks_threads_does_not_keep_the_rest_from_starting() {
    let _watch = Watch::new();
    let met = Arc::new(Barrier::new(CROWD));
    let list = grown::<bool>(&Threads);
    for _ in 0..CROWD {
        let met = met.clone();
        list.push(async move { met.wait().is_leader() });
    }
    bounded(move || assert_eq!((0..FEW + CROWD).filter(|&n| list[n]).count(), 1));
}

#[cfg(feature = "smol")]
mod on_smol {
    use std::sync::mpsc::channel;

    use codap::Smol;

    use super::*;
    use crate::stage::{recv, wait};

    #[test]
    #[ignore = "it needs several threads of smol: `smol_threads` runs it"]
    fn work_that_blocks_workers_does_not_keep_the_rest_from_starting() {
        let _watch = Watch::new();
        for _ in 0..30 {
            let met = Arc::new(Barrier::new(CROWD));
            let list = grown::<()>(&Smol);
            let (sender, met_all) = channel();
            for _ in 0..CROWD {
                let (met, sender) = (met.clone(), sender.clone());
                list.push(async move {
                    met.wait();
                    sender.send(()).unwrap();
                });
            }
            for _ in 0..CROWD {
                recv(&met_all);
            }
        }
    }

    /// Nor does a reader wait for the entry that comes after the one it reads.
    #[test]
    #[ignore = "it needs several threads of smol: `smol_threads` runs it"]
    fn a_reader_does_not_wait_for_the_entry_that_comes_next() {
        let _watch = Watch::new();
        for _ in 0..30 {
            let list = grown::<()>(&Smol);
            let (read, is_read) = channel();
            list.push(async {});
            list.push(async move { recv(&is_read) });
            wait(smol::spawn(async move {
                list.get(FEW).await.unwrap();
                read.send(()).unwrap();
                list.get(FEW + 1).await.unwrap();
            }));
        }
    }
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use std::future::{pending, poll_fn};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::task::Poll;

    use codap::Kv;
    use futures_util::FutureExt;
    use tokio::runtime::Handle;

    use super::*;
    use crate::stage::{current_thread, recv, wait};

    fn workers(n: usize) -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(n).build().unwrap()
    }

    /// The task that puts goes on computing, and keeps its worker and whatever that keeps for
    /// itself. The entries block three further workers, each of which must find the next entry.
    #[test]
    fn work_that_blocks_workers_does_not_keep_the_rest_from_starting() {
        let _watch = Watch::new();
        let runtime = workers(CROWD + 1);
        let met = Arc::new(Barrier::new(CROWD));
        let list = grown::<()>(runtime.handle());
        let handle = list.handle();
        let (sender, met_all) = channel();
        let (over, is_over) = channel::<()>();
        let putter = runtime.spawn(async move {
            for _ in 0..CROWD {
                let (met, sender) = (met.clone(), sender.clone());
                handle.push(async move {
                    met.wait();
                    sender.send(()).unwrap();
                });
            }
            // Blocks, as work that computes does: without a word to the runtime.
            recv(&is_over);
        });
        for _ in 0..CROWD {
            recv(&met_all);
        }
        over.send(()).unwrap();
        runtime.block_on(putter).unwrap();
    }

    /// A starter polled several entries in one turn, and the worker kept for itself the reader that
    /// the first of them woke: until the second, which waits for that reader, had ended.
    #[test]
    fn a_reader_does_not_wait_for_the_entry_that_comes_next() {
        let _watch = Watch::new();
        let runtime = workers(3);
        for _ in 0..30 {
            let list = grown::<()>(runtime.handle());
            let (read, is_read) = channel();
            list.push(async {});
            list.push(async move { recv(&is_read) });
            let reader = runtime.spawn(async move {
                list.get(FEW).await.unwrap();
                read.send(()).unwrap();
                list.get(FEW + 1).await.unwrap();
            });
            runtime.block_on(reader).unwrap();
        }
    }

    /// The same of an entry that had become a task of its own, which the next one waited for.
    #[test]
    fn an_entry_that_is_pending_does_not_wait_for_the_entry_that_comes_next() {
        let _watch = Watch::new();
        let runtime = workers(3);
        for _ in 0..30 {
            let puts = async {
                let list = grown::<()>(&Handle::current());
                let (sender, receiver) = channel();
                list.push(async move {
                    tokio::task::yield_now().await;
                    sender.send(()).unwrap();
                });
                list.push(async move { recv(&receiver) });
                list.get(FEW + 1).await.unwrap();
            };
            runtime.block_on(runtime.spawn(puts)).unwrap();
        }
    }

    /// Tokio gives each turn of a task a budget, which entries of one turn shared: a message that
    /// was there was not seen.
    #[test]
    fn an_entry_that_uses_up_its_budget_leaves_the_next_one_its_own() {
        let _watch = Watch::new();
        current_thread().block_on(async {
            let list = grown::<bool>(&Handle::current());
            let (greedy, mut many) = tokio::sync::mpsc::unbounded_channel();
            (0..1_000).for_each(|n| greedy.send(n).unwrap());
            let (sender, mut one) = tokio::sync::mpsc::unbounded_channel();
            sender.send(()).unwrap();
            list.push(async move {
                for _ in 0..1_000 {
                    many.recv().await;
                }
                true
            });
            list.push(async move { one.recv().now_or_never().is_some() });
            assert!(list.get(FEW + 1).await.unwrap(), "the message is there");
            assert!(list.get(FEW).await.unwrap());
        });
    }

    #[test]
    fn other_tasks_have_their_turns_while_many_entries_start() {
        const ENTRIES: usize = 10_000;
        let _watch = Watch::new();
        let turns = Arc::new(AtomicUsize::new(0));
        current_thread().block_on(async {
            let counted = turns.clone();
            // Stands in line with all other tasks; `yield_now` would come after them.
            let other = tokio::spawn(poll_fn(move |cx| {
                counted.fetch_add(1, Ordering::Relaxed);
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
            let list = Ordered::<usize>::new();
            for n in 0..ENTRIES {
                list.push(async move { n });
            }
            assert_eq!(list.join().await.len(), ENTRIES);
            other.abort();
        });
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns >= ENTRIES / 100, "{turns} turns among {ENTRIES} entries");
    }

    /// All of them stand in one line or the other, and end on a stack that holds few of them.
    #[test]
    fn a_runtime_that_ends_takes_along_what_has_not_started() {
        const ENTRIES: usize = 20_000;
        for limit in [None, Some(1)] {
            let watch = Watch::new();
            let runtime = current_thread();
            let builder = Kv::<usize, ()>::builder().on(runtime.handle());
            let kv = match limit {
                Some(limit) => builder.limit(limit).build(),
                None => builder.build(),
            };
            for n in 0..ENTRIES {
                let life = watch.life();
                kv.put(n, async move {
                    let _life = life;
                    pending::<()>().await;
                });
            }
            let end = std::thread::Builder::new().stack_size(128 * 1024);
            end.spawn(move || drop(runtime)).unwrap().join().unwrap();
            watch.settle();
            let late = kv.put(ENTRIES, async {});
            assert!(wait(late.get()).unwrap_err().is_cancelled());
            for n in 0..ENTRIES {
                let error = kv.try_get(&n).unwrap().unwrap_err();
                assert!(error.to_string().contains("its runtime has ended"), "{error}");
            }
        }
    }
}
