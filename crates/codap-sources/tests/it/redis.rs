//! Redis: its types as documents, its errors in one line, and replies that stay with their request.

use std::time::Duration;

use codap_sources::{Builder, Error, Sources};
use redis::{Commands as _, ConnectionLike as _, cmd, pipe};
use serde_json::{Value, json};

use crate::conformance::{self, Place};
use crate::peer::{polled, storm};
use crate::servers::{run, server, server_with_tls};

fn connect(address: &str) -> redis::Connection {
    redis::Client::open(address).expect("an address").get_connection().expect("a server")
}

async fn json_of(sources: &Sources, address: &str, key: &str) -> Value {
    let document = sources.fetch(&format!("{address}/{key}").parse().unwrap()).await.unwrap();
    assert_eq!(document.content_type(), Some("application/json"));
    assert!(document.is_length_verified());
    document.json().unwrap()
}

#[test]
fn it_conforms() {
    let Some(address) = server("redis") else { return };
    run(conformance::run(place(Sources::builder(), &address, &address)));
}

#[test]
fn it_conforms_under_tls() {
    let Some(plain) = server("redis") else { return };
    let Some((address, authority)) = server_with_tls("redis") else { return };
    let builder = Sources::builder().env("SSL_CERT_FILE", authority);
    run(async move {
        conformance::run(place(builder, &plain, &address)).await;
        // Who does not know the authority is not to talk to it.
        let uri = format!("{address}/conforms:json").parse().unwrap();
        let error = Sources::new().fetch(&uri).await.unwrap_err();
        assert!(error.is_connect() && error.to_string().contains("SSL_CERT_FILE"), "{error}");
    });
}

/// Filled at one address, and asked at another one of the same server.
fn place(builder: Builder, filled: &str, address: &str) -> Place {
    let mut connection = connect(filled);
    connection.set::<_, _, ()>("conforms:json", r#"{"a":[1,null]}"#).unwrap();
    connection.set::<_, _, ()>("conforms:large", vec![b'x'; 2_000_000]).unwrap();
    Place {
        builder,
        json: (format!("{address}/conforms:json"), json!({"a": [1, null]})),
        missing: format!("{address}/conforms:missing"),
        large: (format!("{address}/conforms:large"), 2_000_000),
        // Nobody listens on port 1.
        nobody: Some("redis://:CANARY7x@127.0.0.1:1/key".to_owned()),
        silent: None,
    }
}

#[test]
fn every_type_has_its_document() {
    let Some(address) = server("redis") else { return };
    let mut connection = connect(&address);
    let binary: &[u8] = b"\0\xff\r\n$9\r\n";
    pipe()
        .del(&["types:hash", "types:list", "types:set", "types:sorted"])
        .set("types:text", "hel\u{f6}")
        .set("types:binary", binary)
        .set("types:empty", "")
        .hset("types:hash", "name", "Ada")
        .hset("types:hash", "age", 36)
        .hset("types:hash", "key", binary)
        .rpush("types:list", &["b", "a", "b"])
        .sadd("types:set", &["b", "c", "a"])
        .zadd("types:sorted", "late", "2.5")
        .zadd("types:sorted", "early", "-1")
        .zadd("types:sorted", "never", "inf")
        .set("types:with/slash and space", "found")
        .exec(&mut connection)
        .unwrap();
    run(async move {
        let sources = Sources::new();
        for (key, bytes) in [
            ("types:text", "hel\u{f6}".as_bytes()),
            ("types:binary", binary),
            ("types:empty", b""),
            ("types:with/slash%20and%20space", b"found"),
            ("0/types:with%2Fslash%20and%20space", b"found"),
        ] {
            let uri = format!("{address}/{key}").parse().unwrap();
            let document = sources.fetch(&uri).await.unwrap();
            assert_eq!(document.bytes(), bytes, "{key}");
            assert_eq!(document.content_type(), None, "a string has no type of its own");
        }
        assert_eq!(
            json_of(&sources, &address, "types:hash").await,
            json!({"name": "Ada", "age": "36", "key": {"base64": "AP8NCiQ5DQo="}})
        );
        assert_eq!(json_of(&sources, &address, "types:list").await, json!(["b", "a", "b"]));
        assert_eq!(json_of(&sources, &address, "types:set").await, json!(["a", "b", "c"]));
        assert_eq!(
            json_of(&sources, &address, "types:sorted").await,
            json!([["early", -1], ["late", 2.5], ["never", "inf"]])
        );
    });
}

#[test]
fn another_database_is_chosen_by_number() {
    let Some(address) = server("redis") else { return };
    let mut connection = connect(&format!("{address}/3"));
    connection.set::<_, _, ()>("only:there", "3").unwrap();
    run(async move {
        let sources = Sources::new();
        let there = sources.fetch(&format!("{address}/3/only:there").parse().unwrap()).await;
        assert_eq!(there.unwrap().text().unwrap(), "3");
        let here = sources.fetch(&format!("{address}/only:there").parse().unwrap()).await;
        assert!(here.unwrap_err().is_not_found());
    });
}

#[test]
fn what_goes_wrong_is_told_in_a_line_that_helps() {
    let Some(address) = server("redis") else { return };
    let mut connection = connect(&address);
    cmd("XADD").arg(&["wrong:stream", "*", "a", "1"]).exec(&mut connection).unwrap();
    let binary: &[u8] = b"\xff";
    connection.hset::<_, _, _, ()>("wrong:field", binary, "1").unwrap();
    let host = address.rsplit_once('@').map_or(&*address, |(_, host)| host).to_owned();
    let refuses = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    run(async move {
        let sources = Sources::new();
        let check = async |uri: String, is: fn(&Error) -> bool, tells: &str| {
            let error = sources.fetch(&uri.parse().unwrap()).await.unwrap_err();
            assert!(is(&error), "{error:?}");
            assert!(error.to_string().contains(tells), "{tells:?} is not in: {error}");
            assert!(!format!("{error}{error:?}").contains("CANARY7x"), "{error:?}");
        };
        check(format!("{address}/wrong:none"), Error::is_not_found, "no key \"wrong:none\"").await;
        check(format!("{address}/"), Error::is_invalid, "names no key").await;
        check(format!("{address}/wrong:stream"), Error::is_unsupported, "type stream").await;
        check(format!("{address}/wrong:field"), Error::is_invalid, "not UTF-8").await;
        check(format!("{address}/99/key"), Error::is_not_found, "number in the path").await;
        check(format!("redis://{host}/key"), Error::is_unauthorized, "REDIS_PASSWORD").await;
        check(format!("redis://:CANARY7x@{host}/key"), Error::is_unauthorized, "REDIS_PASSWORD")
            .await;
        check(format!("redis://ada:CANARY7x@{host}/key"), Error::is_unauthorized, "password").await;
        check(format!("redis://{refuses}/key"), Error::is_connect, "whether the server runs").await;
        check("redis://127.0.0.1:port/key".into(), Error::is_invalid, "no port").await;
        let hasty = Sources::builder().timeout(Duration::from_millis(300)).build().unwrap();
        let error =
            hasty.fetch(&format!("rediss://{host}/key").parse().unwrap()).await.unwrap_err();
        assert!(error.is_timeout() && error.to_string().contains("TLS"), "{error}");
    });
}

#[test]
fn the_password_of_the_environment_is_used() {
    let Some(address) = server("redis") else { return };
    connect(&address).set::<_, _, ()>("environment:key", "in").unwrap();
    let (_, rest) = address.split_once("://:").expect("the server has a password");
    let (password, host) = rest.split_once('@').expect("and a host");
    let sources = Sources::builder().env("REDIS_PASSWORD", password).build().unwrap();
    let uri = format!("redis://{host}/environment:key").parse().unwrap();
    run(async move {
        assert_eq!(sources.fetch(&uri).await.unwrap().text().unwrap(), "in");
    });
}

#[test]
fn what_is_too_large_is_not_read_to_its_end() {
    let Some(address) = server("redis") else { return };
    let mut connection = connect(&address);
    connection.set::<_, _, ()>("large:text", "x".repeat(1_000)).unwrap();
    connection.set::<_, _, ()>("large:huge", "x".repeat(50_000_000)).unwrap();
    connection.del::<_, ()>("large:list").unwrap();
    for _ in 0..50 {
        connection.rpush::<_, _, ()>("large:list", "y".repeat(1_000_000)).unwrap();
    }
    let sent = |connection: &mut redis::Connection| -> u64 {
        let info: String = cmd("INFO").arg("stats").query(connection).unwrap();
        let line = info.lines().find_map(|it| it.strip_prefix("total_net_output_bytes:"));
        line.expect("it counts what it sends").parse().unwrap()
    };
    run(async move {
        let fits = Sources::builder().max_size(1_000).build().unwrap();
        let uri = format!("{address}/large:text").parse().unwrap();
        assert_eq!(fits.fetch(&uri).await.unwrap().len(), 1_000);
        let short = Sources::builder().max_size(999).build().unwrap();
        assert!(short.fetch(&uri).await.unwrap_err().is_too_large());
        let before = sent(&mut connection);
        let huge = short.fetch(&format!("{address}/large:huge").parse().unwrap()).await;
        assert!(huge.unwrap_err().is_too_large());
        let so_much = sent(&mut connection) - before;
        assert!(so_much < 100_000, "{so_much} bytes of a string were sent for nothing");
        let list = short.fetch(&format!("{address}/large:list").parse().unwrap()).await;
        assert!(list.unwrap_err().is_too_large());
        // The connection that was left with the rest of the list is not used again.
        assert!(short.fetch(&uri).await.unwrap_err().is_too_large());
        connection.del::<_, ()>(&["large:huge", "large:list"]).unwrap();
    });
}

#[test]
fn an_idle_connection_that_died_is_not_an_error() {
    let Some(address) = server("redis") else { return };
    let mut connection = connect(&address);
    connection.set::<_, _, ()>("idle:key", "still").unwrap();
    run(async move {
        // By their user, so that the connections of no other test are closed.
        cmd("ACL")
            .arg(&["SETUSER", "idle", "on", ">CANARY7x-idle", "~*", "+@all"])
            .exec(&mut connection)
            .unwrap();
        let (_, host) = address.rsplit_once('@').expect("the address has a password");
        let uri = format!("redis://idle:CANARY7x-idle@{host}/idle:key").parse().unwrap();
        let sources = Sources::new();
        for _ in 0..3 {
            assert_eq!(sources.fetch(&uri).await.unwrap().text().unwrap(), "still");
            let closed: usize =
                cmd("CLIENT").arg(&["KILL", "USER", "idle"]).query(&mut connection).unwrap();
            assert_eq!(closed, 1, "one connection was kept and used again");
        }
    });
}

#[test]
fn a_user_who_may_not_echo_can_read() {
    let Some(address) = server("redis") else { return };
    let mut connection = connect(&address);
    connection.set::<_, _, ()>("few:key", "read").unwrap();
    cmd("ACL")
        .arg(&["SETUSER", "few", "on", ">CANARY7x-few", "~few:*", "+type", "+getrange"])
        .exec(&mut connection)
        .unwrap();
    let (_, host) = address.rsplit_once('@').expect("the address has a password");
    let host = host.to_owned();
    run(async move {
        let sources = Sources::new();
        let fetch = |key: &str| {
            sources.fetch(&format!("redis://few:CANARY7x-few@{host}/{key}").parse().unwrap())
        };
        assert_eq!(fetch("few:key").await.unwrap().text().unwrap(), "read");
        assert!(fetch("other:key").await.unwrap_err().is_unauthorized());
        assert_eq!(fetch("few:key").await.unwrap().text().unwrap(), "read");
    });
}

/// redis-py gave the reply of a cancelled command to the next caller (CVE-2023-28858): the
/// connection went back to its pool with that reply still on its way.
#[test]
fn a_storm_of_cancelled_fetches_mixes_up_no_replies() {
    const KEYS: usize = 100;
    fn text(key: usize) -> String {
        format!("{key}:{}", "x".repeat(key * 50))
    }
    let Some(address) = server("redis") else { return };
    let mut connection = connect(&address);
    for key in 0..KEYS {
        connection.set::<_, _, ()>(format!("storm:{key}"), text(key)).unwrap();
    }
    assert!(connection.is_open());
    let asked =
        |address: &str, number| format!("{address}/storm:{}", number % KEYS).parse().unwrap();
    run(storm(address, (10_000, 64), Duration::from_millis(2), asked, |number, document| {
        let wanted = text(number % KEYS);
        assert_eq!(document.bytes(), wanted.as_bytes(), "fetch {number}");
    }));
}

#[test]
fn a_pool_in_full_use_is_a_timeout_that_says_so() {
    use crate::peer::{DEADLINE, End, Peer, send, sources};
    run(async {
        let peer = Peer::serve(async |mut stream, _| {
            send(&mut stream, b"", End::Stall).await;
        })
        .await;
        let sources = sources();
        let uri: codap_sources::Uri =
            format!("redis://127.0.0.1:{}/key", peer.port).parse().unwrap();
        let fetches: Vec<_> = (0..40).map(|_| tokio::spawn(sources.fetch(&uri))).collect();
        let began = std::time::Instant::now();
        let mut waited = 0;
        for fetch in fetches {
            let error = fetch.await.unwrap().unwrap_err();
            assert!(error.is_timeout(), "{error}");
            waited += usize::from(error.to_string().contains("all connections were in use"));
        }
        assert_eq!(waited, 40 - 32, "of 40 fetches 32 have a connection");
        assert!(began.elapsed() < DEADLINE * 5);
    });
}

#[test]
fn a_fetch_may_be_dropped_outside_of_its_runtime_and_outlive_one() {
    let Some(address) = server("redis") else { return };
    connect(&address).set::<_, _, ()>("runtime:key", "here").unwrap();
    let sources = Sources::new();
    let uri = format!("{address}/runtime:key").parse().unwrap();
    for _ in 0..3 {
        let mut half = Box::pin(sources.fetch(&uri));
        run(async {
            assert_eq!(sources.fetch(&uri).await.unwrap().text().unwrap(), "here");
            // On a busy machine it may be ready at once, which is fine, too.
            drop(polled(half.as_mut(), 1).await);
        });
        drop(half);
    }
}
