//! Bytes that are no HTTP, or more of it than anybody wants.

use codap_fault::{At, Framing, How, Raw, Reply};

use crate::peer::{Ending, Peer, always};

fn everything(reply: Reply) -> (Vec<u8>, Ending) {
    let server = always(reply);
    let mut peer = Peer::new(&server);
    peer.ask("/");
    peer.rest()
}

#[test]
fn raw_bytes_are_sent_as_they_are() {
    let raw = Raw::new()
        .text("HTP/9 abc\r\n")
        .bytes([0, 255])
        .repeat("a: b\r\n", 3)
        .generated(4, 100)
        .text("!");
    let mut expected = b"HTP/9 abc\r\n\0\xffa: b\r\na: b\r\na: b\r\n".to_vec();
    expected.extend(codap_fault::generated(4, 0..100));
    expected.push(b'!');
    assert_eq!(everything(Reply::raw(raw)), (expected, Ending::Closed));
    assert_eq!(everything(Reply::raw("")), (vec![], Ending::Closed));
}

#[test]
fn what_is_raw_is_cut_like_anything_else() {
    let reply = Reply::raw("0123456789").cut_with(At::Wire(4), How::Rst);
    assert_eq!(everything(reply), (b"0123".to_vec(), Ending::Reset));
}

#[test]
fn endless_headers_and_interim_replies_last_until_the_peer_goes() {
    for (start, again) in [
        ("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"),
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", ";a=b"),
    ] {
        let server = always(Reply::raw(Raw::new().text(start).endless(again)));
        let mut peer = Peer::new(&server);
        peer.ask("/");
        let bytes = peer.bytes(5_000_000);
        assert!(bytes.starts_with(format!("{start}{again}{again}").as_bytes()));
        drop(peer);
        let counters = server.wait_for_blocking(|c| c.open == 0).unwrap();
        assert_eq!((counters.complete, counters.abandoned), (0, 1));
    }
}

#[test]
fn bytes_before_and_after_a_reply() {
    let reply = Reply::ok("1").before("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    let server = always(reply.after("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"));
    let mut peer = Peer::new(&server);
    peer.ask("/");
    assert_eq!(peer.head(), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    assert_eq!(peer.reply().text(), "1");
    assert_eq!(peer.reply().text(), "2", "nobody asked for it");
    assert_eq!(server.counters().complete, 1);
}

#[test]
fn bad_chunks_need_no_raw_reply() {
    let reply = Reply::ok("ffffffffffffffffff\r\n")
        .framing(Framing::Bare)
        .header("Transfer-Encoding", "chunked");
    let (bytes, _) = everything(reply);
    assert!(bytes.ends_with(b"\r\n\r\nffffffffffffffffff\r\n"));
}

#[test]
fn bytes_of_a_body_are_corrupted_at_their_places() {
    let server = always(Reply::ok(vec![0; 5]).corrupt(1).corrupt(-1).corrupt(9).corrupt(-9));
    assert_eq!(Peer::new(&server).get("/").body, [0, 255, 0, 0, 255]);
}
