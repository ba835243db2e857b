//! Bad peers by the thousand, drawn from a seed: whatever comes as a document is the document.

use std::fmt;
use std::time::Duration;

use codap_fault::{At, Body, Coding, Framing, How, On, Ranges, Raw, Reply, Script, Stall};
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use super::case::Source;
use crate::canary;
use crate::conformance::{By, Got, check_error, uri};

const CASES: u64 = 2_000;
const TIMEOUT: Duration = Duration::from_millis(500);
const LATE: Duration = Duration::from_secs(20);

/// A peer, and what it says its document is.
struct Peer {
    replies: Vec<Reply>,
    size: u64,
    seed: u64,
    /// It may tell a smaller length, or none: what comes may be the start of it.
    may_be_short: bool,
    /// All that it sends, if it is no proper reply. Where its head ends is then anybody's guess.
    raw: Option<Vec<u8>>,
}

impl Peer {
    /// Whether this is what the peer says that it has.
    fn has(&self, got: &Got) -> bool {
        let bytes = codap_fault::generated(self.seed, 0..self.size);
        got.bytes == bytes
            || self.may_be_short && bytes.starts_with(&got.bytes)
            || !got.is_length_verified
                && self.raw.as_ref().is_some_and(|raw| raw.ends_with(&got.bytes))
    }
}

struct Draw(fastrand::Rng);

impl Draw {
    fn one_in(&mut self, n: u64) -> bool {
        self.0.u64(0..n) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.0.usize(0..all.len())].clone()
    }

    fn place(&mut self, size: u64) -> u64 {
        self.0.u64(0..=size)
    }

    fn peer(&mut self, seed: u64) -> Peer {
        let size = self.of(&[0, 1, 10, 1000, 8192, 20_000, 70_000]);
        let bytes = codap_fault::generated(seed, 0..size);
        let sha = base64(&Sha256::digest(&bytes));
        if self.one_in(5) {
            let raw = self.mutated(&bytes, &sha);
            let replies = vec![Reply::raw(Raw::new().bytes(raw.clone()))];
            return Peer { replies, size, seed, may_be_short: true, raw: Some(raw) };
        }
        let coding = if self.one_in(3) {
            Some(self.of(&[Coding::Gzip, Coding::Br, Coding::Zstd]))
        } else {
            None
        };
        let etag = self.of(&[None, Some("\"a\""), Some("\"a\""), Some("W/\"a\"")]);
        let mut may_be_short = false;
        // The first reply, and those to the requests that go on.
        let replies = (0..3)
            .map(|_| {
                let mut reply = Reply::ok(Body::Generated { size, seed });
                if let Some(coding) = coding {
                    reply = reply.coding(coding);
                }
                if let Some(etag) = etag {
                    reply = reply.etag(etag).ranges(self.ranges());
                }
                let (framing, short) = self.framing(size, coding);
                may_be_short |= short;
                reply = reply.framing(framing);
                // What spoils a byte is only to be found where there is a hash.
                if coding == Some(Coding::Gzip) && self.one_in(4) {
                    reply = reply.corrupt(-(self.place(7) as i64) - 1);
                }
                if coding.is_none() && self.one_in(3) {
                    reply = reply.header("Repr-Digest", format!("sha-256=:{sha}:"));
                    if size > 0 && self.one_in(2) && etag.is_none() {
                        reply = reply.corrupt(self.0.i64(0..size as i64));
                    }
                }
                self.broken(reply, size)
            })
            .collect();
        Peer { replies, size, seed, may_be_short, raw: None }
    }

    fn ranges(&mut self) -> Ranges {
        let by = self.of(&[-1, 1, 5]);
        self.of(&[
            Ranges::Ignore,
            Ranges::Serve,
            Ranges::Serve,
            Ranges::Moved(by),
            Ranges::Mislabelled(by),
            Ranges::Short(1),
            Ranges::Clipped(1),
            Ranges::WrongTotal(by),
            Ranges::Unlabelled,
            Ranges::Multipart,
            Ranges::Refuse,
        ])
    }

    fn framing(&mut self, size: u64, coding: Option<Coding>) -> (Framing, bool) {
        match self.0.u32(0..8) {
            0 => (Framing::Bare, coding.is_none()),
            1 => (Framing::Chunked, false),
            2 => {
                let (extension, trailers) = (String::new(), Vec::new());
                let (size, open) = (self.of(&[1, 7, 4096]), self.one_in(2));
                (Framing::Chunks { size, extension, trailers, open }, false)
            }
            3 => {
                // Where no bytes are promised there is nothing to unpack.
                let claim = self.place(size * 2);
                (Framing::Claim(claim), coding.is_none() || claim == 0)
            }
            _ => (Framing::Length, false),
        }
    }

    fn broken(&mut self, reply: Reply, size: u64) -> Reply {
        let at = self.of(&[At::Head, At::Anywhere, At::End, At::Body(0)]);
        let at = if self.one_in(2) { At::Body(self.place(size)) } else { at };
        match self.0.u32(0..12) {
            0..=3 => reply.cut_with(at, How::Fin),
            4 | 5 => reply.cut_with(at, How::Rst),
            6 if self.one_in(5) => reply.stall(Stall::at(at)),
            7 => reply.stall(Stall::at(at).last(Duration::from_millis(5))),
            8 => reply.trickle(self.of(&[1000, 9999]), Duration::from_millis(1)),
            _ => reply,
        }
    }

    /// A proper reply with a few bytes of its head changed.
    fn mutated(&mut self, bytes: &[u8], sha: &str) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: \"a\"\r\nRepr-Digest: sha-256=:{sha}:\r\n\
             Content-Type: text/plain\r\n\r\n",
            bytes.len()
        );
        let mut head = head.into_bytes();
        for _ in 0..self.0.u32(1..4) {
            let at = self.0.usize(0..head.len());
            match self.0.u32(0..4) {
                0 => head[at] = self.0.u8(..),
                1 => drop(head.remove(at)),
                2 => head.insert(at, self.0.u8(..)),
                _ => head[at] = self.of(b"\r\n:; ,09-+\0"),
            }
        }
        head.extend_from_slice(bytes);
        head
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Counts of how the fetches ended: a run in which nothing succeeds, or nothing fails, tests little.
#[derive(Default)]
struct Ends {
    whole: u32,
    start: u32,
    refused: u32,
    timed_out: u32,
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whole, start, refused, timed_out } = self;
        write!(f, "{whole} whole, {start} start, {refused} refused, {timed_out} timed out")
    }
}

pub(crate) async fn run(source: Source, by: By) {
    canary::watch();
    let seed = std::env::var("CODAP_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(1);
    println!("CODAP_SEED={seed}");
    let mut draw = Draw(fastrand::Rng::with_seed(seed));
    let peers: Vec<Peer> = (0..CASES).map(|n| draw.peer(seed * CASES + n)).collect();
    let mut ends = Ends::default();
    for peers in peers.chunks(100) {
        some((source, by), seed, peers, &mut ends).await;
    }
    println!("{ends}");
    let few = CASES as u32 / 20;
    assert!(ends.whole > few && ends.refused > few && ends.timed_out > 0, "{ends}");
    canary::check_logs();
}

/// Fetches from each of `peers`, which are few: a server looks through all its rules each time.
async fn some((source, by): (Source, By), seed: u64, peers: &[Peer], ends: &mut Ends) {
    let mut script = Script::new().seed(seed);
    for peer in peers {
        for (nth, reply) in (1u64..).zip(&peer.replies) {
            script = script.rule(On::path(format!("/case/{}", peer.seed)).nth(nth), reply.clone());
        }
    }
    let server = script.start().await.unwrap();
    let sources = source.builder(&server).timeout(TIMEOUT).build().unwrap();
    let fetches = peers.iter().map(|peer| {
        let (sources, text) = (sources.clone(), source.uri(&server, &peer.seed.to_string()));
        let case = peer.seed;
        async move {
            let fetch = tokio::spawn(by.get(sources, uri(&text)));
            let reply = tokio::time::timeout(TIMEOUT + LATE, fetch).await;
            let reply = reply.unwrap_or_else(|_| panic!("case {case} of seed {seed} hangs"));
            let reply = reply.unwrap_or_else(|panic| panic!("case {case} of seed {seed}: {panic}"));
            (peer, text, reply)
        }
    });
    let mut replies = stream::iter(fetches).buffer_unordered(16);
    while let Some((peer, text, reply)) = replies.next().await {
        match reply {
            Ok(got) => {
                let (case, size) = (peer.seed, got.bytes.len() as u64);
                assert!(
                    peer.has(&got),
                    "case {case} of seed {seed}: {size} bytes, not the document"
                );
                let is_whole = size == peer.size;
                *(if is_whole { &mut ends.whole } else { &mut ends.start }) += 1;
            }
            Err(error) => {
                check_error(&error, &text);
                *(if error.is_timeout() { &mut ends.timed_out } else { &mut ends.refused }) += 1;
            }
        }
    }
}
