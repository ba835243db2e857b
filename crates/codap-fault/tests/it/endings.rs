//! Connections that end before their reply does, or before anything was asked.

use codap_fault::{At, Body, Framing, Greeting, How, On, Raw, Reply, Script};

use crate::peer::{Ending, Peer, always, get, serve};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\
                    Content-Length: 10\r\n\r\n";

/// All that a connection brings after one request, and how it ends.
fn everything(reply: Reply) -> (Vec<u8>, Ending) {
    let server = always(reply);
    let mut peer = Peer::new(&server);
    peer.ask("/");
    let rest = peer.rest();
    let counters = server.wait_for_blocking(|c| c.open == 0).unwrap();
    assert_eq!((counters.complete, counters.cut), (0, 1), "{counters:?}");
    assert_eq!(counters.bytes_sent, rest.0.len() as u64);
    rest
}

#[test]
fn a_body_is_cut_at_any_byte() {
    let whole = [HEAD.as_bytes(), b"0123456789"].concat();
    for how in [How::Fin, How::Rst] {
        let ending = if how == How::Fin { Ending::Closed } else { Ending::Reset };
        for bytes in 0..=10 {
            let reply = Reply::ok(b"0123456789".as_slice()).cut_with(At::Body(bytes), how);
            let length = HEAD.len() + bytes as usize;
            assert_eq!(everything(reply), (whole[..length].to_vec(), ending), "{bytes} {how:?}");
        }
    }
}

#[test]
fn a_cut_in_the_wire_counts_heads_and_chunk_sizes() {
    let chunks =
        Framing::Chunks { size: 4, extension: String::new(), trailers: vec![], open: false };
    let reply = Reply::ok(b"0123456789".as_slice()).framing(chunks);
    let server = always(reply.clone().close());
    let mut peer = Peer::new(&server);
    peer.ask("/");
    // `close` adds a header that a cut reply lacks.
    let whole = String::from_utf8(peer.rest().0).unwrap().replace("Connection: close\r\n", "");
    assert!(whole.ends_with("\r\n\r\n4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n"), "{whole}");
    for bytes in 0..whole.len() {
        let reply = reply.clone().cut_with(At::Wire(bytes as u64), How::Fin);
        assert_eq!(everything(reply), (whole[..bytes].into(), Ending::Closed), "{bytes}");
    }
}

#[test]
fn a_cut_in_a_chunk_counts_bytes_of_the_body_alone() {
    let reply = Reply::ok(b"0123456789".as_slice()).framing(Framing::Chunked).cut(3);
    let (bytes, _) = everything(reply);
    assert!(bytes.ends_with(b"\r\n\r\na\r\n012"), "{}", String::from_utf8_lossy(&bytes));
}

#[test]
fn a_cut_at_the_end_comes_after_a_complete_reply() {
    for how in [How::Fin, How::Rst] {
        let server = always(Reply::ok("12345").cut_with(At::End, how));
        let mut peer = Peer::new(&server);
        let got = peer.get("/");
        assert_eq!((got.text(), got.header("connection")), ("12345", None));
        let ending = if how == How::Fin { Ending::Closed } else { Ending::Reset };
        assert_eq!(peer.rest(), (vec![], ending));
        assert_eq!(server.counters().complete, 1);
    }
}

#[test]
fn a_cut_beyond_the_end_is_none() {
    let server = always(Reply::ok("12345").cut(6));
    let mut peer = Peer::new(&server);
    assert_eq!((peer.get("/").text(), peer.get("/").text()), ("12345", "12345"));
    assert_eq!(server.counters().cut, 0);
}

#[test]
fn a_cut_anywhere_falls_on_every_byte_and_repeats() {
    let reply = Reply::ok("0123456789").cut_with(At::Anywhere, How::Fin);
    let script = |seed| Script::new().seed(seed).rule(On::any(), reply.clone());
    let lengths = |script| {
        let server = serve(script);
        let one = |n: u64| {
            let mut peer = Peer::new(&server);
            peer.ask(&format!("/{n}"));
            peer.head();
            peer.rest().0.len()
        };
        (0..200).map(one).collect::<Vec<_>>()
    };
    let first = lengths(script(1));
    assert!((0..10).all(|length| first.contains(&length)), "{first:?}");
    assert!(first.iter().all(|length| *length < 10));
    assert_eq!(lengths(script(1)), first);
    assert_ne!(lengths(script(2)), first);
}

#[test]
fn a_large_body_is_cut_where_it_should_be() {
    let cut = 3 * 65_536 + 17;
    let reply = Reply::ok(Body::Generated { size: 1 << 40, seed: 5 }).cut(cut);
    let server = always(reply);
    let mut peer = Peer::new(&server);
    peer.ask("/");
    assert!(peer.head().contains("Content-Length: 1099511627776\r\n"));
    assert_eq!(peer.rest(), (codap_fault::generated(5, 0..cut), Ending::Closed));
}

#[test]
fn no_reply_at_all() {
    assert_eq!(everything(Reply::reset()), (vec![], Ending::Reset));
    assert_eq!(everything(Reply::hang_up()), (vec![], Ending::Closed));
}

#[test]
fn a_reused_connection_is_reset() {
    let script = Script::new()
        .rule(On::any().on_connection(2..), Reply::reset())
        .rule(On::any(), Reply::ok("x"));
    let server = serve(script);
    let mut peer = Peer::new(&server);
    assert_eq!(peer.get("/").text(), "x");
    peer.ask("/");
    assert_eq!(peer.rest(), (vec![], Ending::Reset));
    assert_eq!(get(&server, "/").text(), "x");
    assert_eq!(server.counters().reused, 1);
}

#[test]
fn connections_get_their_greetings() {
    let script = Script::new()
        .greet(1, Greeting::Reset)
        .greet(2, Greeting::HangUp)
        .greet(3, Greeting::Say(Raw::from("220 smtp\r\n")))
        .greet(4..=5, Greeting::Silence)
        .rule(On::any(), Reply::ok("x"));
    let server = serve(script);
    assert_eq!(Peer::new(&server).rest(), (vec![], Ending::Reset));
    assert_eq!(Peer::new(&server).rest(), (vec![], Ending::Closed));
    assert_eq!(Peer::new(&server).rest(), (b"220 smtp\r\n".to_vec(), Ending::Closed));
    let mut silent = [Peer::new(&server), Peer::new(&server)];
    silent.iter_mut().for_each(|peer| peer.ask("/"));
    assert_eq!(get(&server, "/").text(), "x");
    assert!(silent.iter_mut().all(Peer::nothing));
    let counters = server.counters();
    assert_eq!((counters.connections, counters.requests), (6, 1));
    drop(silent);
    server.wait_for_blocking(|c| c.open == 0).unwrap();
}
