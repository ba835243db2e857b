//! `--default`: what stands in for what fails, aloud.

use serde_json::json;

use crate::tool::codap;

#[test]
fn a_default_stands_in_and_is_told() {
    let ran = codap(["get", "a=no/such", "b=x/{{ a.id }}", "--default", r#"a={"id":[]}"#]).run();
    assert_eq!(ran.code, Some(1), "b has none");
    let ran = codap(["get", "a=no/such", "--default", r#"a={"id":1}"#]).run();
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "{\n  \"a\": {\n    \"id\": 1\n  }\n}\n"));
    ran.told(0, &["codap: a: its default stands in: no/such: there is no such file"]);
}

#[test]
fn others_use_the_default() {
    let ran = codap(["get", "a=no/such", "b={{ a }}", "--default", r#"a="b.txt""#])
        .file("b.txt", "7")
        .run();
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "{\n  \"a\": \"b.txt\",\n  \"b\": 7\n}\n"));
}

#[test]
fn who_uses_what_failed_may_have_a_default() {
    let ran = codap(["get", "a=no/such", "b=x/{{ a }}", "--default", "b=[]"]).run();
    assert_eq!((ran.code, &*ran.stdout), (Some(1), "{\n  \"b\": []\n}\n"));
    let because = "its default stands in: uses a, which has no value: no/such: ";
    assert!(ran.stderr.contains(because), "{}", ran.stderr);
}

#[test]
fn one_for_all() {
    let ran = codap(["list", "no/1", "a.txt", "--default", "*=null", "--default", "9=1"])
        .file("a.txt", "7")
        .run();
    ran.said(0, &[]);
    let lines = ran.lines();
    assert_eq!((&lines[0]["value"], &lines[1]["value"]), (&json!(null), &json!(7)));
    assert!(lines[0]["error"].as_str().unwrap().contains("no such file"), "it is told");
    let ran = codap(["race", "no/1", "no/2", "--default", "*=[]"]).run();
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "[]\n"));
    assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
}

#[test]
fn a_name_goes_before_the_plan_and_the_plan_before_all() {
    let plan = "[entries.a]\nuri = 'no/a'\ndefault = 1\n[entries.b]\nuri = 'no/b'\ndefault = 2\n\
                [entries.c]\nuri = 'no/c'\n";
    let tool = codap(["get", "--plan=p.toml", "--default=*=3", "--default=a=4"]);
    let ran = tool.file("p.toml", plan).run();
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "{\n  \"a\": 4,\n  \"b\": 2,\n  \"c\": 3\n}\n"));
}

#[test]
fn what_makes_no_sense_is_told() {
    let told = |default: &str, texts: &[&str]| {
        codap(["get", "a=a", "--default", default]).run().told(2, texts);
    };
    told("a", &["--default a: has no name (write NAME=JSON"]);
    told("a=text", &["--default a: its value is not JSON"]);
    told("b=1", &["--default b: there is no entry of that name"]);
    codap(["race", "a", "--default", "a=1"]).run().told(2, &["a race has one result"]);
    codap(["list", "a", "--default", "a=1"]).run().told(2, &["--default a"]);
}
