//! `codap list`: lines in the order given, as soon as the order allows.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use codap_fault::{At, On, Reply, Script, Stall};
use serde_json::json;

use crate::tool::{codap, ended};

#[test]
fn the_order_is_that_of_the_lines_and_not_of_the_replies() {
    let spread =
        codap_fault::Latency::Uniform { min: Duration::ZERO, max: Duration::from_millis(50) };
    let server = Script::new()
        .seed(7)
        .latency(spread)
        .rule(On::any(), Reply::ok(codap_fault::Body::Echo))
        .start_blocking()
        .unwrap();
    let uris: Vec<String> = (1..=200).map(|n| server.url(&format!("/{n}"))).collect();
    let ran =
        codap(["list", "-i", "uris.txt", "--limit", "16"]).file("uris.txt", uris.join("\n")).run();
    ran.said(0, &[]);
    let lines = ran.lines();
    assert_eq!(lines.len(), 200);
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(
            *line,
            json!({"line": at + 1, "uri": uris[at], "value": format!("/{}", at + 1)})
        );
    }
    let most = server.counters().concurrent_max;
    assert!((2..=16).contains(&most), "{most} ran at once");
}

#[test]
fn a_line_is_written_as_soon_as_the_order_allows() {
    let server = Script::new()
        .rule(On::path("/slow"), Reply::ok("2").stall(Stall::at(At::Head)))
        .rule(On::any(), Reply::ok("1"))
        .start_blocking()
        .unwrap();
    let (mut child, _folder) =
        codap(["list", &server.url("/a"), &server.url("/slow"), &server.url("/b"), "-"]).start();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next =
        || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    // While the second hangs and stdin is open.
    assert_eq!(next()["line"], 1);
    server.wait_for_blocking(|counters| counters.stalled == 1).unwrap();
    server.release();
    assert_eq!((next()["line"].clone(), next()["line"].clone()), (json!(2), json!(3)));
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", server.url("/c")).unwrap();
    assert_eq!(next()["line"], 4);
    drop(stdin);
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

/// Else what waits behind it would fill the memory.
#[test]
fn a_line_that_hangs_holds_up_those_far_behind_it() {
    let server = Script::new()
        .rule(On::path("/1"), Reply::ok("1").stall(Stall::at(At::Head)))
        .rule(On::any(), Reply::ok("2"))
        .start_blocking()
        .unwrap();
    let uris: Vec<String> = (1..=500).map(|n| server.url(&format!("/{n}"))).collect();
    let tool = codap(["list", "-i", "uris", "--limit", "4"]).file("uris", uris.join("\n"));
    let (child, _folder) = tool.start();
    // Four for each that may run.
    server.wait_for_blocking(|it| it.requests == 16 && it.concurrent == 1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let more = server.wait_within(Duration::from_millis(300), |it| it.requests > 16);
    assert!(runtime.block_on(more).is_err(), "no more began");
    server.release();
    let ran = ended(child);
    assert_eq!((ran.code, ran.lines().len()), (Some(0), 500));
}

#[test]
fn a_bad_line_is_told_by_its_number_and_the_rest_goes_on() {
    let long = "x".repeat(70_000);
    let input =
        [b"a.txt\n\ngopher://h/1\nno/such\n\xff\n" as &[u8], long.as_bytes(), b"\r\na.txt\r\n"]
            .concat();
    let ran = codap(["list", "-"]).file("a.txt", "7").input(input).run();
    ran.said(1, &["codap: 4 lines failed (the output tells each)"]);
    let lines = ran.lines();
    let numbers: Vec<_> = lines.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 3, 4, 5, 6, 7]);
    let error = |at: usize| lines[at]["error"].as_str().unwrap().to_owned();
    assert!(error(1).contains("there is no source for gopher"), "{}", error(1));
    assert_eq!(error(2), "there is no such file; check the path");
    assert!(error(3).contains("not UTF-8") && error(4).contains("64 KiB"), "{}", error(4));
    assert_eq!((&lines[0]["value"], &lines[5]["value"]), (&json!(7), &json!(7)));
}

#[test]
fn fail_fast_ends_with_the_first_failure_in_order() {
    let ran = codap(["list", "a", "no/such", "a", "--fail-fast"]).file("a", "1").run();
    ran.said(1, &["codap: 1 line failed (the output tells each)"]);
    assert_eq!(ran.lines().len(), 2);
}

#[test]
fn what_cannot_be_read_is_told() {
    codap(["list", "-i", "no.txt"]).run().told(2, &["no.txt: cannot be read"]);
    codap(["list", "-i", "."]).run().told(3, &["the input cannot be read behind line 0"]);
    codap(["list"]).run().told(2, &["URI"]);
}

#[test]
fn a_document_is_a_line() {
    let ran = codap(["list", "a", "b", "--json"])
        .file("a", "{ \"x\": [1,\n 2.50] }")
        .file("b", "text")
        .run();
    let first = ran.stdout.lines().next().unwrap();
    assert_eq!(first, r#"{"line":1,"uri":"a","value":{"x":[1,2.50]}}"#);
    assert!(ran.lines()[1]["error"].as_str().unwrap().starts_with("is not JSON"), "{}", ran.stdout);
}

/// Everything that the process ever held, in bytes.
#[cfg(target_os = "linux")]
fn peak(child: &std::process::Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.expect("a process that runs has a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("it says what it held at most") * 1024
}

/// A long list takes no more memory than a short one. `CODAP_SCALE` says how long; without it as
/// long as a test may be.
#[test]
#[cfg(target_os = "linux")]
fn memory_is_flat() {
    let lines = std::env::var("CODAP_SCALE").ok().and_then(|it| it.parse().ok()).unwrap_or(50_000);
    let server = Script::new().log(0).rule(On::any(), Reply::ok("{}")).start_blocking().unwrap();
    let (mut child, _folder) = codap(["list", "-"]).start();
    let mut stdin = child.stdin.take().unwrap();
    let url = server.url("/a");
    let (told, tell) = std::sync::mpsc::channel::<()>();
    let feeder = std::thread::spawn(move || {
        for _ in 0..lines {
            writeln!(stdin, "{url}").unwrap();
        }
        // The pipe stays open until the peak has been read.
        tell.recv().ok();
    });
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for number in 1..=lines {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "line {number} is missing");
    }
    let peak = peak(&child);
    told.send(()).unwrap();
    feeder.join().unwrap();
    assert_eq!(ended(child).code, Some(0));
    assert!(peak <= 64 << 20, "{lines} lines took {} MiB", peak >> 20);
}
