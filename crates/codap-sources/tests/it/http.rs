//! HTTP as its users see it.

use std::net::TcpListener;
use std::time::Duration;

use codap_fault::{Body, On, Reply, Script, Server};
use codap_sources::Sources;
use serde_json::json;

use crate::canary::{self, SECRET};
use crate::conformance::{self, Place, failing, fetch, uri};

/// A port that nobody listens at.
pub(crate) fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn serve(rules: impl IntoIterator<Item = (&'static str, Reply)>) -> Server {
    let rules = rules.into_iter();
    let script =
        rules.fold(Script::new(), |script, (path, reply)| script.rule(On::path(path), reply));
    script.start_blocking().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_conforms() {
    let size = 2 << 20;
    let server = serve([
        ("/json", Reply::ok(json!({ "a": [1, "two"] }))),
        ("/large", Reply::ok(Body::Generated { size, seed: 1 })),
        ("/silent", Reply::silence()),
        ("/missing", Reply::status(404)),
    ]);
    let user = |url: String| url.replace("http://", &format!("http://ada:{SECRET}@"));
    conformance::run(Place {
        builder: Sources::builder().header(server.url("/"), "authorization", SECRET),
        json: (user(server.url("/json")), json!({ "a": [1, "two"] })),
        missing: server.url(&format!("/missing?api_key={SECRET}")),
        large: (server.url("/large"), size),
        nobody: Some(user(format!("http://127.0.0.1:{}/", nobody()))),
        silent: Some(user(server.url("/silent"))),
    })
    .await;
}

#[tokio::test]
async fn what_a_reply_says_of_itself_is_kept() {
    let reply = Reply::ok("{}").header("Content-Type", "application/json").etag("\"v1\"");
    let server = serve([("/", reply)]);
    let document = fetch(&Sources::new(), &server.url("/")).await.unwrap();
    assert_eq!(document.content_type(), Some("application/json"));
    assert_eq!(document.version(), Some("\"v1\""));
    assert!(document.is_length_verified());
}

#[tokio::test]
async fn what_is_no_json_or_text_says_where() {
    let server = serve([
        ("/html", Reply::ok("<html>").header("Content-Type", "text/html")),
        ("/deep", Reply::ok("[".repeat(100_000))),
        ("/empty", Reply::status(200)),
        ("/bytes", Reply::ok(vec![0xff, 0xfe])),
    ]);
    let sources = Sources::new();
    for (path, told) in [("/html", "text/html"), ("/deep", "column"), ("/empty", "empty")] {
        let error = fetch(&sources, &server.url(path)).await.unwrap().json().unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains(told), "{error}");
    }
    let error = fetch(&sources, &server.url("/bytes")).await.unwrap().text().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("UTF-8"), "{error}");
}

#[tokio::test]
async fn credentials_go_to_their_origin_only() {
    canary::watch();
    let other = serve([("/*", Reply::ok("there"))]);
    let away = other.url_at("localhost", "/away");
    let server = serve([
        ("/stay", Reply::redirect(302, "/here")),
        ("/here", Reply::ok("here")),
        ("/leave", Reply::redirect(307, away)),
    ]);
    let key = "x-api-key";
    let sources = Sources::builder().header(server.url("/any"), key, SECRET).build().unwrap();
    let user = |url: String| url.replace("http://", &format!("http://ada:{SECRET}%21@"));
    let basic = |request: &codap_fault::Request| request.header("authorization").map(str::to_owned);

    let document = fetch(&sources, &user(server.url("/stay"))).await.unwrap();
    assert_eq!(document.text().unwrap(), "here");
    for request in server.requests() {
        assert_eq!(request.header(key), Some(SECRET));
        // ada:CANARY7x!
        assert_eq!(basic(&request).as_deref(), Some("Basic YWRhOkNBTkFSWTd4IQ=="));
    }
    let document = fetch(&sources, &user(server.url("/leave"))).await.unwrap();
    assert_eq!(document.text().unwrap(), "there");
    for request in other.requests() {
        let told = format!("{request:?}");
        assert!(!told.contains(SECRET) && basic(&request).is_none(), "{told}");
        assert!(request.header("referer").is_none(), "{told}");
    }
    canary::check_logs();
}

#[tokio::test]
async fn credentials_do_not_come_back_with_a_redirect() {
    let home = Script::new()
        .rule(On::path("/end").header("x-api-key", "*"), Reply::ok("with"))
        .rule(On::path("/end"), Reply::ok("without"))
        .start_blocking()
        .unwrap();
    let there = Script::new().rule(On::any(), Reply::redirect(302, home.url("/end")));
    let there = there.start_blocking().unwrap();
    let sources = Sources::builder().header(home.url("/"), "x-api-key", SECRET).build().unwrap();
    assert_eq!(fetch(&sources, &home.url("/end")).await.unwrap().text().unwrap(), "with");
    // A stranger has no say in what home is asked with its key.
    assert_eq!(fetch(&sources, &there.url("/")).await.unwrap().text().unwrap(), "without");
}

#[tokio::test]
async fn user_info_of_a_redirect_is_not_sent() {
    let server = Script::new().rule(On::path("/end"), Reply::ok("end")).start_blocking().unwrap();
    let to = server.url("/end").replace("http://", "http://eve:pw@");
    let start = Script::new().rule(On::any(), Reply::redirect(302, to)).start_blocking().unwrap();
    assert_eq!(fetch(&Sources::new(), &start.url("/")).await.unwrap().text().unwrap(), "end");
    assert_eq!(server.requests()[0].header("authorization"), None);
}

/// A reply that goes on behind its end may be meant to be taken for the reply to whoever comes
/// next on the connection. (What comes there later than with the reply itself, but ahead of the
/// next request, HTTP/1.1 cannot tell from the next reply.)
#[tokio::test]
async fn what_comes_with_a_reply_but_behind_it_is_nobody_s_reply() {
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodHTTP/1.1 200 OK\r\nContent-Length: \
               4\r\n\r\nEVIL";
    let server = Script::new()
        .rule(On::path("/two/*"), Reply::raw(two))
        .rule(On::any(), Reply::ok(Body::Echo))
        .start_blocking()
        .unwrap();
    let sources = Sources::new();
    for n in 0..100 {
        let document = fetch(&sources, &server.url(&format!("/two/{n}"))).await.unwrap();
        assert_eq!(document.text().unwrap(), "good");
        let path = format!("/one/{n}");
        let document = fetch(&sources, &server.url(&path)).await.unwrap();
        assert_eq!(document.text().unwrap(), path);
    }
}

#[tokio::test]
async fn paths_arrive_as_they_were_meant() {
    let server = Script::new().rule(On::any(), Reply::ok(Body::Echo)).start_blocking().unwrap();
    let sources = Sources::new();
    for (written, sent) in [
        ("/a%2Fb", "/a%2Fb"),
        ("/a/../b", "/b"),
        ("/a%0d%0aX:1", "/a%0d%0aX:1"),
        ("/ä b", "/%C3%A4%20b"),
        ("/q?a=b&c=%26#fragment", "/q?a=b&c=%26"),
        ("?q", "/?q"),
    ] {
        let base = server.url("/");
        let text = format!("{}{written}", base.trim_end_matches('/'));
        let document = fetch(&sources, &text).await.unwrap();
        assert_eq!(document.text().unwrap(), sent, "of {written}");
    }
    assert_eq!(server.counters().bad_requests, 0);
}

#[tokio::test]
async fn a_dropped_fetch_ends_its_connection() {
    let server = serve([("/", Reply::silence())]);
    let sources = Sources::new();
    let fetching = tokio::spawn(sources.fetch(&uri(&server.url("/"))));
    server.wait_for(|it| it.stalled == 1).await.unwrap();
    fetching.abort();
    server.wait_for(|it| it.open == 0).await.unwrap();
}

#[tokio::test]
async fn connections_are_kept_and_shared_by_clones() {
    let server = serve([("/", Reply::ok("x"))]);
    let sources = Sources::new();
    for _ in 0..20 {
        fetch(&sources.clone(), &server.url("/")).await.unwrap();
    }
    assert_eq!(server.counters().connections, 1);
}

#[tokio::test]
async fn private_addresses_are_refused_when_asked_for() {
    let server = serve([("/", Reply::ok("inside"))]);
    let sources = Sources::builder().refuse_private_addresses(true).build().unwrap();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let error = failing(&sources, &server.url_at(host, "/")).await;
        assert!(error.is_connect() && !error.is_transient(), "{error:?}");
        assert!(error.to_string().contains("not a public address"), "{error}");
    }
    assert_eq!(server.counters().connections, 0);
}

#[tokio::test]
async fn an_unknown_name_is_said() {
    let sources = Sources::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let error = failing(&sources, "http://no-such-host.invalid/").await;
    let told = error.to_string();
    assert!(error.is_connect() && told.contains("the name no-such-host.invalid"), "{told}");
}

#[tokio::test]
async fn nothing_is_tried_twice_below_the_caller() {
    let server = serve([("/500", Reply::status(503)), ("/reset", Reply::reset())]);
    let sources = Sources::new();
    for path in ["/500", "/reset"] {
        assert!(failing(&sources, &server.url(path)).await.is_transient());
        assert_eq!(server.counters().target(path), 1, "{path}");
    }
}

#[tokio::test]
async fn codap_retries_what_is_transient_as_the_server_wishes() {
    let server = Script::new()
        .rule(On::any().nth(1), Reply::status(503).header("Retry-After", "0"))
        .rule(On::any(), Reply::ok("at last"))
        .start_blocking()
        .unwrap();
    let (sources, uri) = (Sources::new(), uri(&server.url("/")));
    let document = codap::fetch(|| sources.fetch(&uri))
        .retry([Duration::from_secs(3600)])
        .retry_if(codap_sources::Error::is_transient)
        .retry_after(codap_sources::Error::retry_after)
        .await
        .unwrap();
    assert_eq!(document.text().unwrap(), "at last");
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_refused() {
    for (origin, name, value) in [
        ("ftp://host", "a", "b"),
        ("path", "a", "b"),
        ("http://host", "a b", "c"),
        ("http://host", "a", "b\r\nc: d"),
    ] {
        let error = Sources::builder().header(origin, name, value).build().unwrap_err();
        assert!(error.is_invalid() || error.is_unsupported(), "{error}");
    }
    let error = Sources::builder().header("http://host", "a", format!("{SECRET}\n")).build();
    canary::check(&error.unwrap_err());
}
