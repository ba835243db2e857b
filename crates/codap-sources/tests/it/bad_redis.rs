//! Peers that speak Redis badly: no wrong byte is taken for a document, nothing hangs or and
//! the connection is not used again.

use codap_sources::Error;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::peer::{Draw, End, Peer, Reply, fetch, for_each, generated, send, sources};
use crate::servers::run;

const DOCUMENT: &[u8] = b"$5 is\r\nno length";

/// The good reply to a request: the type, the value, the echo.
fn good(mark: &str) -> Vec<u8> {
    let value = bulk(DOCUMENT);
    [&b"+string\r\n"[..], &value, &bulk(mark.as_bytes())].concat()
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Reads requests, each up to its echo, and answers each by `reply`, which gets the echo's text.
async fn talk(mut stream: TcpStream, reply: impl Fn(&str) -> Reply) {
    let (mut came, mut part) = (Vec::new(), [0; 4096]);
    loop {
        while let Some(mark) = mark(&came) {
            came.clear();
            let (bytes, end) = reply(&mark);
            if !send(&mut stream, &bytes, end).await {
                return;
            }
        }
        match stream.read(&mut part).await {
            Ok(read @ 1..) => came.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
}

/// The text that a whole request wants to have echoed.
fn mark(request: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(request);
    let mut lines = text.split_once("ECHO\r\n$")?.1.split("\r\n");
    let (length, mark, end) = (lines.next()?, lines.next()?, lines.next());
    (end.is_some() && length.parse() == Ok(mark.len())).then(|| mark.to_owned())
}

type Case = (&'static str, fn(&str) -> Reply, fn(&Error) -> bool);

fn then(bytes: impl Into<Vec<u8>>, end: End) -> Reply {
    (bytes.into(), end)
}

/// The good reply, but for what `change` does to its text.
fn changed(mark: &str, from: &str, to: &str, end: End) -> Reply {
    let good = String::from_utf8(good(mark)).expect("it is text");
    assert!(good.contains(from));
    then(good.replacen(from, to, 1), end)
}

fn cut(mark: &str, at: usize, end: End) -> Reply {
    let mut bytes = good(mark);
    bytes.truncate(at);
    (bytes, end)
}

/// An error as the reply to all three commands.
fn error(text: &str, end: End) -> Reply {
    then(format!("-{text}\r\n").repeat(3), end)
}

#[rustfmt::skip]
const CASES: [Case; 58] = [
    ("closes at once", |_| then("", End::Close), Error::is_incomplete),
    ("resets at once", |_| then("", End::Reset), Error::is_incomplete),
    ("says nothing", |_| then("", End::Stall), Error::is_timeout),
    ("cut in the type", |m| cut(m, 4, End::Close), Error::is_incomplete),
    ("cut after the type", |m| cut(m, 9, End::Close), Error::is_incomplete),
    ("cut in the length", |m| cut(m, 11, End::Close), Error::is_incomplete),
    ("cut before the value", |m| cut(m, 14, End::Close), Error::is_incomplete),
    ("cut in the value", |m| cut(m, 20, End::Close), Error::is_incomplete),
    ("cut after the value", |m| cut(m, 30, End::Close), Error::is_incomplete),
    ("cut in the line end of the value", |m| cut(m, 31, End::Close), Error::is_incomplete),
    ("cut in the echo", |m| cut(m, 38, End::Close), Error::is_incomplete),
    ("cut before the last byte", |m| cut(m, good(m).len() - 1, End::Close), Error::is_incomplete),
    ("reset in the value", |m| cut(m, 20, End::Reset), Error::is_incomplete),
    ("reset before the last byte", |m| cut(m, good(m).len() - 1, End::Reset), Error::is_incomplete),
    ("stalls in the type", |m| cut(m, 4, End::Stall), Error::is_timeout),
    ("stalls in the value", |m| cut(m, 20, End::Stall), Error::is_timeout),
    ("stalls before the last byte", |m| cut(m, good(m).len() - 1, End::Stall), Error::is_timeout),
    ("an echo of another request", |m| changed(m, m, &"x".repeat(m.len()), End::GoOn), Error::is_incomplete),
    ("no echo but an integer", |m| changed(m, &format!("${}\r\n{m}", m.len()), ":7", End::GoOn), Error::is_incomplete),
    ("no echo but nothing", |m| changed(m, &format!("${}\r\n{m}", m.len()), "$-1", End::GoOn), Error::is_incomplete),
    ("no echo but an error", |m| changed(m, &format!("${}\r\n{m}", m.len()), "-ERR no", End::GoOn), Error::is_incomplete),
    ("an earlier reply first", |m| then([&b"+OK\r\n"[..], &good(m)].concat(), End::GoOn), Error::is_incomplete),
    ("two earlier replies first", |m| then([&b"+string\r\n$5\r\nwrong\r\n"[..], &good(m)].concat(), End::GoOn), Error::is_incomplete),
    ("a reply is missing", |m| then([&b"+string\r\n"[..], &bulk(m.as_bytes())].concat(), End::Close), Error::is_incomplete),
    ("a reply is missing, and nothing follows", |m| then([&b"+string\r\n"[..], &bulk(m.as_bytes())].concat(), End::Stall), Error::is_timeout),
    ("the value is shorter than its length", |m| changed(m, "$16", "$17", End::Close), Error::is_incomplete),
    ("the value is longer than its length", |m| changed(m, "$16", "$15", End::GoOn), Error::is_incomplete),
    ("a length of nothing", |m| changed(m, "$16", "$", End::GoOn), Error::is_incomplete),
    ("a length that is no number", |m| changed(m, "$16", "$1x", End::GoOn), Error::is_incomplete),
    ("a length beyond 64 bits", |m| changed(m, "$16", "$99999999999999999999", End::GoOn), Error::is_incomplete),
    ("the largest length", |m| changed(m, "$16", "$9223372036854775807", End::Stall), Error::is_timeout),
    ("a length of two gigabytes", |m| changed(m, "$16", "$2147483647", End::Stall), Error::is_timeout),
    ("a negative length", |m| changed(m, "$16", "$-16", End::GoOn), Error::is_incomplete),
    ("an array of two thousand million", |m| changed(m, "$16", "*2147483647", End::Stall), Error::is_incomplete),
    ("an array of the largest number", |_| then("*9223372036854775807\r\n", End::Stall), Error::is_timeout),
    ("a map of the largest number", |_| then("%9223372036854775807\r\n", End::Close), Error::is_incomplete),
    ("a map of half the largest number", |_| then("%4611686018427387904\r\n", End::Stall), Error::is_timeout),
    ("a hundred thousand arrays in each other", |_| then("*1\r\n".repeat(100_000), End::Close), Error::is_incomplete),
    ("a line without an end", |_| then("+".to_owned() + &"a".repeat(3 << 20), End::Stall), Error::is_too_large),
    ("a value of three megabytes", |m| then([&b"+string\r\n"[..], &bulk(&vec![b'x'; 3 << 20]), &bulk(m.as_bytes())].concat(), End::GoOn), Error::is_too_large),
    ("a value one byte too large", |m| then([&b"+string\r\n"[..], &bulk(&vec![b'x'; (1 << 20) + 1]), &bulk(m.as_bytes())].concat(), End::GoOn), Error::is_too_large),
    ("zeros", |_| then(vec![0; 1000], End::Close), Error::is_incomplete),
    ("ones", |_| then(vec![0xff; 1000], End::Close), Error::is_incomplete),
    ("HTTP", |_| then("HTTP/1.1 400 Bad Request\r\n\r\n", End::Close), Error::is_incomplete),
    ("TLS", |_| then(b"\x15\x03\x01\x00\x02\x02\x46".to_vec(), End::Close), Error::is_incomplete),
    ("line ends without a return", |m| then(String::from_utf8_lossy(&good(m)).replace("\r\n", "\n"), End::Close), Error::is_incomplete),
    ("a type that is not text", |m| changed(m, "+string", ":1", End::GoOn), Error::is_incomplete),
    ("a type of a module", |m| changed(m, "+string", "+ReJSON-RL", End::GoOn), Error::is_unsupported),
    ("no value but an integer", |m| changed(m, "$16\r\n$5 is\r\nno length", ":7", End::GoOn), Error::is_incomplete),
    ("wants a password", |_| error("NOAUTH Authentication required.", End::GoOn), Error::is_unauthorized),
    ("refuses a right", |_| error("NOPERM no permissions", End::GoOn), Error::is_unauthorized),
    ("is loading", |m| then([&b"-LOADING Redis is loading\r\n"[..], b"-LOADING Redis is loading\r\n", &bulk(m.as_bytes())].concat(), End::GoOn), Error::is_transient),
    ("is another node's", |m| then([&b"-MOVED 1 10.0.0.1:6379\r\n"[..], b"-MOVED 1 10.0.0.1:6379\r\n", &bulk(m.as_bytes())].concat(), End::GoOn), |e| !e.is_transient()),
    ("has an error with a secret in it", |m| then([&b"-ERR no such user redis://ada:CANARY7x@host/\r\n"[..], b"-ERR\r\n", &bulk(m.as_bytes())].concat(), End::GoOn), |e| !e.is_transient()),
    ("an error without a text", |m| then([&b"-\r\n"[..], b"-\r\n", &bulk(m.as_bytes())].concat(), End::GoOn), |e| !e.is_not_found()),
    ("an error of many lines", |_| then("-ERR a\nb\nc\r\n".repeat(3), End::GoOn), |_| true),
    ("has too many clients and closes", |_| then("-ERR max number of clients reached\r\n", End::Close), Error::is_incomplete),
    ("a message of another kind", |_| then(">3\r\n+message\r\n+a\r\n+b\r\n", End::Close), Error::is_incomplete),
];

#[test]
fn each_named_peer_is_an_error_and_the_next_connection_is_well() {
    run(async {
        for_each(CASES.len(), 16, |number| async move {
            let (name, reply, is) = CASES[number];
            // The first connection is bad and the others are good.
            let peer =
                Peer::serve(move |stream, connection| {
                    talk(stream, move |mark| {
                        if connection == 0 { reply(mark) } else { (good(mark), End::GoOn) }
                    })
                })
                .await;
            let (sources, uri) = (sources(), format!("redis://127.0.0.1:{}/key", peer.port));
            let error = fetch(&sources, &uri, name).await.expect_err(name);
            assert!(is(&error), "{name}: {error:?}");
            // Whatever follows on the first connection, it is not the next document.
            let next = fetch(&sources, &uri, name).await;
            if !error.is_unsupported() && !error.is_unauthorized() {
                match next {
                    Ok(document) => assert_eq!(document.bytes(), DOCUMENT, "{name}"),
                    // It said that all is in its place, so it was asked again.
                    Err(error) => assert!(is(&error), "{name}, again: {error:?}"),
                }
            }
        })
        .await;
    });
}

#[test]
fn no_generated_peer_passes_off_another_document() {
    let serve = |seed| {
        Peer::serve(move |stream, _| talk(stream, move |mark| Draw::new(seed).damage(&good(mark))))
    };
    run(generated(serve, uri, |name, document| {
        // No check is in the protocol: what was changed in the value alone cannot be told.
        assert_eq!(document.len(), DOCUMENT.len(), "{name}: {:?}", document.bytes());
        let same = document.bytes().iter().zip(DOCUMENT).filter(|(a, b)| a == b).count();
        assert!(same + 3 >= DOCUMENT.len(), "{name}: {:?}", document.bytes());
    }));
}

fn uri(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/key")
}

#[test]
fn the_good_peer_is_read() {
    run(async {
        let peer = Peer::serve(|stream, _| talk(stream, |mark| (good(mark), End::GoOn))).await;
        let document = fetch(&sources(), &uri(peer.port), "good").await.expect("it is good");
        assert_eq!(document.bytes(), DOCUMENT);
    });
}
