//! Bad peers by name, but for those that answer ranges.

use std::time::Duration;

use codap_fault::{At, Body, Coding, Framing, How, On, Raw, Reply, Script, Stall};
use codap_sources::Error;

use super::case::{Case, Expect, MAX_SIZE, SIZE, body, good};

pub(crate) fn cases() -> Vec<Case> {
    [lengths(), chunks(), heads(), silences(), codings(), hashes(), statuses(), redirects()]
        .into_iter()
        .flatten()
        .collect()
}

fn lengths() -> Vec<Case> {
    let incomplete = Error::is_incomplete;
    let broken = |error: &Error| error.is_incomplete() || error.is_invalid();
    let claim = |size| good().framing(Framing::Claim(size));
    let length = |value: &str| good().header("Content-Length", value);
    vec![
        Case::new("as it should be", good(), Expect::Whole),
        Case::refused("less than promised", claim(SIZE + 1).close(), incomplete),
        Case::refused("much less than promised", claim(SIZE * 2).close(), incomplete),
        Case::new("more than promised", claim(SIZE - 1), Expect::Start(SIZE - 1)),
        Case::new("promises nothing", claim(0), Expect::Start(0)),
        Case::refused("cut before the body", good().cut(0), incomplete),
        Case::refused("cut after a byte", good().cut(1), incomplete),
        Case::refused("cut in the middle", good().cut(SIZE / 2), incomplete),
        Case::refused("cut before the last byte", good().cut(SIZE - 1), incomplete),
        Case::refused("reset in the middle", good().cut_with(At::Body(999), How::Rst), incomplete),
        Case::new("cut after the last byte", good().cut_with(At::End, How::Fin), Expect::Whole),
        Case::new("no length", good().framing(Framing::Bare), Expect::Unverified),
        Case::new("no length and cut", good().framing(Framing::Bare).cut(9), Expect::Unverified),
        Case::refused(
            "no length and reset",
            good().framing(Framing::Bare).cut_with(At::Body(9), How::Rst),
            incomplete,
        ),
        Case::refused("negative length", length("-1"), broken),
        Case::refused("length that is no number", length("many"), broken),
        Case::refused("length with a plus", length("+100000"), broken),
        Case::refused("length beyond 64 bits", length("18446744073709551616"), broken),
        Case::refused("length of 2^64 - 1", length("18446744073709551615"), |it| {
            it.is_too_large() || it.is_incomplete() || it.is_invalid()
        }),
        Case::refused("two lengths", length("100000").header("Content-Length", "5"), broken),
        Case::refused("two lengths in one", length("100000, 5"), broken),
        Case::refused("length and chunks", chunked(100).header("Content-Length", "5"), broken),
        Case::refused("too large by its length", Reply::ok(Body::Zeros(MAX_SIZE + 1)), |it| {
            it.is_too_large()
        }),
        Case::refused(
            "too large without a length",
            Reply::ok(Body::Zeros(MAX_SIZE + 1)).framing(Framing::Bare),
            Error::is_too_large,
        ),
        Case::refused(
            "endless",
            Reply::raw(Raw::new().text("HTTP/1.1 200 OK\r\n\r\n").endless("more ")),
            Error::is_too_large,
        ),
    ]
}

fn chunked(size: u64) -> Reply {
    let (extension, trailers) = (String::new(), Vec::new());
    good().framing(Framing::Chunks { size, extension, trailers, open: false })
}

fn raw_chunks(text: &str) -> Reply {
    Reply::raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{text}"))
}

fn chunks() -> Vec<Case> {
    let broken = |error: &Error| error.is_incomplete() || error.is_invalid();
    let open =
        Framing::Chunks { size: 1000, extension: String::new(), trailers: Vec::new(), open: true };
    let odd = Framing::Chunks {
        size: 1000,
        extension: ";a=b".into(),
        trailers: vec![("X-End".into(), "1".into())],
        open: false,
    };
    let head = || Raw::new().text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    vec![
        Case::new("chunks", chunked(1000), Expect::Whole),
        Case::new("chunks of a byte", Reply::ok(body()).framing(Framing::Chunked), Expect::Whole),
        Case::new("chunks with extensions and trailers", good().framing(odd), Expect::Whole),
        Case::refused("no last chunk", good().framing(open).close(), broken),
        Case::refused("cut between chunks", chunked(1000).cut(5000), broken),
        Case::refused("cut within a chunk", chunked(1000).cut(5001), broken),
        Case::refused(
            "chunk size that is no number",
            raw_chunks("xyz\r\nabc\r\n0\r\n\r\n"),
            broken,
        ),
        Case::refused("negative chunk size", raw_chunks("-3\r\nabc\r\n0\r\n\r\n"), broken),
        Case::refused(
            "chunk size beyond 64 bits",
            raw_chunks("10000000000000000\r\nabc\r\n0\r\n\r\n"),
            broken,
        ),
        Case::refused("chunk of 2^64 - 1", raw_chunks("ffffffffffffffff\r\nabc"), broken),
        Case::refused("chunk without its end", raw_chunks("3\r\nabcdef\r\n0\r\n\r\n"), broken),
        Case::refused(
            "endless chunk extension",
            Reply::raw(head().text("3;").endless("a=b;")),
            broken,
        ),
        Case::refused(
            "endless trailers",
            Reply::raw(head().text("0\r\n").endless("A: b\r\n")),
            broken,
        ),
        Case::refused("endless chunk size", Reply::raw(head().endless("0")), Error::is_timeout)
            .never_ends(),
        Case::refused(
            "endless chunks of a byte",
            Reply::raw(head().endless("1\r\na\r\n")),
            Error::is_too_large,
        ),
    ]
}

fn heads() -> Vec<Case> {
    let refused = |it: &Error| it.is_invalid() || it.is_incomplete() || it.is_connect();
    let raw = |raw: &str| Reply::raw(raw);
    let raws = |raw: Raw| Reply::raw(raw);
    vec![
        Case::refused("no HTTP at all", raw("220 mail.example.org ESMTP\r\n"), refused),
        Case::refused("bytes at random", raws(Raw::new().generated(3, 5000)), refused),
        Case::refused("a reply of 1991", raw("<html>hello</html>"), refused),
        Case::refused("a version to come", raw("HTTP/7.3 200 OK\r\n\r\nhello"), refused),
        Case::refused("a status of letters", raw("HTTP/1.1 OK 200\r\n\r\nhello"), refused),
        Case::refused("a status out of range", raw("HTTP/1.1 99 Low\r\n\r\n"), refused),
        Case::refused("half a status line", raw("HTTP/1.1 20"), refused),
        Case::refused("half a head", raw("HTTP/1.1 200 OK\r\nContent-Le"), refused),
        Case::refused("a head without names", raw("HTTP/1.1 200 OK\r\n: a\r\n\r\n"), refused),
        Case::refused("a NUL in a header", raw("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"), refused),
        Case::refused("endless status line", raws(Raw::new().endless("HTTP/1.1 200 ")), refused),
        Case::refused(
            "endless reason",
            raws(Raw::new().text("HTTP/1.1 200 ").endless("fine ")),
            refused,
        ),
        Case::refused(
            "endless header",
            raws(Raw::new().text("HTTP/1.1 200 OK\r\nA: ").endless("a")),
            refused,
        ),
        Case::refused(
            "endless headers",
            raws(Raw::new().text("HTTP/1.1 200 OK\r\n").endless("A: b\r\n")),
            refused,
        ),
        Case::refused(
            "a million headers",
            raws(Raw::new().text("HTTP/1.1 200 OK\r\n").repeat("A: b\r\n", 1_000_000).text("\r\n")),
            refused,
        ),
        Case::refused(
            "endless early hints",
            raws(Raw::new().endless("HTTP/1.1 103 Early Hints\r\n\r\n")),
            Error::is_timeout,
        )
        .never_ends(),
        Case::new("early hints first", good().before("HTTP/1.1 103 Hi\r\n\r\n"), Expect::Whole),
        Case::refused("an upgrade that nobody wanted", raw("HTTP/1.1 101 Go\r\n\r\n"), |_| true),
        Case::refused("hangs up", Reply::hang_up(), refused),
        Case::refused("resets", Reply::reset(), refused),
        Case::new("a second reply behind", good().after("HTTP/1.1 200 OK\r\n\r\n"), Expect::Whole),
        Case::refused(
            "an unknown transfer coding",
            good().header("Transfer-Encoding", "gzip").close(),
            refused,
        ),
    ]
}

fn silences() -> Vec<Case> {
    let timeout = Error::is_timeout;
    let every = Duration::from_millis(20);
    // So slow that not even the shortest head is there by the deadline.
    let all = Duration::from_millis(200);
    [
        ("silence", Reply::silence()),
        ("stalls after the head", good().stall(Stall::at(At::Body(0)))),
        ("stalls in the middle", good().stall(Stall::at(At::Body(SIZE / 2)))),
        ("stalls before the last byte", good().stall(Stall::at(At::Body(SIZE - 1)))),
        ("stalls within the head", good().stall(Stall::at(At::Wire(9)))),
        ("trickles all", good().trickle_all(1, all)),
        (
            "stalls in an error's body",
            Reply::status(500).body(body()).stall(Stall::at(At::Wire(9))),
        ),
    ]
    .map(|(name, reply)| Case::refused(name, reply, timeout).never_ends())
    .into_iter()
    .chain([Case::refused("trickles its body", good().trickle(1, every), timeout)
        .never_ends()
        .fetch_only()])
    .collect()
}

fn codings() -> Vec<Case> {
    let spoilt = Error::is_incomplete;
    let mut cases = vec![
        Case::refused("says gzip and is not", good().header("Content-Encoding", "gzip"), spoilt),
        Case::refused("an unknown coding", good().header("Content-Encoding", "lzma"), |it| {
            it.is_unsupported()
        }),
        Case::refused(
            "packed twice",
            good().coding(Coding::Gzip).header("Content-Encoding", "gzip, gzip"),
            Error::is_unsupported,
        ),
        Case::new("says identity", good().header("Content-Encoding", "identity"), Expect::Whole),
    ];
    // By name and coding: what is packed right, and what is spoilt in each way.
    for (coding, [right, cut, long, open, bomb]) in [
        (Coding::Gzip, ["gzip", "gzip cut", "gzip with more behind", "gzip open", "gzip bomb"]),
        (Coding::Br, ["br", "br cut", "br with more behind", "br open", "br bomb"]),
        (Coding::Zstd, ["zstd", "zstd cut", "zstd with more behind", "zstd open", "zstd bomb"]),
    ] {
        let packed = || good().coding(coding);
        cases.extend([
            Case::new(right, packed(), Expect::Whole),
            Case::refused(cut, packed().cut(SIZE / 2), spoilt),
            Case::refused(open, packed().framing(Framing::Bare).cut(SIZE - 1), spoilt),
            Case::refused(
                bomb,
                Reply::ok(Body::Zeros(1 << 30)).coding(coding),
                Error::is_too_large,
            ),
            Case::refused(long, packed().framing(Framing::Bare).after("more").close(), spoilt),
        ]);
    }
    cases.push(Case::refused("gzip spoilt", good().coding(Coding::Gzip).corrupt(5000), spoilt));
    cases.push(Case::refused(
        "gzip's hash spoilt",
        good().coding(Coding::Gzip).corrupt(-6),
        spoilt,
    ));
    cases.push(Case::refused(
        "gzip's size spoilt",
        good().coding(Coding::Gzip).corrupt(-2),
        spoilt,
    ));
    cases
}

/// The document's hashes, computed by other means.
const MD5: &str = "pns6Qva2is1HcCPsro/xww==";
const SHA256: &str = "X6NriClk03SJR83NUZmQRpBnKzCezkV414IIJTNMrZg=";
const CRC32: &str = "QezCZw==";

fn hashes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (right, wrong, name, value) in [
        ("Content-MD5", "Content-MD5 broken", "Content-MD5", MD5.to_owned()),
        (
            "Content-Digest",
            "Content-Digest broken",
            "Content-Digest",
            format!("sha-256=:{SHA256}:"),
        ),
        ("Repr-Digest", "Repr-Digest broken", "Repr-Digest", format!("sha-256=:{SHA256}:")),
        ("Digest", "Digest broken", "Digest", format!("SHA-256={SHA256}")),
        ("x-amz crc32", "x-amz crc32 broken", "x-amz-checksum-crc32", CRC32.to_owned()),
        ("x-amz sha256", "x-amz sha256 broken", "x-amz-checksum-sha256", SHA256.to_owned()),
        ("x-goog-hash", "x-goog-hash broken", "x-goog-hash", format!("md5={MD5}")),
    ] {
        let promised = || good().header(name, value.clone());
        cases.push(Case::new(right, promised(), Expect::Whole));
        cases.push(Case::refused(wrong, promised().corrupt(77), Error::is_incomplete));
    }
    cases.push(Case::new(
        "a hash proves the end",
        good().framing(Framing::Bare).header("Digest", format!("SHA-256={SHA256}")),
        Expect::Whole,
    ));
    cases.push(Case::refused(
        "a hash finds the cut",
        good().framing(Framing::Bare).cut(999).header("Digest", format!("SHA-256={SHA256}")),
        Error::is_incomplete,
    ));
    cases.push(Case::new(
        "a hash of an unknown kind",
        good().header("Digest", "UNIXsum=30637"),
        Expect::Whole,
    ));
    cases
}

fn statuses() -> Vec<Case> {
    let lasting = |it: &Error| !it.is_transient();
    vec![
        Case::refused("404", Reply::status(404), Error::is_not_found),
        Case::refused("410", Reply::status(410), Error::is_not_found),
        Case::refused("401", Reply::status(401), Error::is_unauthorized),
        Case::refused("403", Reply::status(403).body("no"), Error::is_unauthorized),
        Case::refused("400", Reply::status(400), lasting),
        Case::refused("418", Reply::status(418), lasting),
        Case::refused("500", Reply::status(500), Error::is_transient),
        Case::refused("502", Reply::status(502), Error::is_transient),
        Case::refused("503", Reply::status(503), Error::is_transient),
        Case::refused("999", Reply::status(999), lasting),
        Case::refused("206 unasked", Reply::status(206).body(body()), lasting),
        Case::refused("304 unasked", Reply::status(304), lasting),
        Case::refused("202", Reply::status(202), Error::is_transient),
        Case::refused("429 with a wish", retry_after(429, "7"), |it| {
            it.is_transient() && it.retry_after() == Some(Duration::from_secs(7))
        }),
        Case::refused("503 with a date", retry_after(503, "Fri, 31 Dec 1999 23:59:59 GMT"), |it| {
            it.is_transient() && it.retry_after() == Some(Duration::ZERO)
        }),
        Case::refused("503 with an absurd wish", retry_after(503, "1000000000000"), |it| {
            it.is_transient() && it.retry_after() == Some(Duration::from_secs(1_000_000_000_000))
        }),
        Case::refused("503 with a wish beyond bounds", retry_after(503, &"9".repeat(99)), |it| {
            it.is_transient() && it.retry_after().is_some()
        }),
        Case::refused("503 with nonsense", retry_after(503, "-1"), |it| {
            it.is_transient() && it.retry_after().is_none()
        }),
        Case::refused(
            "an endless error",
            Reply::raw(Raw::new().text("HTTP/1.1 500 No\r\n\r\n").endless("no ")),
            Error::is_transient,
        ),
    ]
}

fn retry_after(status: u16, wish: &str) -> Reply {
    Reply::status(status).header("Retry-After", wish)
}

fn redirects() -> Vec<Case> {
    let refused = |_: &Error| true;
    vec![
        Case::refused("redirects to a file", to("file:///etc/passwd"), Error::is_unsupported),
        Case::refused("redirects to ftp", to("ftp://127.0.0.1/"), Error::is_unsupported),
        Case::refused("redirects to javascript", to("javascript:1"), Error::is_unsupported),
        Case::refused("redirects to no URL", to("http://[::1:x/"), Error::is_invalid),
        Case::refused("redirects nowhere", Reply::status(302), Error::is_invalid),
        Case::refused("redirects to nobody", to("http://127.0.0.1:1/"), Error::is_connect),
        Case::refused("redirects in a circle", to("/case/circle"), refused).requests(11),
    ]
    .into_iter()
    .map(Case::http_only)
    .chain([hops("ten redirects", 10, Expect::Whole).requests(11).http_only()])
    .chain([hops("eleven redirects", 11, Expect::Refused(refused)).requests(11).http_only()])
    .collect()
}

fn to(location: &str) -> Reply {
    Reply::redirect(302, location)
}

/// So many redirects before the document.
fn hops(name: &'static str, hops: u32, expect: Expect) -> Case {
    let mut script = Script::new().rule(On::path(format!("/hop/{hops}")), good());
    for hop in 1..hops {
        script = script.rule(On::path(format!("/hop/{hop}")), to(&format!("{}", hop + 1)));
    }
    Case::scripted(name, script.rule(On::any(), to("/hop/1")), expect)
}
