//! `codap get --template`: it waits for what it shows, and for nothing else.

use codap_fault::{On, Reply, Script};
use serde_json::json;

use crate::tool::codap;

#[test]
fn only_what_is_shown_is_waited_for() {
    let server = Script::new()
        .rule(On::path("/user"), Reply::ok(json!({"name": "Ada <3", "tags": ["a", "b"]})))
        .rule(On::path("/never"), Reply::silence())
        .start_blocking()
        .unwrap();
    let printed = codap([
        "get".to_owned(),
        format!("never={}", server.url("/never")),
        format!("user={}", server.url("/user")),
        "--template=page.html".to_owned(),
    ])
    .file("page.html", "<h1>{{ user.name }}</h1>{% for tag in user.tags %} {{ tag }}{% endfor %}\n")
    .prints();
    assert_eq!(printed, "<h1>Ada &lt;3</h1> a b\n");
}

#[test]
fn html_is_escaped_and_text_is_not() {
    for (name, expected) in [("page.html", "a &amp; b"), ("page.txt", "a & b")] {
        let tool = codap(["get", "t=t", "--template", name]);
        assert_eq!(tool.file("t", "a & b").file(name, "{{ t }}").prints(), expected);
    }
}

#[test]
fn templates_include_those_beside_them() {
    let tool = codap(["get", "t=t", "--template", "page.txt"]).file("t", "7");
    let tool = tool.file("page.txt", "{% include 'head.txt' %}{{ t }}").file("head.txt", "head ");
    assert_eq!(tool.prints(), "head 7");
}

#[test]
fn an_entry_that_is_shown_and_failed_ends_it_without_output() {
    let tool = codap(["get", "gone=no/such", "t=t", "--template", "page.txt"]).file("t", "7");
    let ran = tool.file("page.txt", "{{ t }} and {{ gone }}").run();
    ran.said(1, &["codap: gone: no/such: there is no such file; check the path"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn an_entry_that_is_not_shown_may_fail() {
    let tool = codap(["get", "gone=no/such", "t=t", "--template", "page.txt"]).file("t", "7");
    assert_eq!(tool.file("page.txt", "{{ t }}").prints(), "7");
    let tool = codap(["get", "gone=no/such", "t=t", "--fail-fast", "--template", "page.txt"]);
    let slow = Script::new().rule(On::any(), Reply::silence()).start_blocking().unwrap();
    let ran = tool.file("t", slow.url("/")).file("page.txt", "{{ t }}{{ slow }}").run();
    assert_ne!(ran.code, Some(0));
}

#[test]
fn what_is_wrong_with_a_template_is_told_by_line() {
    let run = |text: &str| {
        codap(["get", "t=t", "--template", "page.txt"]).file("t", "7").file("page.txt", text).run()
    };
    run("\n{{ t").told(2, &["codap: page.txt:2: "]);
    run("\n\n{{ nope }}").told(3, &["codap: page.txt:3: ", "nope"]);
    run("{{ t|nofilter }}").told(3, &["codap: page.txt:1: ", "nofilter"]);
    codap(["get", "t=t", "--template", "no.html"]).run().told(2, &["no.html: cannot be read"]);
}
