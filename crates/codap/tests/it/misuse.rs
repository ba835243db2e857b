//! Bad use gets a clear error, and never a hang.

use std::panic::catch_unwind;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use codap::{Error, FirstReply, Kv, Ordered, OrderedHandle, Reply, Threads};

use crate::leaks::Watch;
use crate::stage::{bounded, wait};

/// Each entry waits for the next, the last for the first; `put` puts the n-th and is given the
/// replies of all.
fn circle(len: usize, put: impl Fn(usize, Arc<OnceLock<Vec<Reply<u32>>>>) -> Reply<u32>) {
    let known = Arc::new(OnceLock::new());
    let replies: Vec<_> = (0..len).map(|n| put(n, known.clone())).collect();
    known.set(replies.clone()).unwrap();
    for reply in replies {
        let error = wait(reply.get()).unwrap_err();
        assert!(error.root().is_cycle(), "{error}");
        let text = error.to_string();
        assert!(text.contains("would wait for itself") && text.contains(" waits for "), "{text}");
    }
}

#[test]
fn an_entry_that_awaits_itself() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    let handle = kv.handle();
    let own = kv.put("me", async move { handle.get("me").await.copied() });
    let error = wait(own.get()).unwrap_err();
    assert!(error.is_failed() && error.root().is_cycle());
    let text = error.to_string();
    assert!(text.contains(r#"entry "me" would wait for itself: "me" waits for "me""#), "{text}");
}

#[test]
fn cycles_of_any_length() {
    let _watch = Watch::new();
    for len in [2, 3, 50] {
        let kv = Kv::<_, u32>::builder().on(&Threads).limit(1).build();
        circle(len, |n, known| {
            let handle = kv.handle();
            // The last put closes the circle; the others give their permits back while they wait.
            kv.put_blocking(n, move || {
                known.wait();
                handle.get_blocking(&((n + 1) % len)).copied()
            })
        });
    }
}

#[test]
fn a_cycle_across_containers_and_kinds_of_work() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).limit(1).build();
    let list = Ordered::<u32>::on(&Threads);
    circle(4, |n, known| match n % 2 {
        0 => kv.put_blocking(n, move || known.wait()[(n + 1) % 4].get_blocking().copied()),
        _ => list.push(async move { known.wait()[(n + 1) % 4].get().await.copied() }),
    });
}

#[test]
fn a_slot_dropped_unfilled() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    drop(kv.slot("late"));
    let error = kv.get_blocking("late").unwrap_err();
    assert!(error.is_abandoned());
    let text = error.to_string();
    let expected = r#"entry "late" was abandoned: its slot was dropped unfilled"#;
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_limit_of_zero() {
    let _watch = Watch::new();
    let text = catch_unwind(|| Kv::<u32, u32>::builder().limit(0)).unwrap_err();
    let text = text.downcast_ref::<&str>().unwrap();
    assert!(text.contains("limit of 0") && text.contains("leave `limit` out"), "{text}");
}

#[test]
fn the_longest_duration_is_no_deadline() {
    let _watch = Watch::new();
    for after in [Duration::MAX, Duration::from_secs(u64::MAX / 4), Duration::from_secs(1 << 40)] {
        let kv = Kv::<_, u32>::builder().on(&Threads).deadline(after).build();
        let slot = kv.slot("slot");
        kv.put("a", async { 1 });
        assert_eq!(kv["a"], 1);
        assert!(slot.fill(2));
        assert_eq!(kv["slot"], 2);
    }
}

#[test]
fn a_deadline_of_zero_ends_at_once() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).deadline(Duration::ZERO).build();
    let reply = kv.put("a", std::future::pending::<u32>());
    assert!(wait(reply.get()).unwrap_err().is_timeout());
}

/// A slot that nobody fills has no work that could come to an end: the shutdown once waited for it
/// as long as it was kept, here for ever.
#[test]
fn a_shutdown_with_a_slot_in_hand() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    let slot = kv.slot("slot");
    let reply = slot.reply();
    wait(kv.shutdown());
    assert!(wait(reply.get()).unwrap_err().is_cancelled());
    assert!(!slot.fill(1));
}

/// A value is there when it is put, and no deadline is earlier than that.
#[test]
fn a_value_under_a_deadline_of_zero() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).deadline(Duration::ZERO).build();
    for n in 0..100 {
        assert_eq!(kv.insert(n, n).try_get().unwrap().ok(), Some(&n));
    }
}

#[test]
fn finish_by_an_instant_that_has_passed() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    let slot = kv.slot("slot");
    let finished = wait(kv.finish_by(Instant::now() - Duration::from_millis(1)));
    assert_eq!(finished.missing().len(), 1);
    drop(slot);
}

#[test]
fn an_index_without_a_value_panics_with_its_error() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    kv.put("a", async { Err::<u32, _>("deliberate refusal") });
    let list = FirstReply::<u32>::on(&Threads);
    let texts = [
        catch_unwind(std::panic::AssertUnwindSafe(|| kv["a"])).unwrap_err(),
        catch_unwind(std::panic::AssertUnwindSafe(|| kv["deliberate"])).unwrap_err(),
    ]
    .map(|payload| payload.downcast_ref::<String>().unwrap().clone());
    assert!(texts[0].contains(r#"entry "a" failed"#) && texts[0].contains("refusal"), "{texts:?}");
    assert!(texts[1].contains("is missing: nothing was put under this key"), "{texts:?}");
    let error = list.get_blocking(0).unwrap_err();
    assert!(error.is_missing() && error.to_string().contains("only 0 were pushed"), "{error}");
}

#[test]
fn a_function_that_reads_itself() {
    let _watch = Watch::new();
    let list = Ordered::<u32>::builder().on(&Threads).limit(1).build();
    let handle = list.handle();
    let own = list.push_blocking(move || handle.get_blocking(0).copied());
    assert!(wait(own.get()).unwrap_err().root().is_cycle());
}

/// More functions wait for each other than the pool may have threads, 4,096: the last of them is
/// told so, and nobody hangs. In a process of its own, whose threads it takes.
#[test]
fn functions_that_nest_deeper_than_the_pool_may_grow() {
    fn nest(handle: &OrderedHandle<u32>, left: u32) -> Result<u32, Error> {
        let Some(left) = left.checked_sub(1) else { return Ok(0) };
        let inner = handle.clone();
        let next = handle.push_blocking(move || nest(&inner, left));
        Ok(next.get_blocking()? + 1)
    }
    let _watch = Watch::new();
    let name = "misuse::functions_that_nest_deeper_than_the_pool_may_grow";
    crate::child::alone(name, || {
        let list = Ordered::<u32>::on(&Threads);
        let handle = list.handle();
        let outermost = list.push_blocking(move || nest(&handle, 5_000));
        let error = bounded(move || outermost.get_blocking().copied()).unwrap_err();
        assert!(error.root().is_would_block(), "{error}");
        let text = error.to_string();
        for word in ["every thread of the pool waits", "nest less deep", ".get(..).await"] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        assert!(list.len() > 4_000, "only {} were put", list.len());
        assert_eq!(wait(list.join()).len(), list.len(), "all of them have ended");
        assert_eq!(*wait(list.push_blocking(|| 7).get()).unwrap(), 7, "the pool is none the worse");
    });
}

#[cfg(feature = "tokio")]
mod tokio {
    use codap::{Kv, Threads};
    use tokio::task::LocalSet;

    use crate::leaks::Watch;
    use crate::stage::{bounded, current_thread, multi_thread, wait};

    #[test]
    fn a_blocking_read_on_a_current_thread_runtime() {
        let _watch = Watch::new();
        let text = bounded(|| {
            current_thread().block_on(async {
                let kv = Kv::<_, u32>::new();
                kv.put("a", async { 1 });
                let error = kv.get_blocking("a").unwrap_err();
                assert!(error.is_would_block() && error.ending().is_none());
                assert_eq!(*kv.get("a").await.unwrap(), 1, "the entry is none the worse");
                assert_eq!(kv["a"], 1, "and what is there needs no wait");
                error.to_string()
            })
        });
        assert!(
            text.contains("current-thread runtime") && text.contains(".get(..).await"),
            "{text}"
        );
    }

    #[test]
    fn a_blocking_read_in_a_local_set() {
        let _watch = Watch::new();
        let text = bounded(|| {
            let runtime = multi_thread();
            let local = LocalSet::new();
            local.block_on(&runtime, async {
                let kv = Kv::<_, u32>::new();
                let slot = kv.slot("a");
                let error = tokio::task::spawn_local(async move {
                    let error = kv.get_blocking("a").unwrap_err();
                    drop(slot);
                    error
                });
                let error = error.await.unwrap();
                assert!(error.is_would_block());
                error.to_string()
            })
        });
        assert!(text.contains("LocalSet") && text.contains(".get(..).await"), "{text}");
    }

    #[test]
    fn a_blocking_read_in_a_task_of_a_multi_thread_runtime_works() {
        let _watch = Watch::new();
        bounded(|| {
            multi_thread().block_on(async {
                let kv = Kv::<_, u32>::new();
                kv.put("a", async { 1 });
                assert_eq!(kv["a"], 1);
                let handle = kv.handle();
                let inside = kv.put("b", async move { handle["a"] + 1 });
                assert_eq!(*inside.get_blocking().unwrap(), 2);
            });
        });
    }

    #[test]
    fn a_runtime_dropped_under_a_container() {
        let watch = Watch::new();
        for limit in [None, Some(2)] {
            let kv = {
                let runtime = multi_thread();
                let builder = Kv::<usize, u32>::builder().on(runtime.handle());
                let kv = match limit {
                    None => builder.build(),
                    Some(limit) => builder.limit(limit).build(),
                };
                for n in 0..20 {
                    let life = watch.life();
                    kv.put(n, async move {
                        let _life = life;
                        std::future::pending::<u32>().await
                    });
                }
                kv.insert(20, 7);
                kv
            };
            for n in 0..20 {
                let error = wait(kv.get(&n)).unwrap_err();
                assert!(error.is_cancelled(), "{error}");
                assert!(error.to_string().contains("its runtime has ended"), "{error}");
            }
            assert_eq!(kv[&20], 7, "what is there stays");
            watch.settle();
            // And what is put afterwards ends as well; functions run on codap's own threads.
            let late = kv.put(21, async { 1 });
            assert!(wait(late.get()).unwrap_err().is_cancelled());
            let function = kv.put_blocking(22, || 5);
            assert_eq!(*wait(function.get()).unwrap(), 5);
            wait(kv.shutdown());
        }
    }

    #[test]
    fn a_future_that_needs_a_reactor_put_outside_its_runtime() {
        let _watch = Watch::new();
        let kv = Kv::<_, ()>::on(&Threads);
        let reply = kv.put("late", async {
            // As tokio says it, but for the mark that keeps the test's output clean.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        });
        let error = wait(reply.get()).unwrap_err();
        assert!(error.is_panic());
        let text = error.to_string();
        for word in [
            "this entry ran on threads",
            "first put inside of the tokio runtime",
            "on(&handle)",
            "background()",
        ] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        let kv = Kv::<_, ()>::on(&codap::background());
        let reply = kv.put("late", tokio_sleep());
        assert!(wait(reply.get()).is_ok(), "and what it says helps");
    }

    async fn tokio_sleep() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[cfg(feature = "smol")]
#[test]
fn a_blocking_read_in_a_smol_task() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&codap::Smol);
    let slot = kv.slot("slot");
    let handle = kv.handle();
    let reader = kv.put("reader", async move { handle.get_blocking("slot").copied() });
    let error = wait(reader.get()).unwrap_err();
    assert!(error.root().is_would_block(), "{error}");
    let text = error.to_string();
    assert!(text.contains("thread of smol") && text.contains(".get(..).await"), "{text}");
    assert!(slot.fill(1));
    assert_eq!(smol::block_on(async { *kv.get("slot").await.unwrap() }), 1);
}
