//! Stalls, releases, trickles: what takes time, or takes for ever.

use std::time::{Duration, Instant};

use codap_fault::{At, Latency, On, Reply, Script, Stall};

use crate::peer::{Peer, always, get, serve};

#[test]
fn a_stall_holds_what_follows_until_it_is_released() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
                Content-Length: 10\r\nConnection: close\r\n\r\n";
    for (at, before) in [
        (At::Head, ""),
        (At::Wire(9), "HTTP/1.1 "),
        (At::Body(0), head),
        (At::Body(4), &format!("{head}0123")),
        (At::End, &format!("{head}0123456789")),
    ] {
        let server = always(Reply::ok("0123456789").close().stall(Stall::at(at)));
        let mut peer = Peer::new(&server);
        peer.ask("/");
        let counters = server.wait_for_blocking(|c| c.stalled == 1).unwrap();
        assert_eq!(counters.complete, u64::from(at == At::End));
        let whole = format!("{head}0123456789");
        assert_eq!(peer.bytes(before.len()), before.as_bytes(), "{at:?}");
        assert!(peer.nothing(), "{at:?}");
        server.release();
        assert_eq!(peer.rest().0, whole.as_bytes()[before.len()..], "{at:?}");
        assert_eq!(server.counters().stalled, 0);
    }
}

#[test]
fn a_release_is_for_the_stalls_of_now() {
    let server = always(Reply::ok("x").stall(Stall::at(At::Head)));
    server.release();
    let mut peers = [Peer::new(&server), Peer::new(&server), Peer::new(&server)];
    for round in 1..=2 {
        peers.iter_mut().for_each(|peer| peer.ask("/"));
        server.wait_for_blocking(|c| c.stalled == 3).unwrap();
        server.release();
        assert!(peers.iter_mut().all(|peer| peer.reply().text() == "x"), "{round}");
    }
}

#[test]
fn stalls_of_one_reply_follow_each_other() {
    let places = [At::Body(3), At::Wire(9), At::Body(2), At::Head];
    let reply = places.into_iter().fold(Reply::ok("0123"), |r, at| r.stall(Stall::at(at)));
    let server = always(reply);
    let mut peer = Peer::new(&server);
    peer.ask("/");
    server.wait_for_blocking(|c| c.stalled == 1).unwrap();
    assert!(peer.nothing());
    for brings in ["HTTP/1.1 ", "200 OK\r\n", "2", "3"] {
        server.release();
        if brings.ends_with('\n') {
            assert!(peer.head().starts_with(brings));
            assert_eq!(peer.bytes(2), b"01");
        } else {
            assert_eq!(peer.bytes(brings.len()), brings.as_bytes());
        }
        if brings != "3" {
            server.wait_for_blocking(|c| c.stalled == 1).unwrap();
            assert!(peer.nothing());
        }
    }
}

#[test]
fn a_stall_for_a_time_ends_by_itself() {
    let time = Duration::from_millis(50);
    let server = always(Reply::ok("0123").stall(Stall::at(At::Body(2)).last(time)));
    let begun = Instant::now();
    assert_eq!(get(&server, "/").text(), "0123");
    assert!(begun.elapsed() >= time);
}

#[test]
fn a_peer_that_leaves_a_stall_is_noticed() {
    for at in [At::Head, At::Body(1)] {
        let server = always(Reply::ok("0123").stall(Stall::at(at)));
        let mut peer = Peer::new(&server);
        peer.ask("/");
        server.wait_for_blocking(|c| c.stalled == 1).unwrap();
        drop(peer);
        let counters = server.wait_for_blocking(|c| c.open == 0).unwrap();
        assert_eq!((counters.abandoned, counters.stalled, counters.concurrent), (1, 0, 0));
    }
}

#[test]
fn silence_is_for_ever() {
    let server = always(Reply::silence());
    let mut peer = Peer::new(&server);
    peer.ask("/");
    server.wait_for_blocking(|c| c.stalled == 1).unwrap();
    assert!(peer.nothing());
    assert_eq!(server.counters().bytes_sent, 0);
}

#[test]
fn what_is_sent_during_a_stall_is_answered_after_it() {
    let script = Script::new()
        .rule(On::path("/1"), Reply::ok("1").stall(Stall::at(At::Head)))
        .rule(On::any(), Reply::ok("2"));
    let server = serve(script);
    let mut peer = Peer::new(&server);
    peer.ask("/1");
    server.wait_for_blocking(|c| c.stalled == 1).unwrap();
    peer.ask("/2");
    server.release();
    assert_eq!((peer.reply().text(), peer.reply().text()), ("1", "2"));
}

#[test]
fn a_peer_that_leaves_after_sending_much_is_noticed() {
    let server = always(Reply::silence());
    let mut peer = Peer::new(&server);
    peer.ask("/");
    server.wait_for_blocking(|c| c.stalled == 1).unwrap();
    // More than the server reads ahead; with much more the close itself would be stuck.
    peer.send(vec![b'x'; 80_000]);
    drop(peer);
    server.wait_for_blocking(|c| c.open == 0 && c.abandoned == 1).unwrap();
}

#[test]
fn a_trickle_takes_its_time() {
    let every = Duration::from_millis(5);
    let server = always(Reply::ok("0123456789").trickle(2, every));
    let begun = Instant::now();
    assert_eq!(get(&server, "/").text(), "0123456789");
    assert!(begun.elapsed() >= every * 4, "{:?}", begun.elapsed());

    let server = always(Reply::ok("0123456789").trickle_all(10, every));
    let begun = Instant::now();
    let got = get(&server, "/");
    assert_eq!(got.text(), "0123456789");
    let pieces = (got.head.len() as u32 + 10) / 10;
    assert!(begun.elapsed() >= every * (pieces - 1), "{:?}", begun.elapsed());
}

#[test]
fn a_trickle_can_be_cut_and_stalled() {
    let every = Duration::from_millis(1);
    let reply = Reply::ok("0123456789").trickle(4, every).stall(Stall::at(At::Body(3))).cut(9);
    let server = always(reply);
    let mut peer = Peer::new(&server);
    peer.ask("/");
    peer.head();
    server.wait_for_blocking(|c| c.stalled == 1).unwrap();
    assert_eq!(peer.bytes(3), b"012");
    assert!(peer.nothing());
    server.release();
    assert_eq!(peer.rest().0, b"345678");
}

#[test]
fn a_latency_comes_before_the_first_byte() {
    let (short, long) = (Duration::from_millis(1), Duration::from_millis(40));
    let script = Script::new()
        .latency(Latency::Uniform { min: long, max: long * 2 })
        .rule(On::path("/own"), Reply::ok("x").latency(short))
        .rule(On::any(), Reply::ok("x"));
    let server = serve(script);
    let begun = Instant::now();
    get(&server, "/");
    assert!(begun.elapsed() >= long);
    let begun = Instant::now();
    get(&server, "/own");
    assert!(begun.elapsed() < long, "{:?}", begun.elapsed());
    assert_eq!(server.counters().stalled, 0);
}
