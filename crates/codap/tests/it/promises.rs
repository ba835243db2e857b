//! The thirteen promises, where the conformance suite cannot express them: what depends on the
//! runtime that is there, on time that a test moves, on the size of a stack.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use codap::{BoxFuture, Ending, Error, FirstReply, Kv, Ordered, Runtime, Threads};

use crate::leaks::{Life, Watch};
use crate::stage::{bounded, wait};

#[test]
fn no_1_every_entry_ends_exactly_once() {
    let _watch = Watch::new();
    // Five threads want to end the same entry in five ways; a sixth reads.
    for _ in 0..200 {
        let kv = Kv::<_, u32>::builder().on(&Threads).record(true).build();
        let slot = kv.slot("a");
        let barrier = std::sync::Barrier::new(4);
        let ways = std::thread::scope(|scope| {
            let fill = scope.spawn(|| {
                barrier.wait();
                slot.fill(1)
            });
            let cancels = [(); 2].map(|()| {
                scope.spawn(|| {
                    barrier.wait();
                    kv.cancel("a")
                })
            });
            let replace = scope.spawn(|| {
                barrier.wait();
                kv.cancel_all();
                false
            });
            let mut ways = vec![fill.join().unwrap(), replace.join().unwrap()];
            ways.extend(cancels.map(|cancel| cancel.join().unwrap()));
            ways
        });
        assert!(ways.iter().filter(|won| **won).count() <= 1, "{ways:?}");
        assert_eq!(ways[0], kv.try_get("a").unwrap().is_ok());
        let ends = kv.events().into_iter();
        let ends = ends.filter(|event| matches!(event.what, codap::What::Ended(_)));
        assert_eq!((ends.count(), kv.done()), (1, 1));
    }
}

#[test]
fn no_2_work_runs_whatever_becomes_of_the_readers() {
    let _watch = Watch::new();
    let list = Ordered::<u32>::on(&Threads);
    let (ran, runs) = channel();
    for n in 0..100 {
        let ran = ran.clone();
        drop(list.push(async move {
            ran.send(n).unwrap();
            n
        }));
        drop(list.get(n as usize));
    }
    drop(ran);
    assert_eq!(runs.iter().count(), 100);
}

#[test]
fn no_3_nothing_need_be_clone() {
    #[derive(Debug, PartialEq, Eq, Hash)]
    struct Key(u8, Ballast);
    #[derive(Debug, PartialEq, Eq, Hash)]
    struct Ballast;
    #[derive(Debug)]
    struct Odd(#[expect(dead_code, reason = "it is what must not be cloned")] Life);
    impl fmt::Display for Odd {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("odd")
        }
    }
    impl StdError for Odd {}
    let watch = Watch::new();
    let kv = Kv::<Key, Life>::on(&Threads);
    let (value, error) = (watch.life(), watch.life());
    kv.put(Key(0, Ballast), async move { value });
    kv.put(Key(1, Ballast), async move { Err::<Life, _>(Odd(error)) });
    let first: *const Life = kv.get_blocking(&Key(0, Ballast)).unwrap();
    assert!(std::ptr::eq(first, &raw const kv[&Key(0, Ballast)]));
    let errors = [(); 3].map(|()| kv.get_blocking(&Key(1, Ballast)).unwrap_err());
    drop(kv);
    // The value goes with the last task, which may still be on its way out of the storage.
    watch.settle_to(1);
    assert!(errors.iter().all(|error| error.source().unwrap().is::<Odd>()));
}

#[test]
fn no_5_errors_name_their_entry_by_key() {
    let _watch = Watch::new();
    let kv = Kv::<(u8, &str), u32>::on(&Threads);
    kv.put((7, "seven"), async { Err::<u32, _>("refused") });
    let error = kv.get_blocking(&(7, "seven")).unwrap_err();
    assert_eq!(error.entry(), Some(r#"(7, "seven")"#));
    assert!(error.to_string().starts_with(r#"entry (7, "seven") failed"#), "{error}");
    assert!(error.to_string().ends_with(": refused"), "{error}");
}

/// A chain of entries that hand on one error: the first stays, the others are named, up to a point.
#[test]
fn no_6_errors_of_errors_are_flattened() {
    let _watch = Watch::new();
    let kv = Kv::<usize, u32>::on(&Threads);
    let mut before = kv.put(0, async { "many".parse::<u32>() });
    for n in 1..20 {
        let cause = before.clone();
        before = kv.put(n, async move { cause.get().await.copied() });
    }
    let error = wait(before.get()).unwrap_err();
    assert_eq!((error.entry(), error.root().entry()), (Some("19"), Some("0")));
    assert!(error.source().unwrap().is::<std::num::ParseIntError>(), "downcast works");
    assert!(error.source().unwrap().source().is_none(), "no chain of codap's errors");
    let text = error.to_string();
    assert!(
        text.starts_with("entry 19 failed") && text.contains("entry 1: entry 0 failed"),
        "{text}"
    );
    assert!(text.matches("entry").count() <= 10, "not all of a long chain are named: {text}");
}

#[test]
fn no_6_a_boxed_error_is_found_as_what_it_was() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::on(&Threads);
    kv.put("boxed", async { codap::ok("many".parse::<u32>()?) });
    let error = kv.get_blocking("boxed").unwrap_err();
    assert!(error.source().unwrap().is::<std::num::ParseIntError>());
}

/// Entries that hold a handle, and so the container's storage, would keep it for ever if a handle
/// kept the work alive.
#[test]
fn no_7_entries_that_hold_handles_do_not_keep_their_container() {
    let watch = Watch::new();
    let kv = Kv::<usize, Life>::builder().on(&Threads).limit(3).build();
    for n in 0..10 {
        let (handle, key) = (kv.handle(), watch.life());
        kv.put(n, async move {
            let _held = (&handle, &key);
            std::future::pending::<Life>().await
        });
    }
    kv.insert(10, watch.life());
    drop(kv);
    watch.settle();
}

#[test]
fn no_7_detached_work_keeps_its_deadline() {
    let watch = Watch::new();
    let kv = Kv::<_, u32>::builder().on(&Threads).deadline(Duration::from_millis(20)).build();
    let life = watch.life();
    kv.put("stuck", async move {
        let _life = life;
        std::future::pending::<u32>().await
    });
    kv.detach();
    watch.settle();
}

#[test]
fn no_8_the_runtime_is_chosen_at_the_first_put() {
    let _watch = Watch::new();
    let kv = Kv::<_, String>::new();
    let put = || {
        kv.put_blocking("function", String::new);
        let where_from = async { std::thread::current().name().unwrap_or_default().to_owned() };
        kv.put("future", where_from);
    };
    #[cfg(feature = "tokio")]
    let expected = {
        // Made outside, first put inside: it is the runtime of the put that counts.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("the-one")
            .build()
            .unwrap();
        let _context = runtime.enter();
        put();
        let name = wait(kv.get("future")).unwrap().clone();
        (name, "the-one")
    };
    #[cfg(not(feature = "tokio"))]
    let expected = {
        put();
        let name = wait(kv.get("future")).unwrap().clone();
        (name, if cfg!(feature = "smol") { "smol-" } else { "codap-" })
    };
    assert!(expected.0.starts_with(expected.1), "{expected:?}");
}

#[test]
fn no_8_programs_without_a_runtime_have_it_all() {
    let _watch = Watch::new();
    let kv = Kv::<_, u32>::builder().limit(2).deadline(Duration::from_secs(3_000)).build();
    let part = kv.put("part", async { 20 });
    kv.put("sum", async move { Ok::<_, Error>(part.get().await? + 1) });
    kv.put_blocking("function", || 3);
    let slot = kv.slot("slot");
    assert!(slot.fill(4));
    assert_eq!((kv["sum"], kv["function"], kv["slot"]), (21, 3, 4));
    assert_eq!(wait(kv.join()).len(), 4);
}

/// 600 functions, each of which waits for the next: more than a runtime's pool has threads.
#[test]
fn no_9_functions_nest_deeper_than_a_pool_has_threads() {
    fn nest(handle: &codap::OrderedHandle<u32>, left: u32) -> Result<u32, Error> {
        if left == 0 {
            return Ok(0);
        }
        let inner = handle.clone();
        let next = handle.push_blocking(move || nest(&inner, left - 1));
        Ok(next.get_blocking()? + 1)
    }
    let _watch = Watch::new();
    let list = Ordered::<u32>::builder().on(&Threads).limit(1).build();
    let handle = list.handle();
    let outermost = list.push_blocking(move || nest(&handle, 600));
    assert_eq!(*bounded(move || outermost.get_blocking().copied()).as_ref().unwrap(), 600);
}

const CANARY: &str = "s3cret";

/// Every text that codap makes of keys and of foreign errors.
fn texts<K: codap::Key>(key: K, again: K) -> Vec<String> {
    let message =
        format!("GET https://ada:{CANARY}@host/?sig={CANARY} with Bearer {CANARY}2 failed");
    let kv = Kv::<K, u32>::builder().on(&Threads).record(true).build();
    let slot = kv.slot(key);
    let failing = slot.reply();
    let queued = wait(kv.finish_by(Instant::now()));
    let mut texts = vec![format!("{queued:?} {}", queued.missing()[0])];
    assert!(slot.fail(message));
    let error = failing.get_blocking().unwrap_err();
    let missing = kv.try_get(&again).unwrap().unwrap_err();
    texts.extend([error.to_string(), format!("{error:?}"), format!("{missing:?}")]);
    texts.extend(error.entry().map(str::to_owned));
    let handle = kv.handle();
    let outer = Kv::<_, u32>::on(&Threads);
    outer.put(1, async move { handle.get(&again).await.copied() });
    texts.push(outer.get_blocking(&1).unwrap_err().to_string());
    let finished = wait(kv.finish_by(Instant::now()));
    let errors = wait(kv.first_ok()).unwrap_err();
    texts.extend([format!("{finished:?} {}", finished.missing()[0])]);
    texts.extend([format!("{errors} {errors:?} {kv:?} {:?} {:?}", kv.handle(), kv.events())]);
    texts
}

#[test]
fn no_11_no_secret_gets_into_a_text() {
    #[derive(Debug, PartialEq, Eq, Hash, Clone)]
    struct Login {
        user: &'static str,
        password: Option<&'static str>,
    }
    let _watch = Watch::new();
    let keys = [
        format!("https://ada:{CANARY}@host/path"),
        format!("postgres://:{CANARY}@host/db?password={CANARY}"),
        format!("s3://bucket/key?X-Amz-Signature={CANARY}&x=1"),
        format!("token={CANARY}"),
        format!("Authorization: Bearer {CANARY}9"),
    ];
    let mut all: Vec<_> = keys.into_iter().flat_map(|key| texts(key.clone(), key)).collect();
    let login = Login { user: "ada", password: Some(CANARY) };
    all.extend(texts(login.clone(), login));
    for text in all {
        assert!(!text.contains(CANARY), "{text}");
    }
}

/// A runtime that counts what it is asked for.
#[derive(Clone, Default)]
struct Quiet(Arc<Mutex<u32>>);

impl Runtime for Quiet {
    fn spawn(&self, work: BoxFuture) {
        *self.0.lock().unwrap() += 1;
        Runtime::spawn(&Threads, work);
    }

    fn now(&self) -> Instant {
        *self.0.lock().unwrap() += 1;
        Instant::now()
    }
}

#[test]
fn no_12_making_a_container_starts_nothing() {
    let _watch = Watch::new();
    let quiet = Quiet::default();
    let builder = Kv::<u32, u32>::builder().on(&quiet).limit(3).record(true);
    let kv = builder.deadline(Duration::from_secs(1_000)).build();
    assert!(kv.is_empty() && kv.try_get(&1).is_some());
    drop((kv.handle(), FirstReply::<u32>::on(&quiet), Ordered::<u32>::on(&quiet)));
    assert_eq!(*quiet.0.lock().unwrap(), 0, "no task, and no look at the clock");
    kv.put(1, async { 1 });
    assert_eq!(kv[&1], 1);
    assert!(*quiet.0.lock().unwrap() > 0);
}

#[derive(Debug)]
struct Wraps(Error);

impl fmt::Display for Wraps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wraps")
    }
}

impl StdError for Wraps {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

/// Each link is an error that holds the error before it: dropped one inside another they need some
/// 100 MiB of stack.
#[test]
fn no_13_errors_nested_300_000_deep_drop_on_a_small_stack() {
    let _watch = Watch::new();
    let small = std::thread::Builder::new().stack_size(128 << 10);
    let thread = small.spawn(|| {
        let list = Ordered::<u32>::on(&Threads);
        let first = list.slot();
        let mut error = {
            let reply = first.reply();
            assert!(first.fail("refused"));
            reply.get_blocking().unwrap_err()
        };
        drop(list);
        for _ in 1..300_000 {
            let one = Ordered::<u32>::on(&Threads);
            let slot = one.slot();
            let reply = slot.reply();
            assert!(slot.fail(Wraps(error)));
            error = reply.get_blocking().unwrap_err();
        }
        assert!(error.source().unwrap().is::<Wraps>());
        drop(error);
    });
    thread.unwrap().join().unwrap();
}

/// A chain of entries, each of which fails because the one before it did.
#[test]
fn no_13_a_chain_of_300_000_failing_entries_drops_on_a_small_stack() {
    let _watch = Watch::new();
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let thread = small.spawn(|| {
        let list = Ordered::<u32>::on(&Threads);
        let mut before = list.insert(0);
        before = {
            let slot = list.slot();
            drop(before);
            let reply = slot.reply();
            assert!(slot.fail("refused"));
            reply
        };
        for _ in 0..300_000 {
            let slot = list.slot();
            let own = slot.reply();
            assert!(slot.fail(Wraps(before.get_blocking().unwrap_err())));
            before = own;
        }
        drop(before);
        drop(list);
    });
    thread.unwrap().join().unwrap();
}

/// A key that panicked in `Eq` as the first of a new stretch of the arena left the stretch behind
/// without an entry; every later put then went to another stretch than its reads.
#[test]
fn no_13_a_key_that_panics_when_compared_harms_no_other() {
    #[derive(Debug)]
    struct Touchy(u32, bool);
    impl Hash for Touchy {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }
    impl PartialEq for Touchy {
        fn eq(&self, other: &Self) -> bool {
            assert!(!self.1 && !other.1, "deliberate, in a comparison");
            self.0 == other.0
        }
    }
    impl Eq for Touchy {}
    let _watch = Watch::new();
    let kv = Kv::<Touchy, u32>::on(&Threads);
    for n in 0..200 {
        let put = || kv.insert(Touchy(1_000, true), 0);
        if n > 0 {
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(put)).is_err());
        }
        kv.put(Touchy(n, false), async move { n });
    }
    for n in 0..200 {
        assert_eq!(kv[&Touchy(n, false)], n);
    }
    assert_eq!(kv.len(), 200);
}

/// A runtime whose clock the test moves.
#[derive(Clone)]
struct Clock(Arc<Mutex<Dial>>, Arc<Watch>);

/// An entry put at the very beginning is stamped with the first nanosecond after it.
const TICK: Duration = Duration::from_micros(1);

struct Dial {
    now: Instant,
    sleeps: HashMap<u64, (Instant, Waker)>,
    made: u64,
    /// The clock jumps by so much while the first sleep is being registered.
    jump: Option<Duration>,
}

struct Nap(Clock, Instant, u64, #[expect(dead_code, reason = "counted")] Life);

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut dial = self.0.0.lock().unwrap();
        if dial.now >= self.1 {
            return Poll::Ready(());
        }
        dial.sleeps.insert(self.2, (self.1, cx.waker().clone()));
        let jump = dial.jump.take();
        drop(dial);
        if let Some(jump) = jump {
            self.0.advance(jump);
        }
        Poll::Pending
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        let waker = self.0.0.lock().unwrap().sleeps.remove(&self.2);
        drop(waker);
    }
}

impl Clock {
    fn new(jump: Option<Duration>) -> Self {
        let dial = Dial { now: Instant::now(), sleeps: HashMap::new(), made: 0, jump };
        Self(Arc::new(Mutex::new(dial)), Arc::new(Watch::new()))
    }

    fn advance(&self, by: Duration) {
        let mut dial = self.0.lock().unwrap();
        dial.now += by;
        let now = dial.now;
        let due: Vec<u64> = dial.sleeps.iter().filter(|(_, s)| s.0 <= now).map(|s| *s.0).collect();
        let due: Vec<_> = due.into_iter().filter_map(|id| dial.sleeps.remove(&id)).collect();
        drop(dial);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

impl Runtime for Clock {
    fn spawn(&self, work: BoxFuture) {
        Runtime::spawn(&Threads, work);
    }

    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture {
        let mut dial = self.0.lock().unwrap();
        dial.made += 1;
        let id = dial.made;
        drop(dial);
        Box::pin(Nap(self.clone(), at, id, self.1.life()))
    }
}

#[test]
fn no_1_deadlines_are_measured_by_the_clock_of_the_runtime() {
    let _watch = Watch::new();
    let hour = Duration::from_secs(3_600);
    let clock = Clock::new(None);
    let kv = Kv::<_, u32>::builder().on(&clock).deadline(hour).build();
    let first = kv.slot(1);
    clock.advance(hour / 2);
    let second = kv.slot(2);
    clock.advance(hour / 2 + TICK);
    assert_eq!((first.is_over(), second.is_over()), (true, false));
    clock.advance(hour / 2);
    assert!(second.is_over());
    assert_eq!(kv.ending(&2), Some(Ending::TimedOut));
}

/// The alarm for the first entry rang while it was being set: the next alarm, set by that ring, was
/// then thrown away for the one that had rung, and no later entry ever timed out.
#[test]
fn no_1_an_alarm_that_rings_while_it_is_set_loses_no_other() {
    let _watch = Watch::new();
    let hour = Duration::from_secs(3_600);
    let clock = Clock::new(None);
    let kv = Kv::<_, u32>::builder().on(&clock).deadline(hour).build();
    let zeroth = kv.slot(0);
    clock.advance(hour / 2);
    let first = kv.slot(1);
    clock.advance(hour / 4);
    let second = kv.slot(2);
    // The zeroth ends; the alarm for the first is set, and rings meanwhile.
    clock.0.lock().unwrap().jump = Some(hour / 2);
    clock.advance(hour / 4 + TICK);
    assert_eq!([&zeroth, &first, &second].map(codap::Slot::is_over), [true, true, false]);
    clock.advance(hour);
    assert!(second.is_over(), "its alarm was lost");
}

/// An alarm holds its waker, and the waker its alarm: a container dropped with an hour to go stayed
/// for that hour, on a runtime of one's own for ever.
#[test]
fn no_7_a_dropped_container_leaves_no_alarm_behind() {
    let _watch = Watch::new();
    let clock = Clock::new(None);
    let kv = Kv::<_, u32>::builder().on(&clock).deadline(Duration::from_secs(3_600)).build();
    kv.put(1, async { 1 });
    let slot = kv.slot(2);
    assert_eq!(clock.1.alive(), 1);
    drop((kv, slot));
    clock.1.settle();
}

#[cfg(feature = "tokio")]
#[test]
fn no_10_reads_block_where_that_is_right() {
    let _watch = Watch::new();
    let runtime = crate::stage::multi_thread();
    let kv = Arc::new(Kv::<_, u32>::on(runtime.handle()));
    let slot = kv.slot("slot");
    let (reads, read) = channel();
    // From a plain thread, from a function of the pool, from tokio's own pool, from a task.
    let (a, b, c, d) = (kv.clone(), kv.handle(), kv.clone(), kv.handle());
    let (to_a, to_c) = (reads.clone(), reads);
    std::thread::spawn(move || to_a.send(a["slot"]).unwrap());
    let b = kv.put_blocking("function", move || b.get_blocking("slot").copied());
    runtime.spawn_blocking(move || to_c.send(c["slot"]).unwrap());
    let d = kv.put("task", async move { d.get_blocking("slot").copied() });
    assert!(slot.fill(5));
    assert_eq!([&read, &read].map(crate::stage::recv), [5, 5]);
    assert_eq!((*wait(b.get()).unwrap(), *wait(d.get()).unwrap()), (5, 5));
}
