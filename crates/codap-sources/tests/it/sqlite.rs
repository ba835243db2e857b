//! SQLite: rows as JSON, its errors in one line, and nothing but reading.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use codap_sources::{Error, Sources, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::conformance::{self, Place};
use crate::servers::run;

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A database that goes with its test.
struct Database(PathBuf);

impl Database {
    fn new(name: &str, sql: &str) -> Self {
        let path = std::env::temp_dir().join(format!("codap-{}-{name}.db", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        Self(path)
    }

    fn text(&self, query: &str, parameters: &[&str]) -> String {
        let parameters: String =
            parameters.iter().map(|it| format!("&param={}", encoded(it))).collect();
        format!("sqlite:{}?query={}{parameters}", self.0.display(), encoded(query))
    }

    fn uri(&self, query: &str, parameters: &[&str]) -> Uri {
        self.text(query, parameters).parse().unwrap()
    }

    async fn rows(&self, query: &str, parameters: &[&str]) -> Value {
        let document = Sources::new().fetch(&self.uri(query, parameters)).await.unwrap();
        assert_eq!(document.content_type(), Some("application/json"));
        document.json().unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn it_conforms() {
    let database = Database::new("conforms", "create table t (a, b)");
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) \
                   select max(i) as i from n";
    run(conformance::run(Place {
        builder: Sources::builder(),
        json: (
            database.text("select 1 as one, null as none", &[]),
            json!([{"one": 1, "none": null}]),
        ),
        missing: format!("sqlite:{}.not-there?query=select%201", database.0.display()),
        large: (
            database.text("select replace(hex(zeroblob(1000000)), '00', 'xx') as x", &[]),
            2_000_000 + r#"[{"x":""}]"#.len() as u64,
        ),
        nobody: None,
        silent: Some(database.text(endless, &[])),
    }));
}

#[test]
fn every_type_is_json() {
    let database = Database::new(
        "types",
        "create table t (id integer primary key, name text, price real, data blob, day date);
         insert into t values (1, 'h\u{e9} \"quoted\"', 0.1, x'00ff', '2024-02-29');
         insert into t values (9223372036854775807, null, 9e999, x'', 1709164800);
         insert into t values (-3, '', -9e999, null, 2.5)",
    );
    run(async move {
        assert_eq!(
            database.rows("select * from t order by name desc", &[]).await,
            json!([
                {"id": 1, "name": "h\u{e9} \"quoted\"", "price": 0.1, "data": "AP8=", "day": "2024-02-29"},
                {"id": -3, "name": "", "price": "-Infinity", "data": null, "day": 2.5},
                {"id": 9_223_372_036_854_775_807_i64, "name": null, "price": "Infinity", "data": "",
                 "day": 1_709_164_800},
            ])
        );
        assert_eq!(database.rows("select id from t where false", &[]).await, json!([]));
        let document =
            Sources::new().fetch(&database.uri("select id, name from t where id = 1", &[]));
        // Columns come in their order.
        assert!(document.await.unwrap().text().unwrap().starts_with("[{\"id\":1,\"name\":"));
    });
}

#[test]
fn parameters_are_bound() {
    let database = Database::new(
        "bound",
        "create table t (id integer, name text); insert into t values (7, '007'), (8, '8')",
    );
    run(async move {
        let by_id = "select name from t where id = ?1";
        assert_eq!(database.rows(by_id, &["7"]).await, json!([{"name": "007"}]));
        let by_name = "select id from t where name = ?";
        assert_eq!(database.rows(by_name, &["007"]).await, json!([{"id": 7}]));
        assert_eq!(database.rows(by_name, &["' or 1=1 --"]).await, json!([]));
        let two = "select ?2 as b, cast(?1 as integer) + 1 as a";
        assert_eq!(database.rows(two, &["41", "x"]).await, json!([{"b": "x", "a": 42}]));
    });
}

#[test]
fn what_goes_wrong_is_told_in_a_line_that_helps() {
    let database = Database::new(
        "wrong",
        "create table t (id integer, name text); insert into t values (1, cast(x'ff' as text))",
    );
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database at all".repeat(100)).unwrap();
    run(async move {
        let sources = Sources::new();
        let check = async |text: String, is: fn(&Error) -> bool, tells: &str| {
            let error = conformance::failing(&sources, &text).await;
            assert!(is(&error) && !error.is_transient(), "{error:?}");
            assert!(error.to_string().contains(tells), "{tells:?} is not in: {error}");
        };
        let query = async |query, parameters: &[&str], is, tells| {
            check(database.text(query, parameters), is, tells).await;
        };
        query("select * from nowhere", &[], Error::is_not_found, "no such table: nowhere").await;
        query("select absent from t", &[], Error::is_invalid, "no such column: absent").await;
        query("selec 1", &[], Error::is_invalid, "syntax error").await;
        query("", &[], Error::is_invalid, "gives no rows").await;
        query("select 1 as a; select 2", &[], Error::is_invalid, "more than one statement").await;
        query("select ?1 as a", &[], Error::is_invalid, "has 1 parameters and the URI 0").await;
        query("select 1 as a", &["x"], Error::is_invalid, "has 0 parameters and the URI 1").await;
        query("select 1 as a, 2 as a", &[], Error::is_invalid, "called \"a\"").await;
        query("select name from t", &[], Error::is_invalid, "not UTF-8").await;
        query("insert into t values (2, '') returning id", &[], Error::is_invalid, "only reads")
            .await;
        query("delete from t", &[], Error::is_invalid, "gives no rows").await;
        query("attach database ':memory:' as other", &[], Error::is_invalid, "no rows").await;
        check(format!("sqlite:{}", database.0.display()), Error::is_invalid, "has no query").await;
        check(database.text("select 1", &[]) + "&x=1", Error::is_invalid, "no use for \"x\"").await;
        check("sqlite:not/there.db?query=select%201".into(), Error::is_not_found, "check the path")
            .await;
        let of_text = format!("sqlite:{}?query=select%20*%20from%20t", text.display());
        check(of_text, Error::is_invalid, "not a database").await;
        assert_eq!(database.rows("select count(*) as n from t", &[]).await, json!([{"n": 1}]));
    });
}

#[test]
fn one_large_value_is_refused_before_it_is_made() {
    let database = Database::new("large", "create table t (a)");
    run(async move {
        let sources = Sources::builder().max_size(1 << 20).build().unwrap();
        let uri = database.uri("select hex(zeroblob(400000000)) as x", &[]);
        assert!(sources.fetch(&uri).await.unwrap_err().is_too_large());
        let rows =
            "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n";
        assert!(sources.fetch(&database.uri(rows, &[])).await.unwrap_err().is_too_large());
    });
}

#[test]
fn a_reader_waits_for_a_writer_up_to_its_deadline() {
    let database = Database::new("locked", "create table t (a); insert into t values (1)");
    let writer = Connection::open(&database.0).unwrap();
    writer.execute_batch("begin exclusive").unwrap();
    run(async move {
        let hasty = Sources::builder().timeout(Duration::from_millis(200)).build().unwrap();
        let began = Instant::now();
        let error = hasty.fetch(&database.uri("select a from t", &[])).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        assert!(began.elapsed() >= Duration::from_millis(150), "{:?}", began.elapsed());
        let waiting = tokio::spawn(Sources::new().fetch(&database.uri("select a from t", &[])));
        writer.execute_batch("commit").unwrap();
        assert_eq!(waiting.await.unwrap().unwrap().json().unwrap(), json!([{"a": 1}]));
    });
}

/// A thread that computes for a fetch that is gone would keep its runtime from shutting down.
#[test]
fn a_dropped_fetch_interrupts_its_query() {
    let database = Database::new("dropped", "create table t (a)");
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) \
                   select max(i) as i from n";
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let hasty = Sources::builder().timeout(Duration::from_millis(100)).build().unwrap();
        assert!(hasty.fetch(&database.uri(endless, &[])).await.unwrap_err().is_timeout());
        // The one thread is free for the next one.
        let next = database.rows("select 1 as a", &[]);
        let next = tokio::time::timeout(Duration::from_secs(20), next).await;
        assert_eq!(next.expect("the thread is free"), json!([{"a": 1}]));
    });
    assert!(Path::new(&database.0).exists());
}
