//! `--plan`: entries in a file.

use codap_fault::{On, Reply, Script};
use serde_json::{Value, json};

use crate::tool::{SECRET, codap};

#[test]
fn entries_come_in_the_order_of_the_file_then_those_that_were_typed() {
    let server = Script::new()
        .rule(On::path("/user").header("authorization", "*"), Reply::ok(json!({"id": 7})))
        .rule(On::path("/flaky").nth(..=2), Reply::status(503))
        .rule(On::path("/flaky"), Reply::ok(json!(3)))
        .rule(On::path("/never"), Reply::silence())
        .rule(On::path("/echo/*").without("authorization"), Reply::ok(codap_fault::Body::Echo))
        .start_blocking()
        .unwrap();
    let plan = format!(
        r#"
        [entries.zebra]
        uri = "{flaky}"
        retry = 2

        [entries.user]
        uri = "{user}"
        headers = {{ Authorization = "Bearer ${{TOKEN}}" }}

        [entries.ads]
        uri = "{never}"
        timeout = "100ms"
        default = [{{ text = "none" }}]
        "#,
        flaky = server.url("/flaky"),
        user = server.url("/user"),
        never = server.url("/never"),
    );
    let echo = format!("echo={}", server.url("/echo/{{ user.id }}"));
    let ran =
        codap(["get", "--plan", "p.toml", &echo]).env("TOKEN", SECRET).file("p.toml", plan).run();
    ran.told(0, &["codap: ads: its default stands in: timed out after"]);
    let expected =
        json!({"zebra": 3, "user": {"id": 7}, "ads": [{"text": "none"}], "echo": "/echo/7"});
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap(), expected);
    let order: Vec<usize> =
        ["zebra", "user", "ads", "echo"].iter().map(|it| ran.stdout.find(it).unwrap()).collect();
    assert!(order.is_sorted(), "{}", ran.stdout);
    let asked = server.requests();
    let user = asked.iter().find(|it| it.target == "/user").unwrap();
    assert_eq!(user.header("authorization"), Some(&*format!("Bearer {SECRET}")));
}

#[test]
fn what_is_wrong_is_told_by_line() {
    let run = |text: &str| codap(["get", "--plan", "p.toml"]).file("p.toml", text).run();
    let begin = "[entries.a]\nuri = 'x'\n";
    run(&format!("{begin}retries = 2\n")).told(2, &["codap: p.toml:3: ", "`retries`", "`retry`"]);
    run(&format!("{begin}timeout = 'soon'\n")).told(2, &["p.toml:3: ", "is no time; write 250ms"]);
    run(&format!("{begin}retry = -1\n")).told(2, &["p.toml:3: "]);
    run("\n\n[entries.a]\nuri = 'gopher://h/'\n").told(2, &["p.toml:4: gopher://h/", "https"]);
    run("[entries.a]\nretry = 1\n").told(2, &["p.toml:1: ", "`uri`"]);
    run("[entries.my-name]\nuri = 'x'\n").told(2, &["p.toml:1: ", "my-name", "is no name"]);
    run("[entry.a]\nuri = 'x'\n").told(2, &["p.toml:1: ", "`entry`", "`entries`"]);
    run("[entries.a]\nuri = 'x\n").told(2, &["p.toml:2: "]);
    run("[entries.a]\nuri = 'x'\n[entries.a]\nuri = 'y'\n").told(2, &["p.toml:3: "]);
    let header = "headers = { A = '${NO_SUCH_VARIABLE}' }";
    run(&format!("[entries.a]\nuri = 'http://h/'\n{header}"))
        .told(2, &["codap: a: header A: ", "NO_SUCH_VARIABLE"]);
    run(&format!("{begin}headers = {{ A = 'b' }}")).told(2, &["codap: a: headers go to http"]);
    codap(["get", "--plan", "no.toml"]).run().told(2, &["no.toml: cannot be read"]);
    let twice = codap(["get", "a=y", "--plan", "p.toml"]).file("p.toml", begin).run();
    twice.told(2, &["codap: a: is named twice"]);
}

/// The schema lists exactly what an entry may say.
#[test]
fn the_schema_is_that_of_plans() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/plan.schema.json")).unwrap();
    let entry = &schema["properties"]["entries"]["additionalProperties"];
    let mut described: Vec<&String> = entry["properties"].as_object().unwrap().keys().collect();
    described.sort();
    let tool = codap(["get", "--plan", "p.toml"]).file("p.toml", "[entries.a]\nuri = 'x'\nq = 1\n");
    let said = tool.run().stderr;
    // "unknown field `q`, expected one of `uri`, …"
    let mut known: Vec<&str> = said.split('`').skip(3).step_by(2).collect();
    known.sort_unstable();
    assert_eq!(described, known, "{said}");
    assert_eq!(
        (&entry["additionalProperties"], &entry["required"]),
        (&json!(false), &json!(["uri"]))
    );
}
