//! `--report`: what happened when to each entry.

use codap_fault::{On, Reply, Script};
use serde_json::{Value, json};

use crate::tool::{Ran, SECRET, Tool, codap};

fn report(tool: Tool) -> (Ran, Value) {
    let mut report = Value::Null;
    let ran = tool.run_with(|folder| {
        let text = std::fs::read_to_string(folder.join("r.json")).expect("the report is there");
        assert!(!text.contains(SECRET), "{text}");
        report = serde_json::from_str(&text).expect("a report is JSON");
        let left = std::fs::read_dir(folder).expect("the folder is there").flatten();
        let left: Vec<_> = left.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
        assert!(!left.iter().any(|name| name.starts_with(".codap")), "{left:?}");
    });
    (ran, report)
}

fn strings(entries: &Value, field: &str) -> Vec<String> {
    let entries = entries.as_array().into_iter().flatten();
    entries.map(|it| it[field].as_str().unwrap_or("no text").to_owned()).collect()
}

#[test]
fn endings_attempts_bytes_times_and_waits() {
    let server = Script::new()
        .rule(On::path("/busy").nth(1), Reply::status(503))
        .rule(On::path("/busy*"), Reply::ok("[1,2]"))
        .rule(On::path("/slow"), Reply::silence())
        .rule(On::path("/user"), Reply::ok("7").latency(std::time::Duration::from_millis(100)))
        .start_blocking()
        .unwrap();
    let (ran, report) = report(codap([
        "get".to_owned(),
        format!("busy={}", server.url(&format!("/busy?token={SECRET}"))),
        format!("user={}", server.url("/user")),
        format!("uses={}", server.url("/busy/{{ user }}")),
        format!("slow={}", server.url("/slow")),
        "gone=no/such".to_owned(),
        "else=no/such".to_owned(),
        "--default=else=1".to_owned(),
        "--retry=1".to_owned(),
        "--timeout=300ms".to_owned(),
        "--report=r.json".to_owned(),
    ]));
    assert_eq!(ran.code, Some(1));
    assert_eq!((&report["command"], &report["exit"]), (&json!("get"), &json!(1)));
    let entries = &report["entries"];
    assert_eq!(strings(entries, "name"), ["busy", "user", "uses", "slow", "gone", "else"]);
    let endings = ["ok", "ok", "ok", "timed_out", "failed", "defaulted"];
    assert_eq!(strings(entries, "ending"), endings);
    let uris = strings(entries, "uri");
    assert_eq!(uris[0], server.url("/busy?token=…"));
    assert_eq!(uris[2], server.url("/busy/7"), "completed");
    let all = entries.as_array().unwrap();
    let attempts: Vec<_> = all.iter().map(|it| it["attempts"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [2, 1, 1, 2, 1, 1]);
    let bytes: Vec<_> = all.iter().map(|it| it["bytes"].as_u64()).collect();
    assert_eq!(bytes, [Some(5), Some(1), Some(5), None, None, None]);
    for entry in all {
        let at = |field: &str| entry[field].as_f64().unwrap();
        assert!(at("queued_ms") <= at("started_ms") && at("started_ms") <= at("ended_ms"));
        assert!(at("ended_ms") <= report["elapsed_ms"].as_f64().unwrap());
    }
    assert!(all[3]["ended_ms"].as_f64().unwrap() >= 600.0, "two attempts of 300 ms");
    let who: Vec<_> = all[1]["waits"].as_array().unwrap().iter().map(|it| &it["by"]).collect();
    assert!(who.contains(&&json!("uses")), "{who:?}");
    assert!(all[5]["error"].as_str().unwrap().contains("no such file"));
}

#[test]
fn a_race_tells_of_winner_and_losers() {
    let server = Script::new().rule(On::any(), Reply::silence()).start_blocking().unwrap();
    let (ran, report) =
        report(codap(["race", &server.url("/a"), "here", "--report=r.json"]).file("here", "1"));
    assert_eq!((ran.code, &report["exit"]), (Some(0), &json!(0)));
    assert_eq!(strings(&report["entries"], "name"), ["1", "2"]);
    assert_eq!(strings(&report["entries"], "ending"), ["cancelled", "ok"]);
}

#[test]
fn a_list_is_reported_line_by_line() {
    let (ran, report) =
        report(codap(["list", "a", "gopher://h/", "a", "--report=r.json"]).file("a", "[1]"));
    assert_eq!(ran.code, Some(1));
    assert_eq!(strings(&report["entries"], "name"), ["1", "2", "3"]);
    assert_eq!(strings(&report["entries"], "ending"), ["ok", "failed", "ok"]);
    assert_eq!(report["entries"][2]["bytes"], 3);
}

#[test]
fn a_report_that_cannot_be_written_stops_everything() {
    let server = Script::new().rule(On::any(), Reply::ok("1")).start_blocking().unwrap();
    for verb in ["get", "list", "race"] {
        let uri = server.url("/");
        let entry = if verb == "get" { format!("a={uri}") } else { uri };
        let ran = codap([verb, &entry, "--report", "no/such/r.json"]).run();
        ran.told(3, &["--report no/such/r.json: cannot be written"]);
    }
    assert_eq!(server.counters().requests, 0);
}

/// The schema lists exactly what a report has.
#[test]
fn the_schema_is_that_of_reports() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/report.schema.json")).unwrap();
    let late = Reply::ok("1").latency(std::time::Duration::from_millis(100));
    let server = Script::new().rule(On::any(), late).start_blocking().unwrap();
    let a = format!("a={}", server.url("/a"));
    let (_, report) = report(codap(["get", &a, "b=x/{{ a }}", "--report=r.json"]));
    let fields = |of: &Value| {
        let mut names: Vec<String> = of.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let required = |of: &Value| {
        let names = of["required"].as_array().unwrap().iter();
        let mut names: Vec<String> = names.map(|it| it.as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let entry = &schema["properties"]["entries"]["items"];
    let wait = &entry["properties"]["waits"]["items"];
    for (described, real) in [
        (&schema, &report),
        (entry, &report["entries"][0]),
        (wait, &report["entries"][0]["waits"][0]),
    ] {
        assert_eq!(fields(&described["properties"]), fields(real));
        assert_eq!(required(described), fields(real));
    }
    let endings = entry["properties"]["ending"]["enum"].as_array().unwrap();
    for ending in ["ok", "failed", "timed_out", "cancelled", "defaulted"] {
        assert!(endings.contains(&json!(ending)), "{ending}");
    }
}
