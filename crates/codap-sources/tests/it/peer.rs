//! A peer that answers as it is told, byte by byte: what a broken or hostile server may send.

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use codap_sources::{Document, Error, Sources, Uri};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The time that a fetch from a bad peer is given.
pub(crate) const DEADLINE: Duration = Duration::from_millis(400);
/// How much later than that it may come back on a machine that is busy with other tests.
pub(crate) const MARGIN: Duration = Duration::from_secs(4);

/// Serves every connection on a port of its own until it is dropped.
pub(crate) struct Peer {
    pub(crate) port: u16,
    serving: JoinHandle<()>,
}

impl Peer {
    /// `talk` gets each connection, and its number.
    pub(crate) async fn serve<F, T>(talk: F) -> Self
    where
        F: Fn(TcpStream, usize) -> T + Send + Sync + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let serving = tokio::spawn(async move {
            // Its tasks end with it.
            let mut talks = JoinSet::new();
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                talks.spawn(talk(stream, number));
                while talks.try_join_next().is_some() {}
            }
        });
        Self { port, serving }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What a peer does after its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Goes on as if all were well.
    GoOn,
    Close,
    Reset,
    /// Says nothing more and keeps the connection.
    Stall,
}

/// Sends `bytes`, then does as `end` says; whether to go on.
pub(crate) async fn send(stream: &mut TcpStream, bytes: &[u8], end: End) -> bool {
    if stream.write_all(bytes).await.is_err() {
        return false;
    }
    match end {
        End::GoOn => true,
        End::Close => false,
        End::Reset => {
            let _ = stream.set_zero_linger();
            false
        }
        End::Stall => std::future::pending().await,
    }
}

/// Fetches within the deadline, and fails if that took much longer or panicked anywhere.
pub(crate) async fn fetch(sources: &Sources, uri: &str, case: &str) -> Result<Document, Error> {
    let uri: Uri = uri.parse().expect("the test's URI is one");
    let began = Instant::now();
    let fetched = tokio::spawn(sources.fetch(&uri)).await;
    let fetched = fetched.unwrap_or_else(|_| panic!("{case}: the fetch panicked"));
    let took = began.elapsed();
    assert!(took < DEADLINE + MARGIN, "{case}: came back after {took:?}");
    if let Err(error) = &fetched {
        let told = format!("{error} {error:?}");
        assert!(!told.contains('\n'), "{case}: the error has lines: {told}");
        assert!(!told.contains("CANARY7x"), "{case}: the error tells a secret: {told}");
    }
    fetched
}

/// How many panics there were in this process outside of tests, also in tasks that nobody waits for.
fn panics() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let of_a_test = info.location().is_some_and(|it| it.file().contains("/tests/"));
            COUNT.fetch_add(usize::from(!of_a_test), Ordering::SeqCst);
            before(info);
        }));
    });
    COUNT.load(Ordering::SeqCst)
}

/// Runs `one` for every number below `count`, `at_once` at a time. Nothing may panic meanwhile.
pub(crate) async fn for_each<T>(
    count: usize,
    at_once: usize,
    one: impl Fn(usize) -> T + Send + Sync + 'static,
) where
    T: Future<Output = ()> + Send + 'static,
{
    let before = panics();
    let (one, next) = (Arc::new(one), Arc::new(AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..at_once {
        let (one, next) = (one.clone(), next.clone());
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                one(number).await;
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        if let Err(error) = ended {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    assert_eq!(panics(), before, "something panicked");
}

/// Fetches from peers that were drawn, each from a seed; `check` gets what one of them passes
/// off as a document.
pub(crate) async fn generated<T>(
    serve: impl Fn(usize) -> T + Copy + Send + Sync + 'static,
    uri: impl Fn(u16) -> String + Copy + Send + Sync + 'static,
    check: impl Fn(&str, &Document) + Copy + Send + Sync + 'static,
) where
    T: Future<Output = Peer> + Send + 'static,
{
    let count = std::env::var("CODAP_SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(2_000);
    for_each(count, 48, move |seed| async move {
        let peer = serve(seed).await;
        let name = format!("CODAP_SEED {seed}");
        if let Ok(document) = fetch(&sources(), &uri(peer.port), &name).await {
            check(&name, &document);
        }
    })
    .await;
}

/// What a storm asks for, by the number of the fetch.
pub(crate) type Asked = fn(&str, usize) -> Uri;

/// Fetches so many documents of the server at `address`, so many at a time, half of which are given
/// up: after some polls, or within `patience`. The others get what they asked for.
pub(crate) async fn storm(
    address: String,
    (fetches, at_once): (usize, usize),
    patience: Duration,
    asked: Asked,
    check: fn(usize, &Document),
) {
    let (sources, whole) = (Sources::new(), Arc::new(AtomicUsize::new(0)));
    let counter = whole.clone();
    for_each(fetches, at_once, move |number| {
        let mut draw = Draw::new(number);
        let fetch = sources.fetch(&asked(&address, number));
        let whole = counter.clone();
        async move {
            let document: Option<Result<Document, Error>> = match number % 4 {
                0 => polled(fetch, draw.below(8)).await,
                1 => {
                    let most = usize::try_from(patience.as_micros()).expect("a short time");
                    let patience = Duration::from_micros(draw.below(most) as u64);
                    tokio::time::timeout(patience, fetch).await.ok()
                }
                _ => Some(fetch.await),
            };
            if let Some(document) = document {
                check(number, &document.unwrap_or_else(|error| panic!("fetch {number}: {error}")));
                whole.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
    let whole = whole.load(Ordering::Relaxed);
    assert!((fetches / 2..=fetches * 9 / 10).contains(&whole), "{whole} of {fetches} were whole");
}

/// What `future` yields within so many polls.
pub(crate) async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let (mut future, mut left) = (Box::pin(future), polls);
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: usize) -> Self {
        Self(seed as u64)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit.max(1) as u64).expect("below a usize")
    }

    /// `good`, damaged in one to three places, and what the peer does then.
    pub(crate) fn damage(&mut self, good: &[u8]) -> (Vec<u8>, End) {
        let mut bytes = good.to_vec();
        let mut end = [End::GoOn, End::Close, End::Reset, End::Stall][self.below(4)];
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                break;
            }
            let at = self.below(bytes.len());
            let until = (at + 1 + self.below(12)).min(bytes.len());
            match self.below(7) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = u8::try_from(self.below(256)).expect("a byte"),
                2 => bytes[at] = [0, 0xff, 0x7f, 0x80, b'-', b'9'][self.below(6)],
                3 => drop(bytes.drain(at..until)),
                4 => {
                    let again = bytes[at..until].to_vec();
                    bytes.splice(at..at, again);
                }
                5 => {
                    let noise = (0..=self.below(9)).map(|_| 0x5a ^ at as u8);
                    bytes.splice(at..at, noise.collect::<Vec<_>>());
                }
                _ => {
                    bytes.truncate(at);
                    end = [End::Close, End::Reset, End::Stall][self.below(3)];
                }
            }
        }
        (bytes, end)
    }
}

/// What a peer sends for one request, and what it does then.
pub(crate) type Reply = (Vec<u8>, End);

/// Sources for bad peers.
pub(crate) fn sources() -> Sources {
    Sources::builder().timeout(DEADLINE).max_size(1 << 20).build().expect("no header is wrong")
}
