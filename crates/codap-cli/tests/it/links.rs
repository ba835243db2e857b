//! Entries whose URIs use other entries.

use codap_fault::{On, Reply, Script};
use serde_json::json;

use crate::tool::codap;

#[test]
fn a_chain_is_completed_in_its_order_however_it_is_written() {
    let server = Script::new()
        .rule(On::path("/users/7"), Reply::ok(json!({"id": 7, "name": "Ada & co/ä"})))
        .rule(On::path("/photos?owner=7"), Reply::ok(json!([{"key": "a b"}])))
        .rule(On::path("/one?*"), Reply::ok(codap_fault::Body::Echo))
        .start_blocking()
        .unwrap();
    let ran = codap([
        "get".to_owned(),
        format!("one={}", server.url("/one?k={{ photos[0].key }}&n={{ user.name }}")),
        format!("photos={}", server.url("/photos?owner={{ user.id }}")),
        format!("user={}", server.url("/users/7")),
        // One permit is enough: who waits gives it back.
        "--limit=1".to_owned(),
    ])
    .run();
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let encoded = "/one?k=a%20b&n=Ada%20%26%20co%2F%C3%A4";
    assert!(ran.stdout.contains(encoded), "{}", ran.stdout);
    assert_eq!(server.counters().requests, 3);
}

#[test]
fn a_name_that_is_no_entry_is_told_before_anything_starts() {
    let server = Script::new().rule(On::any(), Reply::ok("1")).start_blocking().unwrap();
    let ran = codap([
        "get".to_owned(),
        format!("a={}", server.url("/a")),
        format!("b={}", server.url("/b?x={{ usr.id }}")),
    ])
    .run();
    ran.said(2, &["codap: b: its URI uses usr, which is no entry (there are a, b)"]);
    assert_eq!(server.counters().requests, 0);
}

#[test]
fn a_cycle_is_an_error_of_those_in_it() {
    let ran =
        codap(["get", "a=x/{{ b }}", "b=x/{{ c }}", "c=x/{{ a }}", "d=d"]).file("d", "4").run();
    assert_eq!((ran.code, &*ran.stdout), (Some(1), "{\n  \"d\": 4\n}\n"));
    assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
    for line in ran.stderr.lines() {
        assert!(line.contains("would wait for itself: "), "{line}");
        assert_eq!(line.matches(" waits for ").count(), 3, "{line}");
    }
    let alone = codap(["get", "a=x/{{ a }}"]).run();
    alone.told(1, &["codap: a: would wait for itself: a waits for a (take one of them out)"]);
}

#[test]
fn what_cannot_be_a_part_of_a_uri_is_told() {
    for (value, told) in [
        ("[1]", "a value is a sequence, not a text or a number"),
        ("null", "a value is null, not a text or a number"),
    ] {
        let ran = codap(["get", "a=a", "b=x/{{ a }}"]).file("a", value).run();
        ran.told(1, &["codap: b: its URI cannot be completed", told]);
    }
    let ran = codap(["get", "a=a", "b=x/{{ a.nope }}"]).file("a", "{}").run();
    ran.told(1, &["codap: b: its URI cannot be completed", "undefined"]);
    codap(["get", "a=a", "b=x/{{ a"]).run().told(2, &["codap: b: has a hole that is none"]);
}

#[test]
fn who_uses_what_failed_says_so() {
    let ran = codap(["get", "a=no/such", "b=x/{{ a }}"]).run();
    let because = "no/such: there is no such file; check the path";
    let mut said: Vec<&str> = ran.stderr.lines().collect();
    said.sort_unstable();
    let expected = [
        format!("codap: a: {because}"),
        format!("codap: b: uses a, which has no value: {because}"),
    ];
    assert_eq!((ran.code, said), (Some(1), expected.iter().map(|it| &**it).collect()));
}
