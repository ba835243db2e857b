//! Peers that speak PostgreSQL badly: no wrong byte is taken for rows, nothing hangs or and
//! the connection is not used again.

use codap_sources::Error;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::peer::{Draw, End, Peer, Reply, fetch, for_each, generated, send, sources};
use crate::servers::run;

const DOCUMENT: &str = r#"[{"id":1,"name":"Ada"},{"id":2,"name":"Bob"}]"#;
const ROWS: [&str; 2] = [r#"{"id":1,"name":"Ada"}"#, r#"{"id":2,"name":"Bob"}"#];

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

fn welcome() -> Vec<u8> {
    [
        message(b'R', &[0, 0, 0, 0]),
        message(b'S', b"server_version\x0015.0\0"),
        message(b'K', &[0, 0, 0, 7, 0, 0, 0, 8]),
        message(b'Z', b"I"),
    ]
    .concat()
}

fn description() -> Vec<u8> {
    // One column: its name, table, number, type (text), size, modifier, format.
    let rest = [0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 1];
    message(b'T', &[&[0, 1][..], b"row_to_json\0", &rest].concat())
}

fn row(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short row");
    message(b'D', &[&[0, 1][..], &length.to_be_bytes(), text.as_bytes()].concat())
}

/// What comes before the rows, and what after so many of them.
fn prelude() -> Vec<u8> {
    [message(b'1', b""), message(b'2', b""), message(b't', &[0, 0]), description()].concat()
}

fn ending(count: usize) -> Vec<u8> {
    [message(b'C', format!("SELECT {count}\0").as_bytes()), message(b'Z', b"I")].concat()
}

fn with_rows(rows: &[u8]) -> Vec<u8> {
    [prelude(), rows.to_vec(), ending(2)].concat()
}

fn good() -> Vec<u8> {
    with_rows(&ROWS.map(row).concat())
}

fn error(code: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SERROR\0VERROR\0C{code}\0M{text}\0\0").as_bytes())
}

/// Answers the startup by `welcome`, and each query by `reply`.
async fn talk(mut stream: TcpStream, welcome: Reply, reply: impl Fn() -> Reply) {
    let Ok(length @ 8..=10_000) = stream.read_u32().await else { return };
    let mut startup = vec![0; length as usize - 4];
    // A request to cancel has this number for its version, and no reply.
    let read = stream.read_exact(&mut startup).await;
    if read.is_err() || startup[..4] == [0x04, 0xd2, 0x16, 0x2e] {
        return;
    }
    if !send(&mut stream, &welcome.0, welcome.1).await {
        return;
    }
    loop {
        let (Ok(tag), Ok(length @ 4..=100_000)) = (stream.read_u8().await, stream.read_u32().await)
        else {
            return;
        };
        let mut body = vec![0; length as usize - 4];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        if tag == b'S' {
            let (bytes, end) = reply();
            if !send(&mut stream, &bytes, end).await {
                return;
            }
        }
    }
}

type Case = (&'static str, fn() -> Reply, fn(&Error) -> bool);

fn then(bytes: impl Into<Vec<u8>>, end: End) -> Reply {
    (bytes.into(), end)
}

fn cut(bytes: Vec<u8>, at: usize, end: End) -> Reply {
    then(&bytes[..at], end)
}

/// The good reply with the length of the first message of the kind `tag` changed.
fn length(tag: u8, change: fn(u32) -> u32, end: End) -> Reply {
    let mut bytes = good();
    let mut at = 0;
    while bytes[at] != tag {
        at += 1 + u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap()) as usize;
    }
    let is = u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap());
    bytes[at + 1..at + 5].copy_from_slice(&change(is).to_be_bytes());
    (bytes, end)
}

fn rows(rows: &[Vec<u8>], end: End) -> Reply {
    then(with_rows(&rows.concat()), end)
}

/// A row whose field says another length than it has.
fn field(length: i32) -> Vec<u8> {
    message(b'D', &[&[0, 1][..], &length.to_be_bytes(), ROWS[0].as_bytes()].concat())
}

#[rustfmt::skip]
const GREETINGS: [Case; 22] = [
    ("closes at once", || then("", End::Close), Error::is_incomplete),
    ("resets at once", || then("", End::Reset), Error::is_incomplete),
    ("says nothing", || then("", End::Stall), Error::is_timeout),
    ("cut in the greeting", || cut(welcome(), 7, End::Close), Error::is_incomplete),
    ("cut before it is ready", || cut(welcome(), welcome().len() - 6, End::Close), Error::is_incomplete),
    ("stalls before it is ready", || cut(welcome(), welcome().len() - 6, End::Stall), Error::is_timeout),
    ("greets as HTTP", || then("HTTP/1.1 400 Bad Request\r\n\r\n", End::Close), Error::is_incomplete),
    ("greets as Redis", || then("-ERR unknown command\r\n", End::Close), Error::is_incomplete),
    ("greets with zeros", || then(vec![0; 100], End::Close), Error::is_incomplete),
    ("greets with ones", || then(vec![0xff; 100], End::Stall), Error::is_incomplete),
    ("a greeting of length zero", || then(b"R\0\0\0\0".to_vec(), End::Stall), Error::is_incomplete),
    ("a greeting of length three", || then(b"R\0\0\0\x03".to_vec(), End::Stall), Error::is_incomplete),
    ("a greeting of two gigabytes", || then(b"R\x7f\xff\xff\xff".to_vec(), End::Stall), Error::is_timeout),
    ("a greeting without an end", || then([&b"S\x7f\xff\xff\xff"[..], &vec![b'x'; 3 << 20]].concat(), End::Stall), Error::is_too_large),
    ("refuses the password", || then(error("28P01", "password authentication failed"), End::Close), Error::is_unauthorized),
    ("wants a password", || then(message(b'R', &[0, 0, 0, 3]), End::Stall), Error::is_unauthorized),
    ("wants Kerberos", || then(message(b'R', &[0, 0, 0, 2]), End::Stall), |e| !e.is_timeout()),
    ("wants what nobody knows", || then(message(b'R', &[0, 0, 0, 99]), End::Stall), Error::is_incomplete),
    ("has no such database", || then(error("3D000", "database \"db\" does not exist"), End::Close), Error::is_not_found),
    ("has too many clients", || then(error("53300", "too many clients already"), End::Close), Error::is_transient),
    ("is starting up", || then(error("57P03", "the database system is starting up"), End::Close), Error::is_transient),
    ("an error without its fields", || then(message(b'E', b""), End::Close), Error::is_incomplete),
];

#[rustfmt::skip]
const REPLIES: [Case; 47] = [
    ("closes at the query", || then("", End::Close), Error::is_incomplete),
    ("resets at the query", || then("", End::Reset), Error::is_incomplete),
    ("stalls at the query", || then("", End::Stall), Error::is_timeout),
    ("cut in the description", || cut(good(), 20, End::Close), Error::is_incomplete),
    ("cut before the rows", || cut(good(), prelude().len(), End::Close), Error::is_incomplete),
    ("cut in the first row", || cut(good(), prelude().len() + 15, End::Close), Error::is_incomplete),
    ("cut between the rows", || cut(good(), prelude().len() + row(ROWS[0]).len(), End::Close), Error::is_incomplete),
    ("cut after the rows", || cut(good(), good().len() - ending(2).len(), End::Close), Error::is_incomplete),
    ("cut in the end", || cut(good(), good().len() - 8, End::Close), Error::is_incomplete),
    ("cut before it is ready again", || cut(good(), good().len() - 6, End::Close), Error::is_incomplete),
    ("cut before the last byte", || cut(good(), good().len() - 1, End::Close), Error::is_incomplete),
    ("reset between the rows", || cut(good(), prelude().len() + row(ROWS[0]).len(), End::Reset), Error::is_incomplete),
    ("reset before the last byte", || cut(good(), good().len() - 1, End::Reset), Error::is_incomplete),
    ("stalls in a row", || cut(good(), prelude().len() + 15, End::Stall), Error::is_timeout),
    ("stalls between the rows", || cut(good(), prelude().len() + row(ROWS[0]).len(), End::Stall), Error::is_timeout),
    ("stalls before the last byte", || cut(good(), good().len() - 1, End::Stall), Error::is_timeout),
    ("a row of length zero", || length(b'D', |_| 0, End::Stall), Error::is_incomplete),
    ("a row of length three", || length(b'D', |_| 3, End::Stall), Error::is_incomplete),
    ("a row of length four", || length(b'D', |_| 4, End::Stall), Error::is_incomplete),
    ("a row of two gigabytes", || length(b'D', |_| 0x7fff_ffff, End::Stall), Error::is_timeout),
    ("a row of a negative length", || length(b'D', |_| 0x8000_0004, End::Stall), Error::is_incomplete),
    ("a row one byte shorter than it is", || length(b'D', |n| n - 1, End::Stall), |_| true),
    ("a row one byte longer than it is", || length(b'D', |n| n + 1, End::Stall), |_| true),
    ("a description one byte shorter than it is", || length(b'T', |n| n - 1, End::Stall), Error::is_incomplete),
    ("a row without fields", || rows(&[message(b'D', &[0, 0]), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a row of 65,535 fields", || rows(&[message(b'D', &[0xff, 0xff]), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a row without its number of fields", || rows(&[message(b'D', &[]), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a field longer than its row", || rows(&[field(100), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a field of two gigabytes", || rows(&[field(i32::MAX), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a field shorter than its row", || rows(&[field(5), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a field of a negative length", || rows(&[field(-2), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a field that is not there", || rows(&[field(-1), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a row that is not UTF-8", || rows(&[message(b'D', b"\0\x01\0\0\0\x02\xff\xfe"), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a row that is not JSON", || rows(&[row("{\"id\":1,"), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a row that is no object", || rows(&[row("7"), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a row nested a hundred thousand deep", || rows(&[row(&("{\"a\":".to_owned() + &"[".repeat(100_000))), row(ROWS[1])], End::Stall), Error::is_incomplete),
    ("a row is missing", || rows(&[row(ROWS[0])], End::GoOn), Error::is_incomplete),
    ("a row too many", || rows(&[row(ROWS[0]), row(ROWS[1]), row(ROWS[1])], End::GoOn), Error::is_incomplete),
    ("no number of rows", || then([prelude(), ROWS.map(row).concat(), message(b'C', b"SELECT\0"), message(b'Z', b"I")].concat(), End::GoOn), Error::is_incomplete),
    ("no end of the rows", || then([prelude(), ROWS.map(row).concat(), message(b'Z', b"I")].concat(), End::GoOn), Error::is_incomplete),
    ("rows without an end", || then([prelude(), row(&format!("{{\"x\":\"{}\"}}", "x".repeat(100_000))).repeat(20)].concat(), End::Stall), Error::is_too_large),
    ("one row without an end", || then([prelude(), b"D\x7f\xff\xff\xff\0\x01\x7f\xff\xff\xf0".to_vec(), vec![b'x'; 3 << 20]].concat(), End::Stall), Error::is_too_large),
    ("an error between the rows", || then([prelude(), row(ROWS[0]), error("XX000", "it broke"), message(b'Z', b"I")].concat(), End::GoOn), |e| !e.is_incomplete()),
    ("is shut down between the rows", || then([prelude(), row(ROWS[0]), error("57P01", "terminating connection")].concat(), End::Close), Error::is_transient),
    ("an error with a secret in it", || then([error("XX000", "no such user postgres://ada:CANARY7x@host/"), message(b'Z', b"I")].concat(), End::GoOn), |_| true),
    ("messages of no known kind", || then(message(b'?', b"what").repeat(10), End::Stall), Error::is_incomplete),
    ("data that nobody copies", || then([prelude(), message(b'H', &[0, 0, 0]), message(b'd', b"x")].concat(), End::Stall), Error::is_incomplete),
];

#[test]
fn each_named_peer_is_an_error_and_the_next_connection_is_well() {
    run(async {
        let cases = GREETINGS.len() + REPLIES.len();
        for_each(cases, 16, |number| async move {
            let is_greeting = number < GREETINGS.len();
            let (name, bad, is) =
                if is_greeting { GREETINGS[number] } else { REPLIES[number - GREETINGS.len()] };
            // The first connection is bad and the others are good.
            let peer = Peer::serve(move |stream, connection| {
                let greeting =
                    if is_greeting && connection == 0 { bad() } else { (welcome(), End::GoOn) };
                talk(stream, greeting, move || {
                    if !is_greeting && connection == 0 { bad() } else { (good(), End::GoOn) }
                })
            })
            .await;
            let (sources, uri) = (sources(), uri(peer.port));
            let error = fetch(&sources, &uri, name).await.expect_err(name);
            assert!(is(&error), "{name}: {error:?}");
            let next = fetch(&sources, &uri, name).await;
            let next = next.unwrap_or_else(|error| panic!("{name}, again: {error:?}"));
            assert_eq!(next.text().unwrap(), DOCUMENT, "{name}");
        })
        .await;
    });
}

#[test]
fn a_server_without_tls_is_told_where_it_is_wanted() {
    run(async {
        let peer = Peer::serve(|mut stream, _| async move {
            let mut request = [0; 8];
            stream.read_exact(&mut request).await.expect("it asks for TLS");
            send(&mut stream, b"N", End::Close).await;
        })
        .await;
        let uri = format!("{}&sslmode=require", uri(peer.port));
        let error = fetch(&sources(), &uri, "no TLS").await.expect_err("there is no TLS");
        assert!(error.is_connect() && error.to_string().contains("has no TLS"), "{error}");
    });
}

fn uri(port: u16) -> String {
    format!("postgres://ada@127.0.0.1:{port}/db?query=select%201")
}

#[test]
fn no_generated_peer_passes_off_other_rows() {
    let serve = |seed| {
        Peer::serve(move |stream, _| {
            let mut draw = Draw::new(seed);
            // One in four is damaged in its greeting already.
            let greeting =
                if seed % 4 == 0 { draw.damage(&welcome()) } else { (welcome(), End::GoOn) };
            talk(stream, greeting, move || Draw::new(seed + 1).damage(&good()))
        })
    };
    run(generated(serve, uri, |name, document| {
        // No check is in the protocol: what was changed inside of a row cannot be told, as long as
        // it is still an object.
        let rows = document.json().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(rows.as_array().map(Vec::len), Some(2), "{name}: {rows}");
        let text = document.text().expect("JSON is text");
        assert_eq!(text.len(), DOCUMENT.len(), "{name}: {text}");
        let same = text.bytes().zip(DOCUMENT.bytes()).filter(|(a, b)| a == b).count();
        assert!(same + 3 >= DOCUMENT.len(), "{name}: {text}");
    }));
}

#[test]
fn the_good_peer_is_read() {
    run(async {
        let peer =
            Peer::serve(|stream, _| talk(stream, (welcome(), End::GoOn), || (good(), End::GoOn)))
                .await;
        let document = fetch(&sources(), &uri(peer.port), "good").await.expect("it is good");
        assert_eq!(document.text().unwrap(), DOCUMENT);
    });
}
