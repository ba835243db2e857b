//! A reply without faults is an ordinary HTTP/1.1 reply.

use codap_fault::{Body, On, Reply, Script};

use crate::peer::{Peer, get};

#[test]
fn a_reply_is_what_the_script_says() {
    let reply = Reply::status(418).reason("Teapot").header("X-A", "1").body("short and stout");
    let server = Script::new().rule(On::path("/tea"), reply).start_blocking().unwrap();
    let got = get(&server, "/tea");
    assert_eq!(got.status, 418);
    assert_eq!(
        got.head,
        "HTTP/1.1 418 Teapot\r\nX-A: 1\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: 15\r\n\r\n"
    );
    assert_eq!(got.text(), "short and stout");
}

#[test]
fn bodies_of_every_kind() {
    let json = serde_json::json!({ "a": [1, null] });
    let script = Script::new()
        .rule(On::path("/empty"), Reply::status(200))
        .rule(On::path("/bytes"), Reply::ok(vec![0, 255]))
        .rule(On::path("/json"), Reply::ok(json.clone()))
        .rule(On::path("/generated"), Reply::ok(Body::Generated { size: 100_000, seed: 7 }))
        .rule(On::path("/zeros"), Reply::ok(Body::Zeros(3)))
        .rule(On::path("/key/*"), Reply::ok(Body::Echo));
    let server = script.start_blocking().unwrap();
    let mut peer = Peer::new(&server);
    assert_eq!(peer.get("/empty").body, b"");
    assert_eq!(peer.get("/bytes").body, [0, 255]);
    let got = peer.get("/json");
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&got.body).unwrap(), json);
    assert_eq!(peer.get("/generated").body, codap_fault::generated(7, 0..100_000));
    assert_eq!(peer.get("/zeros").body, [0, 0, 0]);
    assert_eq!(peer.get("/key/a%20b?c=d").text(), "/key/a%20b?c=d");
    assert_eq!(server.counters().connections, 1);
}

#[test]
fn what_no_rule_is_for_is_not_found() {
    let server = Script::new().start_blocking().unwrap();
    let got = get(&server, "/nowhere");
    assert_eq!((got.status, got.text()), (404, "no rule of the script is for GET /nowhere\n"));
    assert_eq!(server.counters().unmatched, 1);
}

#[test]
fn redirects_go_where_they_are_told() {
    let script = Script::new()
        .rule(On::path("/loop"), Reply::redirect(302, "/loop"))
        .rule(On::path("/file"), Reply::redirect(307, "file:///etc/passwd"))
        .rule(On::path("/odd"), Reply::redirect(301, "http://[::1:x/"));
    let server = script.start_blocking().unwrap();
    for (path, status, location) in [
        ("/loop", 302, "/loop"),
        ("/file", 307, "file:///etc/passwd"),
        ("/odd", 301, "http://[::1:x/"),
    ] {
        let got = get(&server, path);
        assert_eq!((got.status, got.header("location")), (status, Some(location)));
    }
}
