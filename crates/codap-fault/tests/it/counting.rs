//! The counters are the judge: exact, never late, and there to be waited for.

use std::net::TcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use codap_fault::{At, Body, Framing, On, Reply, Script, Stall};

use crate::peer::{PATIENCE, Peer, always, get, serve};

#[test]
fn what_a_peer_knows_is_counted() {
    let server = always(Reply::ok("12345"));
    let mut peer = Peer::new(&server);
    let mut bytes = 0;
    for n in 1..=500 {
        let got = peer.get("/");
        bytes += (got.head.len() + got.body.len()) as u64;
        let counters = server.counters();
        assert_eq!((counters.requests, counters.complete, counters.concurrent), (n, n, 0));
        assert_eq!(counters.bytes_sent, bytes);
    }
    assert_eq!((server.counters().reused, server.counters().open), (499, 1));
    drop(peer);
    server.wait_for_blocking(|c| c.open == 0).unwrap();
}

#[test]
fn a_reply_ends_with_its_last_byte_however_it_was_written() {
    let head = get(&always(Reply::ok(vec![0; 65_000])), "/").head.len();
    for reply in [
        // Exactly what is written at a time.
        Reply::ok(vec![0; 65_536 - head]),
        Reply::ok("0123456789").trickle(5, PATIENCE / 1000),
        Reply::ok("0123456789").framing(Framing::Bare),
        Reply::status(204),
    ] {
        let server = always(reply);
        let mut peer = Peer::new(&server);
        for n in 1..=20 {
            if n > 1 && server.counters().open == 0 {
                peer = Peer::new(&server);
            }
            peer.ask("/");
            let head = peer.head();
            match head.lines().find_map(|line| line.strip_prefix("Content-Length: ")) {
                Some(length) => drop(peer.bytes(length.parse().unwrap())),
                None if head.starts_with("HTTP/1.1 204") => {}
                None => drop(peer.rest()),
            }
            let counters = server.counters();
            assert_eq!((counters.complete, counters.concurrent), (n, 0), "{head}");
        }
    }
}

#[test]
fn a_reply_ends_when_nothing_of_it_is_left_to_be_written() {
    for reply in [Reply::raw(""), Reply::ok("0123").close().stall(Stall::at(At::Body(4)))] {
        let stalls = reply.clone() != Reply::raw("");
        let server = always(reply);
        let mut peer = Peer::new(&server);
        peer.ask("/");
        if stalls {
            let counters = server.wait_for_blocking(|c| c.stalled == 1).unwrap();
            assert_eq!((counters.complete, counters.concurrent), (0, 1));
            server.release();
        }
        peer.rest();
        let counters = server.counters();
        assert_eq!((counters.complete, counters.concurrent), (1, 0));
    }
}

#[test]
fn bytes_are_counted_as_the_system_takes_them() {
    const SIZE: usize = 20_000_000;
    let server = always(Reply::ok(Body::Generated { size: SIZE as u64, seed: 1 }).close());
    let mut peer = Peer::new(&server);
    peer.ask("/");
    // As much as fits between the two, and so a write in part; then all the rest.
    server.wait_for_blocking(|c| c.bytes_sent > 1_000_000).unwrap();
    let head = peer.head().len();
    assert_eq!(peer.rest().0.len(), SIZE);
    assert_eq!(server.counters().bytes_sent, (head + SIZE) as u64);
}

#[test]
fn peers_that_keep_to_a_limit_are_never_seen_above_it() {
    let server = always(Reply::ok(Body::Generated { size: 10_000, seed: 1 }));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..100 {
                    // Some on new connections, some on the old one.
                    let mut peer = Peer::new(&server);
                    (0..round % 4).for_each(|_| assert_eq!(peer.get("/").body.len(), 10_000));
                }
            });
        }
    });
    let counters = server.counters();
    assert!(counters.concurrent_max <= 4, "{counters:?}");
    assert_eq!((counters.concurrent, counters.connections), (0, 400));
}

#[test]
fn requests_at_a_time_are_counted() {
    let server = always(Reply::ok("x").stall(Stall::at(At::Head)));
    let mut peers: Vec<Peer> = (0..7).map(|_| Peer::new(&server)).collect();
    peers.iter_mut().for_each(|peer| peer.ask("/"));
    let counters = server.wait_for_blocking(|c| c.stalled == 7).unwrap();
    assert_eq!((counters.concurrent, counters.open), (7, 7));
    server.release();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.reply().text(), "x"));
    let counters = server.counters();
    assert_eq!((counters.concurrent, counters.concurrent_max, counters.open_max), (0, 7, 7));
}

#[test]
fn requests_are_counted_by_target_rule_and_nth() {
    let script =
        Script::new().rule(On::path("/a"), Reply::ok("a")).rule(On::path("/b"), Reply::ok("b"));
    let server = serve(script);
    let mut peer = Peer::new(&server);
    ["/a", "/b", "/a", "/a?x", "/c", "/a"].iter().for_each(|path| drop(peer.get(path)));
    let counters = server.counters();
    assert_eq!((counters.target("/a"), counters.target("/a?x"), counters.target("/d")), (3, 1, 0));
    assert_eq!(counters.by_rule, [4, 1]);
    assert_eq!(counters.unmatched, 1);
    assert_eq!(counters.by_nth, [4, 1, 1]);
    (0..100).for_each(|_| drop(peer.get("/b")));
    let by_nth = server.counters().by_nth;
    assert_eq!((by_nth.len(), by_nth[30], by_nth[31]), (32, 1, 70));
    assert_eq!(by_nth.iter().sum::<u64>(), server.counters().requests);
}

#[test]
fn headers_of_each_request_are_kept() {
    let server = serve(Script::new().log(3).rule(On::any(), Reply::ok("x")));
    let mut peer = Peer::new(&server);
    for n in 1..=5 {
        peer.get_with(&format!("/{n}"), "AUTHORIZATION: Bearer s3cret\r\nX: 1\r\nX: 2\r\n");
    }
    let requests = server.requests();
    let targets: Vec<_> = requests.iter().map(|r| r.target.as_str()).collect();
    assert_eq!(targets, ["/3", "/4", "/5"]);
    let last = &requests[2];
    assert_eq!(last.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(last.headers.iter().filter(|(name, _)| name == "X").count(), 2);
    assert_eq!((last.number, last.connection, last.on_connection, last.nth), (5, 1, 5, 1));
    assert_eq!((last.method.as_str(), last.rule), ("GET", Some(0)));
    assert_eq!(server.counters().requests, 5, "counters do not depend on the log");
}

#[test]
fn replies_with_the_key_of_another_are_counted() {
    let script = Script::new()
        .rule(On::any().number(3), Reply::ok(Body::WrongKey))
        .rule(On::path("/d"), Reply::ok(Body::WrongKey))
        .rule(On::any(), Reply::ok(Body::Echo));
    let server = serve(script);
    let mut peer = Peer::new(&server);
    let bodies: Vec<_> =
        ["/a", "/b", "/c", "/d", "/d"].map(|path| peer.get(path).text().to_owned()).into();
    assert_eq!(bodies, ["/a", "/b", "/b", "/c", "/d"]);
    assert_eq!(server.counters().wrong_keys, 2, "the last was right by chance");
}

#[test]
fn what_is_no_request_is_counted() {
    let server = always(Reply::ok("x"));
    let mut garbage = Peer::new(&server);
    garbage.send(b"\x16\x03\x01\0\0");
    assert_eq!(garbage.rest().0, b"");
    let mut part = Peer::new(&server);
    part.send("GET / HT");
    drop(part);
    let mut body = Peer::new(&server);
    body.send("PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\n123");
    drop(body);
    let counters = server.wait_for_blocking(|c| c.bad_requests == 3 && c.open == 0).unwrap();
    assert_eq!((counters.requests, counters.abandoned), (1, 1));
}

#[test]
fn a_wait_is_bounded_and_tells_the_counters() {
    let server = always(Reply::ok("x"));
    get(&server, "/");
    let waited = block_on(server.wait_within(Duration::from_millis(20), |c| c.requests == 2));
    let error = waited.unwrap_err().to_string();
    assert!(error.starts_with("not so within 20ms: ") && error.contains("requests: 1"), "{error}");
}

#[test]
fn a_state_is_not_missed_however_short_it_is() {
    let server = always(Reply::ok("x"));
    let mut wait = pin!(server.wait_for(|c| c.requests == 100 && c.concurrent == 1));
    let mut context = Context::from_waker(Waker::noop());
    assert!(wait.as_mut().poll(&mut context).is_pending());
    let mut peer = Peer::new(&server);
    (0..200).for_each(|_| drop(peer.get("/")));
    assert_eq!(block_on(wait).unwrap().requests, 100);
}

#[test]
fn a_condition_that_panics_fails_its_wait_alone() {
    let server = always(Reply::ok("x"));
    let bad = server.wait_for_blocking(|_| panic!("on purpose"));
    assert!(bad.unwrap_err().to_string().contains("panicked"));
    assert_eq!(get(&server, "/").text(), "x");
    assert!(server.wait_for_blocking(|c| c.complete == 1).is_ok());
}

#[test]
fn a_server_works_inside_a_paused_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let script =
            Script::new().rule(On::any(), Reply::ok("x").latency(Duration::from_millis(5)));
        let server = script.start().await.unwrap();
        // Blocks the runtime's only thread.
        assert_eq!(get(&server, "/").text(), "x");
        assert_eq!(server.wait_for(|c| c.complete == 1).await.unwrap().requests, 1);
    });
}

#[test]
fn a_drop_closes_everything() {
    let server = always(Reply::silence());
    let address = server.address();
    let mut peers: Vec<Peer> = (0..3).map(|_| Peer::new(&server)).collect();
    peers.iter_mut().for_each(|peer| peer.ask("/"));
    server.wait_for_blocking(|c| c.stalled == 3).unwrap();
    drop(server);
    peers.iter_mut().for_each(|peer| assert_eq!(peer.rest().0, b""));
    assert!(TcpStream::connect_timeout(&address, PATIENCE).is_err());
}

#[test]
fn urls_name_the_server() {
    let server = always(Reply::ok("x"));
    let port = server.address().port();
    assert_eq!(server.url("/a?b"), format!("http://127.0.0.1:{port}/a?b"));
    assert_eq!(server.url("a"), format!("http://127.0.0.1:{port}/a"));
    assert_eq!(server.url_at("localhost", "/"), format!("http://localhost:{port}/"));
}

/// Drives a future on no runtime at all.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(PATIENCE),
        }
    }
}
