//! Many entries: nothing is lost, no limit exceeded. `CODAP_SCALE=n` says how many.

use std::future::{Future, pending, poll_fn};
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use codap::{Ending, External, FirstReply, Kv, Ordered};
use fastrand::Rng;
use futures_util::future::join;
use tokio::sync::{oneshot, watch};

use crate::watched::{Bomb, DELIBERATE, On, block_on, number, report, watched};

const PATIENCE: Duration = Duration::from_secs(120);

fn scale() -> usize {
    number("CODAP_SCALE").map_or(100_000, |n| usize::try_from(n).expect("it fits in memory"))
}

/// Pending once.
async fn give_way() {
    let mut given = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A value that tells of which entry it is.
fn value_of(key: usize) -> usize {
    key.wrapping_mul(31) ^ 0x5A5A
}

/// That value, of which every other one is pending at first.
async fn value(key: usize) -> usize {
    if key.is_multiple_of(2) {
        give_way().await;
    }
    value_of(key)
}

/// Marks each of `n` things once.
struct Once(Vec<bool>);

impl Once {
    fn new(n: usize) -> Self {
        Self(vec![false; n])
    }

    fn mark(&mut self, at: usize) {
        assert!(!std::mem::replace(&mut self.0[at], true), "{at} came twice");
    }

    fn all(&self) {
        assert_eq!(self.0.iter().position(|marked| !marked), None, "one is lost");
    }
}

// ---- nothing is lost ---------------------------------------------------------------------

async fn kv(on: On, n: usize) {
    let kv = on.build(Kv::builder());
    for key in 0..n {
        kv.put(key, value(key));
    }
    let mut once = Once::new(n);
    while let Some((&key, reply)) = kv.next().await {
        assert_eq!(*reply.expect("it has a value"), value_of(key));
        once.mark(key);
    }
    once.all();
    for key in 0..n {
        assert_eq!(*kv.get(&key).await.expect("it has a value"), value_of(key));
    }
    assert_eq!((kv.len(), kv.done(), kv.failed()), (n, n, 0));
}

async fn ordered(on: On, n: usize) {
    let list = on.build(Ordered::builder());
    for at in 0..n {
        list.push(value(at));
    }
    let (mut range, mut at) = (list.range(..), 0);
    while let Some(reply) = range.next().await {
        assert_eq!(*reply.expect("it has a value"), value_of(at));
        at += 1;
    }
    assert_eq!(at, n);
    let results = list.into_results().await.expect("nobody else holds it");
    assert!(
        results.into_iter().map(|result| result.expect("it has a value")).eq((0..n).map(value_of))
    );
}

async fn first_reply(on: On, n: usize) {
    let list = on.build(FirstReply::builder());
    for at in 0..n {
        list.push(value(at));
    }
    let mut once = Once::new(n);
    for nth in 0..n {
        let value = *list.get(nth).await.expect("it has a value");
        let at = list.pushed_as(nth).expect("it has arrived");
        assert_eq!(value, value_of(at));
        once.mark(at);
    }
    once.all();
}

#[test]
fn nothing_is_lost_duplicated_or_mis_keyed() {
    watched(PATIENCE, |doing| {
        for on in On::all() {
            doing.step(on);
            let started = Instant::now();
            on.run(async {
                kv(on, scale()).await;
                ordered(on, scale()).await;
                first_reply(on, scale()).await;
            });
            report(format_args!("3 x {} entries on {on:?}: {:.1?}", scale(), started.elapsed()));
        }
    });
}

/// Everything that is left for one of the consumers of a cursor.
async fn consume(list: &Ordered<usize>) -> Vec<usize> {
    let mut taken = Vec::new();
    while let Some((&at, reply)) = list.next().await {
        assert_eq!(*reply.expect("it has a value"), value_of(at));
        taken.push(at);
    }
    taken
}

#[test]
fn two_consumers_of_next_share() {
    watched(PATIENCE, |doing| {
        let n = scale().min(20_000);
        for on in On::all() {
            doing.step(on);
            on.run(async {
                let list = Arc::new(on.build(Ordered::builder()));
                for at in 0..n {
                    list.push(async move { value_of(at) });
                }
                // Two on threads, two in one task.
                let (sender, receiver) = oneshot::channel();
                let there = list.clone();
                let other = thread::spawn(move || {
                    let taken = block_on(consume(&there));
                    sender.send(()).expect("the test waits");
                    taken
                });
                let (mine, too) = join(consume(&list), consume(&list)).await;
                receiver.await.expect("the other consumer comes to an end");
                let theirs = other.join().expect("it does not panic");
                let mut once = Once::new(n);
                [mine, too, theirs].into_iter().flatten().for_each(|at| once.mark(at));
                once.all();
            });
        }
    });
}

// ---- faults ------------------------------------------------------------------------------

struct Dropped {
    count: Arc<watch::Sender<usize>>,
    panics: bool,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count += 1);
        if self.panics {
            panic!("{DELIBERATE}: drop");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Error,
    Panic,
    PanicLater,
    Payload,
    DropOfFuture,
    DropOfValue,
    Never,
    FunctionPanics,
    FunctionFails,
    SlotIsLost,
    ExternalIsLost,
}

const FAULTS: [Fault; 12] = [
    Fault::None,
    Fault::Error,
    Fault::Panic,
    Fault::PanicLater,
    Fault::Payload,
    Fault::DropOfFuture,
    Fault::DropOfValue,
    Fault::Never,
    Fault::FunctionPanics,
    Fault::FunctionFails,
    Fault::SlotIsLost,
    Fault::ExternalIsLost,
];

impl Fault {
    fn ending(self) -> Ending {
        match self {
            Self::None | Self::DropOfValue => Ending::Ok,
            Self::Error | Self::FunctionFails => Ending::Failed,
            Self::Panic | Self::PanicLater | Self::Payload => Ending::Panicked,
            Self::DropOfFuture | Self::FunctionPanics => Ending::Panicked,
            Self::Never => Ending::Cancelled,
            Self::SlotIsLost | Self::ExternalIsLost => Ending::Abandoned,
        }
    }

    fn put(self, kv: &Kv<usize, Dropped>, key: usize, count: &Arc<watch::Sender<usize>>) {
        let value = Dropped { count: count.clone(), panics: matches!(self, Self::DropOfValue) };
        match self {
            Self::FunctionPanics => kv.put_blocking(key, move || -> Dropped {
                let _value = value;
                panic!("{DELIBERATE}: function")
            }),
            Self::FunctionFails => kv.put_blocking(key, move || {
                drop(value);
                Err::<Dropped, _>("an error")
            }),
            Self::SlotIsLost => {
                drop(value);
                kv.slot(key).reply()
            }
            Self::ExternalIsLost => kv.put_external(key, |_| drop(value)),
            _ => kv.put(key, self.future(value)),
        };
    }

    fn future(self, value: Dropped) -> impl Future<Output = Result<Dropped, &'static str>> + Send {
        let unwilling = matches!(self, Self::DropOfFuture);
        let mut dropped =
            unwilling.then(|| Dropped { count: Arc::new(watch::Sender::new(0)), panics: true });
        let mut body = Box::pin(async move {
            match self {
                Self::Error => return Err("an error"),
                Self::Panic => panic!("{DELIBERATE}: at once"),
                Self::Payload => panic_any(Bomb),
                _ => give_way().await,
            }
            match self {
                Self::PanicLater => panic!("{DELIBERATE}: later"),
                Self::Never => pending().await,
                _ => Ok(value),
            }
        });
        poll_fn(move |cx| {
            // Kept until the future is dropped.
            let _kept = &mut dropped;
            body.as_mut().poll(cx)
        })
    }
}

#[test]
fn ten_thousand_faulty_entries_end_as_they_should() {
    watched(PATIENCE, |doing| {
        for on in On::all() {
            for limit in [1, 64] {
                doing.step((on, limit));
                on.run(faulty(on, limit, 10_000));
            }
        }
    });
}

async fn faulty(on: On, limit: usize, n: usize) {
    let mut rng = Rng::with_seed(limit as u64);
    let count = Arc::new(watch::Sender::new(0));
    let kv = on.build(Kv::builder().limit(limit));
    let faults: Vec<_> = (0..n).map(|_| FAULTS[rng.usize(..FAULTS.len())]).collect();
    for (key, fault) in faults.iter().enumerate() {
        fault.put(&kv, key, &count);
    }
    for (key, _) in faults.iter().enumerate().filter(|(_, fault)| matches!(fault, Fault::Never)) {
        assert!(kv.cancel(&key));
    }
    for (key, fault) in faults.iter().enumerate() {
        let reply = kv.get(&key).await;
        let name = key.to_string();
        assert!(reply.is_ok() || reply.is_err_and(|error| error.entry() == Some(&name)));
        assert_eq!(kv.ending(&key), Some(fault.ending()), "{key} {fault:?}");
    }
    let failed = faults.iter().filter(|fault| !fault.ending().is_ok()).count();
    assert_eq!((kv.done(), kv.failed()), (n, failed));
    drop(kv);
    let mut dropped = count.subscribe();
    dropped.wait_for(|dropped| *dropped == n).await.expect("the sender is here");
}

// ---- limits ------------------------------------------------------------------------------

/// How many entries run now, and how many ran at once at most.
#[derive(Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Runs(Arc<Running>);

impl Runs {
    fn begin(running: &Arc<Running>) -> Self {
        let now = running.now.fetch_add(1, Ordering::SeqCst) + 1;
        running.most.fetch_max(now, Ordering::SeqCst);
        Self(running.clone())
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

const LIMIT: usize = 7;

fn put_counted(kv: &Kv<usize, usize>, key: usize, kind: u8, running: &Arc<Running>) {
    let (running, handle) = (running.clone(), kv.handle());
    match kind {
        0 => kv.put_blocking(key, move || {
            let _runs = Runs::begin(&running);
            thread::yield_now();
            key
        }),
        // One that waits for the one before it, if there is one, and runs on afterwards.
        1 => kv.put(key, async move {
            drop(Runs::begin(&running));
            // How that one ended makes no difference here.
            let _ = handle.get(&key.saturating_sub(1)).await;
            let _runs = Runs::begin(&running);
            give_way().await;
            key
        }),
        _ => kv.put(key, async move {
            let _runs = Runs::begin(&running);
            give_way().await;
            key
        }),
    };
}

#[test]
fn a_limit_is_never_exceeded_and_whole_afterwards() {
    watched(PATIENCE, |doing| {
        for on in On::all() {
            doing.step(on);
            on.run(limited(on, scale()));
        }
    });
}

async fn limited(on: On, n: usize) {
    let mut rng = Rng::with_seed(7);
    let running = Arc::new(Running::default());
    let kv = on.build(Kv::builder().limit(LIMIT));
    let mut cancelled = 0;
    for key in 0..n {
        // A few functions, since each costs a change of threads.
        let kind = rng.u8(..20);
        put_counted(&kv, key, kind, &running);
        if rng.u8(..10) < 3 {
            cancelled += usize::from(kv.cancel(&rng.usize(key.saturating_sub(20)..=key)));
        }
        if key % 64 == 0 {
            give_way().await;
        }
    }
    kv.join().await;
    assert_eq!(kv.failed(), cancelled);
    for key in 0..n {
        match kv.get(&key).await {
            Ok(&value) => assert_eq!(value, key),
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
    assert_eq!(running.most.load(Ordering::SeqCst), LIMIT, "as many ran at once as may");
    permits_are_whole(&kv, n).await;
}

/// Whether as many more entries run at once as may, with keys from `n` on.
async fn permits_are_whole(kv: &Kv<usize, usize>, n: usize) {
    let mut held: Vec<_> = (0..=LIMIT).map(|extra| hold(kv, n + extra)).collect();
    let mut one_more = held.pop().expect("one more than the limit");
    let mut all = Vec::new();
    for held in held {
        all.push(held.await.expect("every permit came back"));
    }
    assert!(one_more.try_recv().is_err(), "there is one permit more than before");
}

/// Occupies a permit, as soon as it gets one.
fn hold(kv: &Kv<usize, usize>, key: usize) -> oneshot::Receiver<External<usize>> {
    let (sender, receiver) = oneshot::channel();
    kv.put_external(key, |external| drop(sender.send(external)));
    receiver
}
