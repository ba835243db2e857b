//! `codap get`: a JSON object of what was named.

use codap_fault::{On, Reply, Script};
use serde_json::json;

use crate::tool::codap;

#[test]
fn an_object_in_the_order_of_the_names() {
    let server = Script::new()
        .rule(On::path("/slow"), Reply::ok(json!({"b": 1, "a": [1.50, {}]})).latency(MS_100))
        .rule(On::path("/fast"), Reply::ok("hello").header("Content-Type", "text/plain"))
        .start_blocking()
        .unwrap();
    let slow = format!("slow={}", server.url("/slow"));
    let fast = format!("fast={}", server.url("/fast"));
    let printed = codap(["get", &slow, &fast, "file=a.bin"]).file("a.bin", b"\xff\xfe").prints();
    let expected = r#"{
  "slow": {
    "b": 1,
    "a": [
      1.5,
      {}
    ]
  },
  "fast": "hello",
  "file": {"base64":"//4="}
}
"#;
    assert_eq!(printed, expected);
}

const MS_100: std::time::Duration = std::time::Duration::from_millis(100);

#[test]
fn everything_runs_at_once() {
    // Each reply is held back until all have been asked for.
    let server = Script::new()
        .rule(On::any(), Reply::ok("1").stall(codap_fault::Stall::at(codap_fault::At::Head)))
        .start_blocking()
        .unwrap();
    let entries = (1..=5).map(|n| format!("e{n}={}", server.url(&format!("/{n}"))));
    let args: Vec<String> = ["get".to_owned()].into_iter().chain(entries).collect();
    let (child, _folder) = codap(&args).start();
    server.wait_for_blocking(|counters| counters.stalled == 5).unwrap();
    server.release();
    assert_eq!(crate::tool::ended(child).code, Some(0));
}

#[test]
fn numbers_and_order_are_those_of_the_document() {
    let text = r#"{"z":1.50,"a":123456789012345678901234567890}"#;
    let printed = codap(["get", "x=x.json"]).file("x.json", text).prints();
    let expected =
        "{\n  \"x\": {\n    \"z\": 1.50,\n    \"a\": 123456789012345678901234567890\n  }\n}\n";
    assert_eq!(printed, expected);
}

#[test]
fn what_fails_is_left_out_and_told() {
    let server = Script::new()
        .rule(On::path("/gone"), Reply::status(404))
        .rule(On::path("/cut"), Reply::ok("twelve bytes").cut(5))
        .start_blocking()
        .unwrap();
    let ran = codap([
        "get".to_owned(),
        format!("gone={}", server.url("/gone")),
        format!("cut={}", server.url("/cut")),
        "here=here.txt".to_owned(),
    ])
    .file("here.txt", "42")
    .run();
    assert_eq!((ran.code, &*ran.stdout), (Some(1), "{\n  \"here\": 42\n}\n"));
    let mut said: Vec<&str> = ran.stderr.lines().collect();
    said.sort_unstable();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("codap: cut: http://") && said[0].contains("5"), "{said:?}");
    assert!(said[1].starts_with("codap: gone: http://") && said[1].contains("404"), "{said:?}");
}

#[test]
fn a_media_type_decides_what_is_json() {
    let server = Script::new()
        .rule(On::path("/text"), Reply::ok("42").header("Content-Type", "text/plain"))
        .rule(On::path("/wrong"), Reply::ok("[1,").header("Content-Type", "application/json"))
        .start_blocking()
        .unwrap();
    let text = format!("text={}", server.url("/text"));
    let wrong = format!("wrong={}", server.url("/wrong"));
    assert_eq!(codap(["get", &text]).prints(), "{\n  \"text\": \"42\"\n}\n");
    assert_eq!(codap(["get", "--json", &text]).prints(), "{\n  \"text\": 42\n}\n");
    codap(["get", &wrong]).run().told(1, &["codap: wrong: ", "is not JSON", "column"]);
    let page = codap(["get", "--json", "page=page.html"]).file("page.html", "<p>").run();
    page.told(1, &["codap: page: page.html: is not JSON"]);
    assert_eq!(page.stdout, "{}\n");
}

#[test]
fn names_are_names_and_there_once() {
    codap(["get", "a=x", "a=y"])
        .run()
        .said(2, &["codap: a: is named twice (give each entry its own name)"]);
    for entry in ["https://host/x?a=b", "my-name=x", "7=x", "=x", "justone"] {
        codap(["get", entry]).run().told(2, &["an entry has no name (write NAME=URI"]);
    }
    codap(["get", "a=gopher://h/1"]).run().told(2, &["codap: a: gopher://h/1", "https", "redis"]);
    codap(["get"]).run().told(2, &["NAME=URI"]);
}

#[test]
fn a_missing_server_is_one_line_that_says_what_to_do() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = codap(["get", &format!("a=http://{free}/x")]).run();
    ran.told(1, &["codap: a: http://", "refused"]);
}
