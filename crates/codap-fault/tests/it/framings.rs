//! How a body tells where it ends, and which connections go on.

use codap_fault::{Body, Framing, Reply};

use crate::peer::{Ending, Peer, always, get};

#[test]
fn a_length_too_long_leaves_the_peer_waiting() {
    let server = always(Reply::ok("12345").framing(Framing::Claim(100)));
    let mut peer = Peer::new(&server);
    peer.ask("/");
    assert!(peer.head().contains("Content-Length: 100\r\n"));
    assert_eq!(peer.bytes(5), b"12345");
    server.wait_for_blocking(|c| c.complete == 1).unwrap();
    assert!(peer.nothing());
}

#[test]
fn a_length_too_short_leaves_bytes_over() {
    let server = always(Reply::ok("12345").framing(Framing::Claim(3)).close());
    let mut peer = Peer::new(&server);
    assert_eq!(peer.get("/").text(), "123");
    assert_eq!(peer.rest(), (b"45".to_vec(), Ending::Closed));
}

#[test]
fn a_bare_body_ends_with_its_connection() {
    let server = always(Reply::ok("12345").framing(Framing::Bare));
    let mut peer = Peer::new(&server);
    peer.ask("/");
    let head = peer.head();
    assert!(!head.contains("Content-Length") && head.contains("Connection: close"), "{head}");
    assert_eq!(peer.rest(), (b"12345".to_vec(), Ending::Closed));
}

#[test]
fn chunks_are_as_the_script_has_them() {
    let trailers = vec![("Digest".into(), "x".into())];
    let chunks = |open| Framing::Chunks {
        size: 3,
        extension: ";a=b".into(),
        trailers: trailers.clone(),
        open,
    };
    let whole = always(Reply::ok("1234567").framing(chunks(false)).close());
    let mut peer = Peer::new(&whole);
    peer.ask("/");
    assert!(peer.head().contains("Transfer-Encoding: chunked\r\n"));
    let body = "3;a=b\r\n123\r\n3;a=b\r\n456\r\n1;a=b\r\n7\r\n0\r\nDigest: x\r\n\r\n";
    assert_eq!(peer.rest(), (body.into(), Ending::Closed));

    let open = always(Reply::ok("123").framing(chunks(true)).close());
    let mut peer = Peer::new(&open);
    peer.ask("/");
    peer.head();
    assert_eq!(peer.rest(), (b"3;a=b\r\n123\r\n".to_vec(), Ending::Closed));
}

#[test]
fn large_chunked_bodies_arrive_whole() {
    let body = Body::Generated { size: 300_001, seed: 1 };
    for framing in [
        Framing::Chunked,
        Framing::Chunks { size: 70_000, extension: String::new(), trailers: vec![], open: false },
    ] {
        let server = always(Reply::ok(body.clone()).framing(framing));
        assert_eq!(get(&server, "/").body, codap_fault::generated(1, 0..300_001));
    }
}

#[test]
fn headers_are_sent_as_they_stand() {
    let reply = Reply::ok("12345")
        .header("content-length", "4")
        .header("Content-Length", "5")
        .header("Bad Name", "a\u{1}b")
        .header("", "no name")
        .header("content-type", "image/png");
    let server = always(reply);
    assert_eq!(
        get(&server, "/").head,
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nContent-Length: 5\r\nBad Name: a\u{1}b\r\n\
         : no name\r\ncontent-type: image/png\r\n\r\n"
    );
}

#[test]
fn some_replies_have_no_body() {
    let server = always(Reply::ok("12345"));
    let mut peer = Peer::new(&server);
    peer.send("HEAD / HTTP/1.1\r\n\r\n");
    assert!(peer.head().contains("Content-Length: 5\r\n"));
    assert_eq!(peer.get("/").text(), "12345", "the next reply starts where the head ended");
    for status in [204, 304] {
        let server = always(Reply::status(status).body("12345"));
        let mut peer = Peer::new(&server);
        for _ in 0..2 {
            peer.ask("/");
            let head = peer.head();
            assert!(!head.contains("Content-Length"), "{head}");
        }
    }
}

#[test]
fn a_connection_goes_on_unless_one_side_says_no() {
    let kept = always(Reply::ok("x"));
    let mut peer = Peer::new(&kept);
    for _ in 0..3 {
        assert_eq!(peer.get("/").header("connection"), None);
    }
    let got = peer.get_with("/", "Connection: close\r\n");
    assert_eq!(got.header("connection"), Some("close"));
    assert_eq!(peer.rest(), (vec![], Ending::Closed));

    let mut old = Peer::new(&kept);
    old.send("GET / HTTP/1.0\r\n\r\n");
    assert!(old.head().contains("Connection: close\r\n"));
    assert_eq!(old.rest(), (b"x".to_vec(), Ending::Closed));
    let mut old = Peer::new(&kept);
    for _ in 0..2 {
        old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(old.reply().text(), "x");
    }

    let closing = always(Reply::ok("x").close());
    let mut closed = Peer::new(&closing);
    assert_eq!(closed.get("/").header("connection"), Some("close"));
    assert_eq!(closed.rest(), (vec![], Ending::Closed));
}

#[test]
fn the_body_of_a_request_is_read_away() {
    let server = always(Reply::ok(Body::Echo));
    let mut peer = Peer::new(&server);
    peer.send("POST /1 HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345GET /2 HTTP/1.1\r\n\r\n");
    assert_eq!((peer.reply().text(), peer.reply().text()), ("/1", "/2"));
    peer.send(
        "PUT /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10;x\r\n0123456789abcdef\r\n\
         0\r\nTrailer: x\r\n\r\nGET /4 HTTP/1.1\r\n\r\n",
    );
    assert_eq!((peer.reply().text(), peer.reply().text()), ("/3", "/4"));
    assert_eq!(server.counters().bytes_received, 5 + 3 + 16);

    peer.send("PUT /5 HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(peer.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("ab");
    assert_eq!(peer.reply().text(), "/5");
}
