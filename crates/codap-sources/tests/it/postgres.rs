//! PostgreSQL: rows as JSON, its errors in one line, and queries that end with their fetch.

use std::time::{Duration, Instant};

use codap_sources::{Builder, Error, Sources, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_postgres::{Client, Config, NoTls};

use crate::conformance::{self, Place};
use crate::peer::{polled, storm};
use crate::servers::{run, server, server_with_tls};

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn uri(address: &str, query: &str, parameters: &[&str]) -> Uri {
    let parameters: String =
        parameters.iter().map(|it| format!("&param={}", encoded(it))).collect();
    format!("{address}?query={}{parameters}", encoded(query)).parse().unwrap()
}

async fn rows(sources: &Sources, address: &str, query: &str, parameters: &[&str]) -> Value {
    let document = sources.fetch(&uri(address, query, parameters)).await.unwrap();
    assert_eq!(document.content_type(), Some("application/json"));
    document.json().unwrap()
}

/// A session of our own, to make tables and to look at those of others.
async fn session(address: &str) -> Client {
    let settings: Config = address.parse().unwrap();
    let host = address.rsplit_once('@').unwrap().1.split_once('/').unwrap().0;
    let stream = TcpStream::connect(host).await.unwrap();
    let (client, connection) = settings.connect_raw(stream, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[test]
fn it_conforms() {
    let Some(address) = server("postgres") else { return };
    run(conformance::run(place(Sources::builder(), &address, "")));
}

#[test]
fn it_conforms_under_tls() {
    let Some((address, authority)) = server_with_tls("postgres") else { return };
    let builder = Sources::builder().env("SSL_CERT_FILE", authority);
    run(async move {
        let verified = "&sslmode=verify-full";
        conformance::run(place(builder.clone(), &address, verified)).await;
        let query = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        let address = address.clone();
        let uri: Uri = format!("{address}?query={}{verified}", encoded(query)).parse().unwrap();
        let document = builder.build().unwrap().fetch(&uri).await.unwrap();
        assert_eq!(document.json().unwrap(), json!([{ "ssl": true }]));
        // Who does not know the authority is not to talk to it.
        let error = Sources::new().fetch(&uri).await.unwrap_err();
        assert!(error.is_connect() && error.to_string().contains("SSL_CERT_FILE"), "{error}");
    });
}

fn place(builder: Builder, address: &str, more: &str) -> Place {
    let text = |query: &str| format!("{address}?query={}{more}", encoded(query));
    let large = "select repeat('x', 2000000) as x";
    let missing = "select * from not_there";
    Place {
        builder,
        json: (text("select 1 as one"), json!([{ "one": 1 }])),
        missing: text(missing),
        large: (text(large), 2_000_000 + r#"[{"x":""}]"#.len() as u64),
        // Nobody listens on port 1.
        nobody: Some("postgres://codap:CANARY7x@127.0.0.1:1/db?query=select%201".to_owned()),
        silent: Some(text("select pg_sleep(60)")),
    }
}

#[test]
fn every_type_is_json() {
    let Some(address) = server("postgres") else { return };
    run(async move {
        let sources = Sources::new();
        let query = "select true as yes, 32767::int2 as small, 9223372036854775807::int8 as large, \
             0.1::float8 as float, 'NaN'::float8 as nan, '-Infinity'::float4 as infinity, \
             12345678901234567890.123456789::numeric as decimal, 'NaN'::numeric as no_decimal, \
             'h\u{e9} \"quoted\"'::text as text, '\\x00ff'::bytea as bytes, \
             encode('\\x00ff'::bytea, 'base64') as base64, \
             date '2024-02-29' as day, timestamp '2024-02-29 12:00:00.5' as moment, \
             timestamptz '2024-02-29 12:00:00+00' at time zone 'utc' as utc, \
             interval '1 day 2 hours' as span, \
             '123e4567-e89b-12d3-a456-426614174000'::uuid as id, '10.0.0.0/8'::inet as net, \
             '{\"a\": [1, null]}'::jsonb as json, array[1, null, 3] as numbers, \
             array[['a'], ['b']] as nested, int4range(1, 5) as range, row(1, 'x') as composite, \
             null as nothing";
        let document = sources.fetch(&uri(&address, query, &[])).await.unwrap();
        let text = document.text().unwrap();
        assert!(text.contains("12345678901234567890.123456789"), "all digits: {text}");
        let mut row = document.json().unwrap()[0].take();
        row["decimal"].take();
        assert_eq!(
            row,
            json!({
                "yes": true, "small": 32767, "large": 9_223_372_036_854_775_807_i64,
                "float": 0.1, "nan": "NaN", "infinity": "-Infinity",
                "decimal": null, "no_decimal": "NaN",
                "text": "h\u{e9} \"quoted\"", "bytes": "\\x00ff", "base64": "AP8=",
                "day": "2024-02-29", "moment": "2024-02-29T12:00:00.5",
                "utc": "2024-02-29T12:00:00", "span": "1 day 02:00:00",
                "id": "123e4567-e89b-12d3-a456-426614174000", "net": "10.0.0.0/8",
                "json": {"a": [1, null]}, "numbers": [1, null, 3], "nested": [["a"], ["b"]],
                "range": "[1,5)", "composite": {"f1": 1, "f2": "x"}, "nothing": null,
            })
        );
    });
}

#[test]
fn rows_come_in_their_order_and_parameters_are_bound() {
    let Some(address) = server("postgres") else { return };
    run(async move {
        let sources = Sources::new();
        let list = "select n from generate_series(1, 5000) as n order by n desc";
        let all = rows(&sources, &address, list, &[]).await;
        let numbers: Vec<i64> =
            all.as_array().unwrap().iter().map(|row| row["n"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=5000).rev().collect::<Vec<_>>());
        assert_eq!(rows(&sources, &address, "select 1 as n where false", &[]).await, json!([]));
        assert_eq!(
            rows(&sources, &address, "values (1), (2); ", &[]).await,
            json!([{"column1": 1}, {"column1": 2}])
        );
        assert_eq!(
            rows(&sources, &address, "select 1 as n -- the last word", &[]).await,
            json!([{"n": 1}])
        );
        let typed = "select $1::int + 1 as n, $2::date as day, $3 as text";
        let nasty = "'; drop table x; -- $1 \u{e9} \\ \"";
        assert_eq!(
            rows(&sources, &address, typed, &["41", "2024-02-29", nasty]).await,
            json!([{"n": 42, "day": "2024-02-29", "text": nasty}])
        );
    });
}

#[test]
fn what_goes_wrong_is_told_in_a_line_that_helps() {
    let Some(address) = server("postgres") else { return };
    run(async move {
        let sources = Sources::new();
        let host = address.rsplit_once('@').unwrap().1;
        let server = host.split_once('/').unwrap().0;
        let check = async |uri: Uri, is: fn(&Error) -> bool, tells: &str| {
            let error = sources.fetch(&uri).await.unwrap_err();
            assert!(is(&error), "{error:?}");
            assert!(error.to_string().contains(tells), "{tells:?} is not in: {error}");
            conformance::check_error(&error, &uri.to_string().replace('\u{2026}', "x:x"));
        };
        let query = async |query, parameters: &[&str], is, tells| {
            check(uri(&address, query, parameters), is, tells).await;
        };
        query("select * from nowhere", &[], Error::is_not_found, "check the table's name").await;
        query("select * from no.where", &[], Error::is_not_found, "check the table's name").await;
        query("select nothing from pg_class", &[], Error::is_invalid, "character 8").await;
        query("selec 1", &[], Error::is_invalid, "syntax error").await;
        query("select 1; select 2", &[], Error::is_invalid, "syntax error").await;
        query("insert into x values (1)", &[], Error::is_invalid, "syntax error").await;
        query("select $1::int as n", &[], Error::is_invalid, "one &param= for each").await;
        query("select 1 as n", &["7"], Error::is_invalid, "one &param= for each").await;
        query("select $1::int as n", &["x"], Error::is_invalid, "\"x\"").await;
        query("select 1 as a, 2 as b, 3 as a", &[], Error::is_invalid, "called \"a\"").await;
        query("select 1 / 0 as n", &[], Error::is_invalid, "division by zero").await;
        check(address.parse().unwrap(), Error::is_invalid, "has no query").await;
        let typo = format!("{address}?query=select%201&parm=1").parse().unwrap();
        check(typo, Error::is_invalid, "no use for \"parm\"").await;
        let other = format!("{}none?query=select%201", address.trim_end_matches("postgres"));
        check(other.parse().unwrap(), Error::is_not_found, "database's name").await;
        let wrong = format!("postgres://codap:CANARY7xwrong@{host}?query=select%201");
        check(wrong.parse().unwrap(), Error::is_unauthorized, "PGPASSWORD").await;
        let without = format!("postgres://codap@{host}?query=select%201");
        check(without.parse().unwrap(), Error::is_unauthorized, "PGPASSWORD").await;
        let mode = format!("{address}?query=select%201&sslmode=maybe");
        check(mode.parse().unwrap(), Error::is_invalid, "sslmode").await;
        let client = session(&address).await;
        client.batch_execute("create table if not exists closed (n int)").await.unwrap();
        client
            .batch_execute("do $$ begin create role guest login password 'of a guest'; exception when duplicate_object then end $$")
            .await
            .unwrap();
        let guest =
            format!("postgres://guest:of%20a%20guest@{server}/postgres?query=table%20closed");
        check(guest.parse().unwrap(), Error::is_unauthorized, "the right to read").await;
    });
}

#[test]
fn credentials_come_from_the_environment_and_the_password_file() {
    let Some(address) = server("postgres") else { return };
    let (user_info, host) = address.strip_prefix("postgres://").unwrap().rsplit_once('@').unwrap();
    let (user, password) = user_info.split_once(':').unwrap();
    let (server, db) = host.split_once('/').unwrap();
    let text = format!("postgres://{server}?query=select%20current_database()%20as%20db");
    let file = std::env::temp_dir().join(format!("codap-pgpass-{}", std::process::id()));
    std::fs::write(&file, format!("{}:{db}:{user}:{password}\n", server)).unwrap();
    let builder = || Sources::builder().env("PGUSER", user).env("PGDATABASE", db);
    let by_password = builder().env("PGPASSWORD", password).build().unwrap();
    let by_file = builder().env("PGPASSFILE", file.to_str().unwrap()).build().unwrap();
    let wanted = json!([{ "db": db }]);
    let uri: Uri = text.parse().unwrap();
    run(async move {
        for sources in [by_password, by_file] {
            assert_eq!(sources.fetch(&uri).await.unwrap().json().unwrap(), wanted);
        }
        std::fs::remove_file(file).unwrap();
    });
}

#[test]
fn what_is_too_large_is_not_read_to_its_end() {
    let Some(address) = server("postgres") else { return };
    run(async move {
        let sources = Sources::builder().max_size(10_000).build().unwrap();
        // 400 megabytes, were they all read.
        let many = "select repeat('x', 2000) as x from generate_series(1, 200000)";
        let began = Instant::now();
        assert!(sources.fetch(&uri(&address, many, &[])).await.unwrap_err().is_too_large());
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let one = "select repeat('x', 50000000) as x";
        assert!(sources.fetch(&uri(&address, one, &[])).await.unwrap_err().is_too_large());
        let fits = "select repeat('x', 9990) as x";
        assert_eq!(sources.fetch(&uri(&address, fits, &[])).await.unwrap().len(), 10_000);
    });
}

/// A connection that is closed leaves its query running: it has to be stopped in so many words.
#[test]
fn a_dropped_fetch_stops_its_query() {
    let Some((address, authority)) = server_with_tls("postgres") else { return };
    run(async move {
        let client = session(&address).await;
        let running = async || -> i64 {
            let query = "select count(*) from pg_stat_activity \
                         where query like '%stop_me%' and state = 'active' and pid <> pg_backend_pid()";
            client.query_one(query, &[]).await.unwrap().get(0)
        };
        let until = async |wanted: i64| {
            let began = Instant::now();
            while running().await != wanted {
                assert!(began.elapsed() < Duration::from_secs(20), "not {wanted} queries");
                tokio::task::yield_now().await;
            }
        };
        let sources = Sources::builder().env("SSL_CERT_FILE", authority).build().unwrap();
        for tls in ["", "&sslmode=verify-full"] {
            let query = format!("{address}?query=select%20pg_sleep(300)%20as%20stop_me{tls}");
            let fetch = tokio::spawn(sources.fetch(&query.parse().unwrap()));
            until(1).await;
            fetch.abort();
            until(0).await;
        }
    });
}

#[test]
fn an_idle_connection_that_died_is_not_an_error() {
    let Some(address) = server("postgres") else { return };
    run(async move {
        let client = session(&address).await;
        let sources = Sources::new();
        let mut before = None;
        for _ in 0..3 {
            let row = rows(&sources, &address, "select pg_backend_pid() as pid", &[]).await;
            let pid = i32::try_from(row[0]["pid"].as_i64().unwrap()).unwrap();
            let again = rows(&sources, &address, "select pg_backend_pid() as pid", &[]).await;
            assert_eq!(again, row, "an idle connection is used again");
            assert_ne!(before, Some(pid));
            before = Some(pid);
            let gone = client.query_one("select pg_terminate_backend($1, 10000)", &[&pid]).await;
            assert!(gone.unwrap().get::<_, bool>(0));
        }
    });
}

#[test]
fn a_storm_of_cancelled_fetches_mixes_up_no_replies() {
    let Some(address) = server("postgres") else { return };
    let asked = |address: &str, number: usize| {
        let query = "select $1::int as key, repeat('x', $1::int * 20) as x";
        uri(address, query, &[&number.to_string()])
    };
    run(storm(address, (1_000, 32), Duration::from_millis(8), asked, |number, document| {
        let wanted = json!([{ "key": number, "x": "x".repeat(number * 20) }]);
        assert_eq!(document.json().unwrap(), wanted, "fetch {number}");
    }));
}

#[test]
fn a_fetch_may_be_dropped_outside_of_its_runtime_and_outlive_one() {
    let Some(address) = server("postgres") else { return };
    let sources = Sources::new();
    let uri = uri(&address, "select 1 as n", &[]);
    for _ in 0..3 {
        let mut half = Box::pin(sources.fetch(&uri));
        run(async {
            assert_eq!(sources.fetch(&uri).await.unwrap().json().unwrap(), json!([{"n": 1}]));
            // On a busy machine it may be ready at once, which is fine, too.
            drop(polled(half.as_mut(), 1).await);
        });
        drop(half);
    }
}
