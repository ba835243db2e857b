//! Peers that speak MongoDB badly: no wrong byte is taken for a document, nothing hangs or panics.

use std::sync::{Arc, Mutex};

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, doc};
use codap_sources::Error;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::peer::{Draw, End, Peer, Reply, fetch, for_each, generated, send, sources};
use crate::servers::run;

const DOCUMENT: &str = r#"{"_id":7,"name":"Ada"}"#;

pub(crate) fn document() -> Document {
    doc! {"_id": 7, "name": "Ada"}
}

/// OP_MSG: length, its own number, that of the request, the kind of message, flags, one section.
fn message(request: [u8; 4], section: &[u8]) -> Vec<u8> {
    let length = i32::try_from(16 + 4 + 1 + section.len()).expect("a short message");
    [
        &length.to_le_bytes()[..],
        &[9, 0, 0, 0],
        &request,
        &2013_i32.to_le_bytes(),
        &[0, 0, 0, 0],
        &[0],
        section,
    ]
    .concat()
}

pub(crate) fn reply(request: [u8; 4], document: &Document) -> Vec<u8> {
    message(request, &document.to_vec().expect("it has no odd names"))
}

pub(crate) fn batch(documents: impl Into<Bson>) -> Document {
    doc! {
        "cursor": {"firstBatch": documents, "id": 0_i64, "ns": "db.people"},
        "ok": 1.0,
    }
}

pub(crate) fn hello() -> Document {
    doc! {
        "ismaster": true, "helloOk": true, "maxBsonObjectSize": 16 << 20,
        "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
        "minWireVersion": 0, "maxWireVersion": 21, "readOnly": false, "ok": 1.0,
    }
}

fn good(request: [u8; 4]) -> Vec<u8> {
    reply(request, &batch(vec![document()]))
}

/// The number of the next request, and the BSON of its command: its length, the type of its first
/// value, its name.
pub(crate) async fn command(stream: &mut TcpStream) -> Option<([u8; 4], Vec<u8>)> {
    let mut header = [0; 16];
    stream.read_exact(&mut header).await.ok()?;
    let length = i32::from_le_bytes(header[..4].try_into().ok()?);
    let length = usize::try_from(length).ok().filter(|it| (26..=100_000).contains(it))?;
    let mut body = vec![0; length - 16];
    stream.read_exact(&mut body).await.ok()?;
    // Before it stand the flags, and the kind of the section.
    Some((header[4..8].try_into().ok()?, body.split_off(5)))
}

/// Answers what is not a `find` as a server does, and each `find` by `found`.
async fn talk(
    mut stream: TcpStream,
    greeting: impl Fn([u8; 4]) -> Reply,
    found: impl Fn([u8; 4]) -> Reply,
) {
    while let Some((request, command)) = command(&mut stream).await {
        let name = command[5..].split(|it| *it == 0).next().unwrap_or_default();
        let (bytes, end) = match name {
            b"hello" | b"isMaster" | b"ismaster" => greeting(request),
            b"find" => found(request),
            _ => (reply(request, &doc! {"ok": 1.0}), End::GoOn),
        };
        if !send(&mut stream, &bytes, end).await {
            return;
        }
    }
}

fn greets(request: [u8; 4]) -> Reply {
    (reply(request, &hello()), End::GoOn)
}

type Case = (&'static str, fn([u8; 4]) -> Reply, fn(&Error) -> bool);

fn then(bytes: impl Into<Vec<u8>>, end: End) -> Reply {
    (bytes.into(), end)
}

fn cut(request: [u8; 4], at: usize, end: End) -> Reply {
    let mut bytes = good(request);
    bytes.truncate(at);
    (bytes, end)
}

/// The good reply with other bytes at `at`.
fn with(request: [u8; 4], at: usize, bytes: &[u8], end: End) -> Reply {
    let mut good = good(request);
    good[at..at + bytes.len()].copy_from_slice(bytes);
    (good, end)
}

fn answer(request: [u8; 4], document: &Document) -> Reply {
    (reply(request, document), End::GoOn)
}

fn refusal(request: [u8; 4], code: i32, name: &str, text: &str) -> Reply {
    answer(request, &doc! {"ok": 0.0, "errmsg": text, "code": code, "codeName": name})
}

/// Where in the good reply the document of the batch has its length.
fn inner(request: [u8; 4]) -> usize {
    let inner = document().to_vec().expect("it has no odd names");
    good(request).windows(inner.len()).position(|it| it == inner).expect("it is in there")
}

fn nested(depth: usize) -> Document {
    let mut bytes = vec![5, 0, 0, 0, 0];
    for _ in 0..depth {
        let length = i32::try_from(bytes.len() + 8).expect("short");
        bytes = [&length.to_le_bytes()[..], &[3, b'a', 0], &bytes, &[0]].concat();
    }
    Document::from_reader(&bytes[..]).expect("it is BSON")
}

/// As `nested`, in bytes, for what is too deep to be made a document of.
fn nested_reply(request: [u8; 4], depth: usize) -> Reply {
    // `{"cursor": {"firstBatch": [ … ], "id": 0, "ns": "db.people"}, "ok": 1}` around it.
    let wrap = |kind: u8, name: &str, inner: &[u8], rest: &[u8]| -> Vec<u8> {
        let body = [&[kind], name.as_bytes(), &[0], inner, rest, &[0]].concat();
        let length = i32::try_from(body.len() + 4).expect("short");
        [&length.to_le_bytes()[..], &body].concat()
    };
    let mut bytes = vec![0; depth * 8 + 5];
    for level in 0..=depth {
        let (from, until) = (level * 7, bytes.len() - level);
        let length = i32::try_from(until - from).expect("short");
        bytes[from..from + 4].copy_from_slice(&length.to_le_bytes());
        if level < depth {
            bytes[from + 4..from + 7].copy_from_slice(&[3, b'a', 0]);
        }
    }
    let batch = wrap(3, "0", &bytes, b"");
    let id_and_place = b"\x12id\0\0\0\0\0\0\0\0\0\x02ns\0\x0a\0\0\0db.people\0";
    let cursor = wrap(4, "firstBatch", &batch, id_and_place);
    let all = wrap(3, "cursor", &cursor, b"\x10ok\0\x01\0\0\0");
    (message(request, &all), End::GoOn)
}

#[rustfmt::skip]
const REPLIES: [Case; 44] = [
    ("closes at the query", |_| then("", End::Close), Error::is_incomplete),
    ("resets at the query", |_| then("", End::Reset), Error::is_incomplete),
    ("stalls at the query", |_| then("", End::Stall), Error::is_timeout),
    ("cut in the header", |r| cut(r, 7, End::Close), Error::is_incomplete),
    ("cut after the header", |r| cut(r, 16, End::Close), Error::is_incomplete),
    ("cut in the flags", |r| cut(r, 18, End::Close), Error::is_incomplete),
    ("cut in the document", |r| cut(r, 60, End::Close), Error::is_incomplete),
    ("cut before the last byte", |r| cut(r, good(r).len() - 1, End::Close), Error::is_incomplete),
    ("reset in the document", |r| cut(r, 60, End::Reset), Error::is_incomplete),
    ("reset before the last byte", |r| cut(r, good(r).len() - 1, End::Reset), Error::is_incomplete),
    ("stalls in the header", |r| cut(r, 7, End::Stall), Error::is_timeout),
    ("stalls in the document", |r| cut(r, 60, End::Stall), Error::is_timeout),
    ("stalls before the last byte", |r| cut(r, good(r).len() - 1, End::Stall), Error::is_timeout),
    ("a message of length zero", |r| with(r, 0, &[0, 0, 0, 0], End::Stall), |e| !e.is_timeout()),
    ("a message of length fifteen", |r| with(r, 0, &[15, 0, 0, 0], End::Stall), |e| !e.is_timeout()),
    ("a message of length sixteen", |r| with(r, 0, &[16, 0, 0, 0], End::Stall), |e| !e.is_timeout()),
    ("a message of a negative length", |r| with(r, 0, &[0, 0, 0, 0x80], End::Stall), |e| !e.is_timeout()),
    ("a message of two gigabytes", |r| with(r, 0, &[0xff, 0xff, 0xff, 0x7f], End::Stall), Error::is_incomplete),
    ("a message of 47 megabytes", |r| with(r, 0, &[0, 0, 0xcf, 2], End::Stall), Error::is_timeout),
    ("a message of another kind", |r| with(r, 12, &1_i32.to_le_bytes(), End::Stall), Error::is_incomplete),
    ("a message of no known kind", |r| with(r, 12, &77_i32.to_le_bytes(), End::Stall), Error::is_incomplete),
    ("a compressed message that is not", |r| with(r, 12, &2012_i32.to_le_bytes(), End::Stall), |e| !e.is_timeout()),
    ("the reply to another request", |_| answer([1, 2, 3, 4], &batch(vec![doc! {"_id": 6, "name": "Bob"}])), Error::is_incomplete),
    ("a section of no known kind", |r| with(r, 20, &[9], End::Stall), Error::is_incomplete),
    ("a section of many documents", |r| with(r, 20, &[1], End::Stall), Error::is_incomplete),
    ("a document of length zero", |r| with(r, 21, &[0, 0, 0, 0], End::Stall), Error::is_incomplete),
    ("a document of a negative length", |r| with(r, 21, &[0xff, 0xff, 0xff, 0xff], End::Stall), Error::is_incomplete),
    ("a document longer than its message", |r| with(r, 21, &[0xff, 0xff, 0, 0], End::Stall), Error::is_incomplete),
    ("a found document longer than its batch", |r| with(r, inner(r), &[0xff, 0, 0, 0], End::Stall), Error::is_incomplete),
    ("a found document of length zero", |r| with(r, inner(r), &[0, 0, 0, 0], End::Stall), Error::is_incomplete),
    ("a found value of no known type", |r| with(r, inner(r) + 4, &[0x77], End::GoOn), Error::is_incomplete),
    ("a found document without its end", |r| with(r, inner(r) + document().to_vec().unwrap().len() - 1, &[1], End::GoOn), Error::is_incomplete),
    ("text that is not UTF-8", |r| with(r, inner(r) + 23, &[0xff], End::GoOn), Error::is_incomplete),
    ("another document than was asked for", |r| answer(r, &batch(vec![doc! {"_id": 8, "name": "Bob"}])), Error::is_incomplete),
    ("a document without an id", |r| answer(r, &batch(vec![doc! {"name": "Bob"}])), Error::is_incomplete),
    ("an id of another type", |r| answer(r, &batch(vec![doc! {"_id": "7", "name": "Ada"}])), Error::is_incomplete),
    ("a batch that is no list", |r| answer(r, &batch("none")), |e| !e.is_timeout()),
    ("a batch of numbers", |r| answer(r, &batch(vec![7])), |e| !e.is_timeout()),
    ("no cursor", |r| answer(r, &doc! {"ok": 1.0}), |e| !e.is_timeout()),
    ("nested 200 deep", |r| answer(r, &batch(vec![nested(200)])), |e| e.is_incomplete() || e.is_invalid()),
    ("nested a hundred thousand deep", |r| nested_reply(r, 100_000), |e| e.is_incomplete() || e.is_invalid()),
    ("refuses the login", |r| refusal(r, 18, "AuthenticationFailed", "no such user mongodb://ada:CANARY7x@host/"), Error::is_unauthorized),
    ("refuses the right", |r| refusal(r, 13, "Unauthorized", "not authorized on db"), Error::is_unauthorized),
    ("is shutting down", |r| refusal(r, 91, "ShutdownInProgress", "shutting down"), Error::is_transient),
];

#[rustfmt::skip]
const GREETINGS: [Case; 14] = [
    ("closes at once", |_| then("", End::Close), Error::is_transient),
    ("resets at once", |_| then("", End::Reset), Error::is_transient),
    ("says nothing", |_| then("", End::Stall), Error::is_transient),
    ("greets as HTTP", |_| then("HTTP/1.1 400 Bad Request\r\n\r\n", End::Close), Error::is_transient),
    ("greets as Redis", |_| then("-ERR unknown command\r\n", End::Close), Error::is_transient),
    ("greets with zeros", |_| then(vec![0; 100], End::Close), Error::is_transient),
    ("greets with ones", |_| then(vec![0xff; 100], End::Stall), Error::is_transient),
    ("cut in the greeting", |r| then(&reply(r, &hello())[..50], End::Close), Error::is_transient),
    ("stalls in the greeting", |r| then(&reply(r, &hello())[..50], End::Stall), Error::is_transient),
    ("a greeting of two gigabytes", |_| then(b"\xff\xff\xff\x7f".repeat(4), End::Stall), Error::is_transient),
    ("is too old", |r| answer(r, &doc! {"ismaster": true, "minWireVersion": 0, "maxWireVersion": 2, "ok": 1.0}), |_| true),
    ("is too new", |r| answer(r, &doc! {"ismaster": true, "minWireVersion": 99, "maxWireVersion": 99, "ok": 1.0}), |_| true),
    ("is of another set", |r| answer(r, &doc! {"ismaster": false, "secondary": false, "setName": "other", "ok": 1.0}), Error::is_transient),
    ("refuses to greet", |r| refusal(r, 13, "Unauthorized", "no"), |_| true),
];

fn uri(port: u16) -> String {
    format!("mongodb://127.0.0.1:{port}/db/people/7")
}

#[test]
fn each_named_peer_is_an_error() {
    run(async {
        let all_wrong = Arc::new(Mutex::new(Vec::new()));
        let wrong = all_wrong.clone();
        for_each(GREETINGS.len() + REPLIES.len(), 16, move |number| {
            let wrong = wrong.clone();
            async move {
                let is_greeting = number < GREETINGS.len();
                let (name, bad, is) =
                    if is_greeting { GREETINGS[number] } else { REPLIES[number - GREETINGS.len()] };
                let peer = Peer::serve(move |stream, _| {
                    let greeting = if is_greeting { bad } else { greets };
                    talk(stream, greeting, bad)
                })
                .await;
                match fetch(&sources(), &uri(peer.port), name).await {
                    Err(error) if is(&error) => {}
                    other => wrong.lock().unwrap().push(format!("{name}: {other:?}")),
                }
            }
        })
        .await;
        let wrong = all_wrong.lock().unwrap().join("\n");
        assert!(wrong.is_empty(), "{wrong}");
    });
}

#[test]
fn no_generated_peer_passes_off_another_document() {
    let serve = |seed| {
        Peer::serve(move |stream, _| {
            let greeting = move |request| match seed % 8 {
                0 => Draw::new(seed).damage(&reply(request, &hello())),
                _ => greets(request),
            };
            talk(stream, greeting, move |request| Draw::new(seed + 1).damage(&good(request)))
        })
    };
    run(generated(serve, uri, |name, document| {
        // No check is in the protocol: what was changed inside of the document cannot be told, but
        // for its id.
        let value = document.json().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(value["_id"], 7, "{name}: {value}");
        assert_eq!(value.as_object().map(serde_json::Map::len), Some(2), "{name}: {value}");
    }));
}

#[test]
fn the_good_peer_is_read_with_all_types() {
    let document = doc! {
        "_id": 7,
        "decimal": "12345678901234567890.5".parse::<bson::Decimal128>().unwrap(),
        "binary": Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 0xff] },
        "nan": f64::NAN, "infinity": f64::NEG_INFINITY, "large": i64::MIN,
        "pattern": bson::Regex { pattern: bson::cstr!("^a").into(), options: bson::cstr!("i").into() },
        "stamp": bson::Timestamp { time: 1, increment: 2 },
        "old": bson::DateTime::from_millis(-1), "least": Bson::MinKey, "none": Bson::Undefined,
    };
    run(async move {
        let peer = Peer::serve(move |stream, _| {
            let found = reply([0; 4], &batch(vec![document.clone()]));
            talk(stream, greets, move |_| (found.clone(), End::GoOn))
        })
        .await;
        let fetched = fetch(&sources(), &uri(peer.port), "types").await.expect("it is good");
        assert_eq!(
            fetched.json().unwrap(),
            json!({
                "_id": 7,
                "decimal": {"$numberDecimal": "12345678901234567890.5"},
                "binary": {"$binary": {"base64": "AP8=", "subType": "00"}},
                "nan": {"$numberDouble": "NaN"}, "infinity": {"$numberDouble": "-Infinity"},
                "large": i64::MIN,
                "pattern": {"$regularExpression": {"pattern": "^a", "options": "i"}},
                "stamp": {"$timestamp": {"t": 1, "i": 2}},
                "old": {"$date": {"$numberLong": "-1"}},
                "least": {"$minKey": 1}, "none": {"$undefined": true},
            })
        );
        let peer = Peer::serve(|stream, _| talk(stream, greets, |r| (good(r), End::GoOn))).await;
        let fetched = fetch(&sources(), &uri(peer.port), "good").await.expect("it is good");
        assert_eq!(fetched.text().unwrap(), DOCUMENT);
    });
}
