//! Bodies that are opened and pulled: what only shows while they come.

use std::time::{Duration, Instant};

use codap_fault::{Body, Coding, On, Reply, Script, Server};
use codap_sources::{Error, Sources};

use crate::conformance::uri;

fn serve(reply: Reply) -> Server {
    Script::new().rule(On::any(), reply).start_blocking().unwrap()
}

#[tokio::test]
async fn what_is_not_packed_is_asked_for_and_what_is_packed_is_unpacked() {
    let size = 3 << 20;
    let plain = Reply::ok(Body::Generated { size, seed: 1 });
    let server = Script::new()
        .rule(On::path("/packed"), plain.clone().coding(Coding::Gzip))
        .rule(On::any(), plain)
        .start_blocking()
        .unwrap();
    for (path, length) in [("/plain", Some(size)), ("/packed", None)] {
        let mut body = Sources::new().open(&uri(&server.url(path))).await.unwrap();
        assert_eq!(body.length(), length, "{path}");
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        assert!(bytes == codap_fault::generated(1, 0..size), "{path}");
        assert!(body.is_length_verified(), "{path}");
    }
    for request in server.requests() {
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn the_peer_waits_while_nobody_pulls_and_goes_when_it_is_dropped() {
    let size = 1 << 30;
    let server = serve(Reply::ok(Body::Zeros(size)));
    let mut body = Sources::new().open(&uri(&server.url("/"))).await.unwrap();
    let mut pulled = 0;
    while pulled < 10 << 20 {
        pulled += body.next().await.unwrap().unwrap().len() as u64;
    }
    // What the two ends of the connection buffer, and no more.
    let sent = server.counters().bytes_sent;
    assert!((pulled..pulled + (32 << 20)).contains(&sent), "{sent} sent, {pulled} pulled");
    drop(body);
    let counters = server.wait_for(|it| it.open == 0).await.unwrap();
    assert!(counters.bytes_sent < size / 2, "{counters:?}");
}

#[tokio::test]
async fn an_error_gives_up_the_connection() {
    let server = serve(Reply::ok(Body::Zeros(1 << 30)).coding(Coding::Gzip));
    let sources = Sources::builder().max_streamed_size(1 << 20).build().unwrap();
    let mut body = sources.open(&uri(&server.url("/"))).await.unwrap();
    let error = loop {
        match body.next().await {
            Ok(chunk) => assert!(chunk.is_some(), "it came to an end"),
            Err(error) => break error,
        }
    };
    assert!(error.is_too_large(), "{error}");
    server.wait_for(|it| it.open == 0).await.unwrap();
    drop(body);
}

/// The time is that of the peer: a slow one may take longer in all, and a slow consumer is none of
/// its business.
#[tokio::test]
async fn only_the_peer_s_silence_counts() {
    let timeout = Duration::from_secs(1);
    let sources = Sources::builder().timeout(timeout).build().unwrap();
    let server = serve(Reply::ok(Body::Zeros(30)).trickle(1, timeout / 15));
    let began = Instant::now();
    let mut body = sources.open(&uri(&server.url("/"))).await.unwrap();
    while body.next().await.unwrap().is_some() {}
    assert!(began.elapsed() > timeout, "{:?} say nothing", began.elapsed());

    let server = serve(Reply::ok(Body::Zeros(1 << 20)));
    let mut body = sources.open(&uri(&server.url("/"))).await.unwrap();
    body.next().await.unwrap();
    // The passing of time is what is tested.
    tokio::time::sleep(timeout + timeout / 5).await;
    while body.next().await.unwrap().is_some() {}
}

#[tokio::test]
async fn a_body_is_pulled_from_anywhere() {
    let size = 2 << 20;
    let server = Script::new()
        .rule(On::any().without("range"), Reply::ok(Body::Zeros(size)).etag("\"1\"").cut(size / 2))
        .rule(
            On::any(),
            Reply::ok(Body::Zeros(size)).etag("\"1\"").ranges(codap_fault::Ranges::Serve),
        )
        .start_blocking()
        .unwrap();
    // Opened on this runtime, pulled on a thread that has none, over a break.
    let mut body = Sources::new().open(&uri(&server.url("/"))).await.unwrap();
    let pulling = std::thread::spawn(move || {
        let kv = codap::Kv::<_, u64>::on(&codap::Threads);
        kv.put("it", async move {
            let mut came = 0;
            while let Some(chunk) = body.next().await? {
                came += chunk.len() as u64;
            }
            Ok::<_, Error>(came)
        });
        *kv.get_blocking("it").unwrap()
    });
    let pulled = tokio::task::spawn_blocking(move || pulling.join().unwrap()).await.unwrap();
    assert_eq!(pulled, size);
    assert_eq!(server.counters().requests, 2);
}

#[tokio::test]
async fn a_dropped_body_of_no_runtime_ends_its_connection() {
    let server = serve(Reply::ok(Body::Zeros(1 << 30)));
    let url = server.url("/");
    let thread = std::thread::spawn(move || {
        let sources = Sources::new();
        let kv = codap::Kv::<_, codap_sources::Body>::on(&codap::Threads);
        kv.put("it", async move { sources.open(&uri(&url)).await });
        assert_eq!(kv.get_blocking("it").unwrap().length(), Some(1 << 30));
    });
    server.wait_for(|it| it.requests == 1 && it.open == 0).await.unwrap();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
}
