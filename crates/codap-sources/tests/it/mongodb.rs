//! MongoDB: documents by id and by filter, its errors in one line, replies that stay with their
//! request.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use codap_sources::{Error, Sources, Uri};
use mongodb::{Client, Collection};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::conformance::{self, Place};
use crate::peer::{polled, storm};
use crate::servers::{run, server};

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A collection of the database `codap`, with these documents.
async fn filled(address: &str, name: &str, documents: Vec<Document>) -> Collection<Document> {
    let client = Client::with_uri_str(address).await.unwrap();
    let collection = client.database("codap").collection(name);
    collection.drop().await.unwrap();
    collection.insert_many(documents).await.unwrap();
    collection
}

async fn json_of(sources: &Sources, uri: &str) -> Value {
    let document = sources.fetch(&uri.parse::<Uri>().unwrap()).await.unwrap();
    assert_eq!(document.content_type(), Some("application/json"));
    document.json().unwrap()
}

#[test]
fn it_conforms() {
    let Some(address) = server("mongodb") else { return };
    run(async move {
        let large = "x".repeat(2_000_000);
        let documents = vec![doc! {"_id": 1, "a": [1, null]}, doc! {"_id": 2, "x": large}];
        filled(&address, "conforms", documents).await;
        conformance::run(Place {
            builder: Sources::builder(),
            json: (format!("{address}/codap/conforms/1"), json!({"_id": 1, "a": [1, null]})),
            missing: format!("{address}/codap/conforms/3"),
            large: (
                format!("{address}/codap/conforms/2"),
                2_000_000 + r#"{"_id":2,"x":""}"#.len() as u64,
            ),
            // Nobody listens on port 1.
            nobody: Some("mongodb://ada:CANARY7x@127.0.0.1:1/codap/conforms/1".to_owned()),
            silent: None,
        })
        .await;
    });
}

#[test]
fn documents_are_found_by_id_and_by_filter() {
    let Some(address) = server("mongodb") else { return };
    run(async move {
        let id = ObjectId::parse_str("65e0f0f0a1b2c3d4e5f60718").unwrap();
        let documents = vec![
            doc! {"_id": 7, "name": "Ada", "age": 36},
            doc! {"_id": "bob/1", "name": "Bob", "age": 41},
            doc! {"_id": id, "name": "Eve", "age": 29},
            doc! {"_id": "007", "name": "James", "age": 36},
        ];
        filled(&address, "people", documents).await;
        let sources = Sources::new();
        let people = format!("{address}/codap/people");
        for (id, name) in [
            ("7", "Ada"),
            ("bob%2F1", "Bob"),
            ("bob/1", "Bob"),
            ("65e0f0f0a1b2c3d4e5f60718", "Eve"),
            ("007", "James"),
        ] {
            assert_eq!(json_of(&sources, &format!("{people}/{id}")).await["name"], name, "{id}");
        }
        let filter = |filter: &str| format!("{people}?filter={}", encoded(filter));
        assert_eq!(json_of(&sources, &filter(r#"{"age":{"$lt":30}}"#)).await["name"], "Eve");
        let by_id = filter(r#"{"_id":{"$oid":"65e0f0f0a1b2c3d4e5f60718"}}"#);
        assert_eq!(json_of(&sources, &by_id).await["name"], "Eve");
        let many = json_of(&sources, &(filter(r#"{"age":36}"#) + "&many=true")).await;
        let names: Vec<_> = many.as_array().unwrap().iter().map(|it| &it["name"]).collect();
        assert_eq!(names, ["Ada", "James"]);
        let none = json_of(&sources, &(filter(r#"{"age":99}"#) + "&many=true")).await;
        assert_eq!(none, json!([]));
    });
}

/// As relaxed extended JSON has it. What the server for tests cannot store comes from a peer: see
/// `bad_mongodb`.
#[test]
fn types_are_extended_json() {
    let Some(address) = server("mongodb") else { return };
    run(async move {
        let moment = bson::DateTime::parse_rfc3339_str("2024-02-29T12:00:00.5Z").unwrap();
        let document = doc! {
            "_id": 1, "large": i64::MAX, "float": 0.5, "text": "h\u{e9} \"quoted\"",
            "moment": moment, "nothing": Bson::Null, "yes": true, "list": [1, "a", [2]],
            "inner": {"a": {"b": 1}},
        };
        filled(&address, "types", vec![document]).await;
        assert_eq!(
            json_of(&Sources::new(), &format!("{address}/codap/types/1")).await,
            json!({
                "_id": 1, "large": i64::MAX, "float": 0.5, "text": "h\u{e9} \"quoted\"",
                "moment": {"$date": "2024-02-29T12:00:00.5Z"}, "nothing": null, "yes": true,
                "list": [1, "a", [2]], "inner": {"a": {"b": 1}},
            })
        );
    });
}

#[test]
fn many_batches_are_one_array_and_too_many_are_refused() {
    let Some(address) = server("mongodb") else { return };
    run(async move {
        let documents = (0..1_000).map(|n| doc! {"_id": n, "x": "x".repeat(500)}).collect();
        filled(&address, "many", documents).await;
        let uri = format!("{address}/codap/many?filter={{}}&many=true");
        let all = json_of(&Sources::new(), &uri).await;
        let ids: Vec<_> = all.as_array().unwrap().iter().map(|it| it["_id"].as_i64()).collect();
        assert_eq!(ids, (0..1_000).map(Some).collect::<Vec<_>>());
        let small = Sources::builder().max_size(100_000).build().unwrap();
        let error = conformance::failing(&small, &uri).await;
        assert!(error.is_too_large(), "{error:?}");
    });
}

#[test]
fn what_goes_wrong_is_told_in_a_line_that_helps() {
    let Some(address) = server("mongodb") else { return };
    run(async move {
        filled(&address, "wrong", vec![doc! {"_id": 1}]).await;
        let sources = Sources::new();
        let check = async |rest: &str, is: fn(&Error) -> bool, tells: &str| {
            let error = conformance::failing(&sources, &format!("{address}{rest}")).await;
            assert!(is(&error) && !error.is_transient(), "{error:?}");
            assert!(error.to_string().contains(tells), "{tells:?} is not in: {error}");
        };
        check("/codap/wrong/2", Error::is_not_found, "no document of \"wrong\" fits").await;
        check("/codap/nowhere/2", Error::is_not_found, "no collection \"nowhere\"").await;
        check("/codap/wrong", Error::is_invalid, "names no document").await;
        check("/codap", Error::is_invalid, "names no document").await;
        check("", Error::is_invalid, "names no document").await;
        check("/codap//1", Error::is_invalid, "empty database or collection").await;
        check("/codap/wrong/1?filter={}", Error::is_invalid, "an id and a filter").await;
        check("/codap/wrong?filter={a}", Error::is_invalid, "not extended JSON").await;
        check("/codap/wrong?filter=[1]", Error::is_invalid, "it is no object").await;
        check(
            "/codap/wrong?filter={\"_id\":{\"$oid\":\"x\"}}",
            Error::is_invalid,
            "not extended JSON",
        )
        .await;
        check("/codap/wrong?filter={}&many=yes", Error::is_invalid, "many").await;
        check("/codap/wrong/1?directConnection=maybe", Error::is_invalid, "directConnection").await;
    });
}

#[test]
fn a_storm_of_cancelled_fetches_mixes_up_no_replies() {
    const KEYS: usize = 50;
    fn text(key: usize) -> String {
        "x".repeat(key * 100)
    }
    let Some(address) = server("mongodb") else { return };
    let asked =
        |address: &str, number| format!("{address}/codap/storm/{}", number % KEYS).parse().unwrap();
    run(async move {
        let documents = (0..KEYS).map(|key| doc! {"_id": key as i64, "x": text(key)}).collect();
        filled(&address, "storm", documents).await;
        let patience = Duration::from_millis(20);
        storm(address, (1_000, 32), patience, asked, |number, document| {
            let key = number % KEYS;
            let wanted = json!({"_id": key, "x": text(key)});
            assert_eq!(document.json().unwrap(), wanted, "fetch {number}");
        })
        .await;
    });
}

/// The driver panicked when one of its cursors was dropped without a runtime
/// (mongo-rust-driver #1287), and its tasks end with the runtime that they were started on.
#[test]
fn a_fetch_may_be_dropped_outside_of_its_runtime_and_outlive_one() {
    let Some(address) = server("mongodb") else { return };
    let many: Uri = format!("{address}/codap/runtimes?filter={{}}&many=true").parse().unwrap();
    let sources = Sources::new();
    for turn in 0..6 {
        let mut half = Box::pin(sources.fetch(&many));
        run(async {
            let documents = (0..500).map(|n| doc! {"_id": n, "x": "x".repeat(1_000)}).collect();
            filled(&address, "runtimes", documents).await;
            let all = sources.fetch(&many).await.unwrap().json().unwrap();
            assert_eq!(all.as_array().unwrap().len(), 500);
            // Further on each time: before the cursor is there, and with it half read.
            if polled(half.as_mut(), 1).await.is_none() && turn > 0 {
                // It may be ready by then: what counts is that it is dropped wherever it is.
                drop(tokio::time::timeout(Duration::from_millis(turn * 2), half.as_mut()).await);
            }
        });
        drop(half);
    }
    drop(sources);
}
