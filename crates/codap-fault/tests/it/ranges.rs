//! Right and wrong answers to `Range`.

use codap_fault::{Coding, On, Ranges, Reply, Script};

use crate::peer::{Got, Peer, get, serve};

const BODY: &str = "0123456789";

/// The answer to these headers.
fn answer(ranges: Ranges, headers: &str) -> Got {
    let reply = Reply::ok(BODY).etag("\"v1\"").ranges(ranges);
    let server = serve(Script::new().rule(On::any(), reply));
    Peer::new(&server).get_with("/", headers)
}

fn seen(got: &Got) -> (u16, &str, Option<&str>) {
    (got.status, got.text(), got.header("content-range"))
}

#[test]
fn a_range_is_served() {
    for (range, body, label) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let got = answer(Ranges::Serve, &format!("Range: {range}\r\n"));
        assert_eq!(seen(&got), (206, body, Some(label)), "{range}");
        assert_eq!(got.header("etag"), Some("\"v1\""));
        assert_eq!(got.header("accept-ranges"), Some("bytes"));
    }
    let got = answer(Ranges::Serve, "Range: bytes=10-\r\n");
    assert_eq!(seen(&got), (416, "", Some("bytes */10")));
    for whole in ["", "Range: bytes=0-1,4-5\r\n", "Range: lines=1-2\r\n"] {
        assert_eq!(seen(&answer(Ranges::Serve, whole)), (200, BODY, None), "{whole}");
    }
}

#[test]
fn if_range_decides() {
    let with = |ranges, tag| answer(ranges, &format!("Range: bytes=2-\r\nIf-Range: {tag}\r\n"));
    assert_eq!(with(Ranges::Serve, "\"v1\"").status, 206);
    for stale in ["\"v0\"", "W/\"v1\"", "Tue, 01 Jan 2030 00:00:00 GMT"] {
        assert_eq!(seen(&with(Ranges::Serve, stale)), (200, BODY, None), "{stale}");
        assert_eq!(with(Ranges::DespiteIfRange, stale).status, 206, "{stale}");
    }
}

#[test]
fn wrong_answers_are_wrong_as_they_say() {
    for (ranges, expected) in [
        (Ranges::Ignore, (200, BODY, None)),
        (Ranges::Moved(1), (206, "345", Some("bytes 3-5/10"))),
        (Ranges::Moved(-2), (206, "012", Some("bytes 0-2/10"))),
        (Ranges::Moved(7), (206, "9", Some("bytes 9-9/10"))),
        (Ranges::Mislabelled(1), (206, "234", Some("bytes 3-5/10"))),
        (Ranges::Short(1), (206, "23", Some("bytes 2-3/10"))),
        (Ranges::Clipped(1), (206, "23", Some("bytes 2-4/10"))),
        (Ranges::Clipped(9), (206, "", Some("bytes 2-4/10"))),
        (Ranges::WrongTotal(5), (206, "234", Some("bytes 2-4/15"))),
        (Ranges::Unlabelled, (206, "234", None)),
        (Ranges::AsWhole, (200, "234", None)),
        (Ranges::Refuse, (416, "", Some("bytes */10"))),
        (
            Ranges::Multipart,
            (
                206,
                "--codap-fault-part\r\nContent-Range: bytes 2-4/10\r\n\r\n234\r\n--codap-fault-part--\r\n",
                None,
            ),
        ),
    ] {
        assert_eq!(seen(&answer(ranges, "Range: bytes=2-4\r\n")), expected, "{ranges:?}");
    }
}

#[test]
fn an_entity_tag_changes_between_requests() {
    let script = Script::new()
        .rule(On::any().nth(1), Reply::ok(BODY).etag("\"v1\"").ranges(Ranges::Serve).cut(4))
        .rule(On::any(), Reply::ok("abcdefghij").etag("\"v2\"").ranges(Ranges::Serve));
    let server = serve(script);
    let mut first = Peer::new(&server);
    first.ask("/");
    assert!(first.head().contains("ETag: \"v1\"\r\n"));
    assert_eq!(first.rest().0, b"0123");
    let got = Peer::new(&server).get_with("/", "Range: bytes=4-\r\nIf-Range: \"v1\"\r\n");
    assert_eq!((got.status, got.text(), got.header("etag")), (200, "abcdefghij", Some("\"v2\"")));
}

#[test]
fn a_range_of_a_coded_body_is_one_of_its_coded_form() {
    let reply = Reply::ok(codap_fault::Body::Generated { size: 200_000, seed: 1 })
        .coding(Coding::Gzip)
        .ranges(Ranges::Serve);
    let server = serve(Script::new().rule(On::any(), reply));
    let whole = get(&server, "/").body;
    for range in [0..10, 5..70_000, 65_545..65_546, 131_000..whole.len()] {
        let header = format!("Range: bytes={}-{}\r\n", range.start, range.end - 1);
        let got = Peer::new(&server).get_with("/", &header);
        assert_eq!((got.status, &got.body[..]), (206, &whole[range]), "{header}");
    }
}
