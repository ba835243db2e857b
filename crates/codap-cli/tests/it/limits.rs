//! `--limit`, `--timeout`, `--deadline`, `--retry`.

use std::time::Instant;

use codap_fault::{At, On, Reply, Script, Stall};

use crate::tool::{codap, ended};

#[test]
fn as_many_run_as_the_limit_says() {
    let server = Script::new()
        .rule(On::any(), Reply::ok("1").stall(Stall::at(At::Head)))
        .start_blocking()
        .unwrap();
    let entries = (1..=6).map(|n| format!("e{n}={}", server.url(&format!("/{n}"))));
    let args = ["get".to_owned(), "--limit=2".to_owned()].into_iter().chain(entries);
    let (child, _folder) = codap(args.collect::<Vec<_>>()).start();
    for _ in 0..3 {
        server.wait_for_blocking(|it| it.stalled == 2).unwrap();
        server.release();
        server.wait_for_blocking(|it| it.stalled == 0 || it.concurrent == 2).unwrap();
    }
    assert_eq!(ended(child).code, Some(0));
    assert_eq!(server.counters().concurrent_max, 2);
    for text in ["0", "-1", "many"] {
        codap(["get", "a=a", &format!("--limit={text}")]).run().told(2, &["--limit"]);
    }
}

#[test]
fn what_takes_too_long_is_told_with_how_long_it_had() {
    let server = Script::new().rule(On::any(), Reply::silence()).start_blocking().unwrap();
    let entry = format!("a={}", server.url("/a"));
    for option in ["--timeout", "--deadline"] {
        let began = Instant::now();
        let ran = codap(["get", &entry, "b=b", option, "150ms"]).file("b", "1").run();
        assert!(began.elapsed().as_secs() < 10, "the option holds");
        ran.told(1, &["codap: a: timed out after ", " ms (give it more by --timeout"]);
        assert_eq!(ran.stdout, "{\n  \"b\": 1\n}\n");
        codap(["race", &server.url("/a"), option, "100ms"]).run().told(1, &["timed out after"]);
        let ran =
            codap(["list", "b", &server.url("/a"), "b", option, "150ms"]).file("b", "1").run();
        ran.said(1, &["codap: 1 line failed (the output tells each)"]);
        let lines = ran.lines();
        assert!(lines[1]["error"].as_str().unwrap().starts_with("timed out after "), "{lines:?}");
        assert_eq!((lines.len(), &lines[2]["value"]), (3, &serde_json::json!(1)));
    }
    codap(["get", "a=a", "--timeout=2"]).run().told(2, &["--timeout", "has no unit; write 2s"]);
    codap(["get", "a=a", "--deadline=soon"]).run().told(2, &["is no time; write 250ms"]);
}

#[test]
fn a_deadline_ends_a_list_whose_input_has_no_end() {
    let (mut child, _folder) = codap(["list", "-", "--deadline", "300ms"]).file("a", "1").start();
    let stdin = child.stdin.take();
    let ran = ended(child);
    drop(stdin);
    ran.told(1, &["the deadline of 300 ms has passed: nothing was read behind line 0"]);
}

#[test]
fn what_may_go_well_later_is_tried_again() {
    let server = Script::new()
        .rule(On::path("/busy").nth(..=2), Reply::status(503))
        .rule(On::path("/busy"), Reply::ok(serde_json::json!(3)))
        .rule(On::path("/gone"), Reply::status(404))
        .rule(On::path("/never"), Reply::status(503))
        .start_blocking()
        .unwrap();
    let entry = |path: &str| format!("a={}", server.url(path));
    assert_eq!(codap(["get", &entry("/busy"), "--retry=2"]).prints(), "{\n  \"a\": 3\n}\n");
    codap(["get", &entry("/gone"), "--retry=2"]).run().told(1, &["404"]);
    codap(["get", &entry("/never"), "--retry=1"]).run().told(1, &["503", "(attempt 2)"]);
    let counters = server.counters();
    assert_eq!((counters.target("/gone"), counters.target("/never")), (1, 2));
}

#[test]
fn what_is_larger_than_allowed_is_told_with_what_is_allowed() {
    let server = Script::new()
        .rule(On::path("/small"), Reply::ok("12345678"))
        .rule(On::path("/large"), Reply::ok("123456789"))
        .start_blocking()
        .unwrap();
    for verb in ["get", "list", "race"] {
        let entry = |path| match verb {
            "get" => format!("a={}", server.url(path)),
            _ => server.url(path),
        };
        let run = |path| codap([verb, &entry(path), "--max-size", "8"]).run();
        assert_eq!(run("/small").code, Some(0), "{verb}");
        let ran = run("/large");
        assert_eq!(ran.code, Some(1), "{verb}");
        let told = ran.stdout + &ran.stderr;
        assert!(told.contains("has 9 bytes; max_size allows 8"), "{verb}: {told}");
    }
    let run = |size| codap(["get", "a=a", "--max-size", size]).run();
    run("8 parsecs").told(2, &["--max-size", "is no size; write 64MiB"]);
}

/// A URI, a name and a redirect that lead to the loopback: nobody is asked.
#[test]
fn addresses_that_are_not_public_are_refused_if_so_told() {
    let server = Script::new().rule(On::any(), Reply::ok("1")).start_blocking().unwrap();
    for uri in [server.url("/a"), server.url_at("localhost", "/a")] {
        codap(["race", &uri, "--public-only"]).run().told(1, &["is not a public address"]);
        codap(["race", &uri]).prints();
    }
    assert_eq!(server.counters().requests, 2);
}
