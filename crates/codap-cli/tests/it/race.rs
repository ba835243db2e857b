//! `codap race`: the first good reply.

use codap_fault::{At, On, Reply, Script, Stall};

use crate::tool::codap;

const LATE: std::time::Duration = std::time::Duration::from_secs(3600);

#[test]
fn the_first_good_reply_is_printed_and_the_losers_are_cancelled() {
    let server = Script::new()
        .rule(On::path("/broken"), Reply::status(500))
        .rule(On::path("/hangs*"), Reply::ok("late").latency(LATE))
        .rule(On::path("/good"), Reply::ok(vec![0, 159, 10]).stall(Stall::at(At::Head)))
        .start_blocking()
        .unwrap();
    let paths = ["/hangs/1", "/broken", "/good", "/hangs/2"];
    let args = ["race".to_owned()].into_iter().chain(paths.map(|path| server.url(path)));
    let (child, _folder) = codap(args.collect::<Vec<_>>()).start();
    // All run before the good one is let go, so there are losers to cancel.
    server.wait_for_blocking(|it| it.stalled == 1 && it.requests == 4).unwrap();
    server.release();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), vec![0, 159, 10]));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "a loser is no news");
    server.wait_for_blocking(|it| it.open == 0 && it.abandoned >= 2).unwrap();
}

#[test]
fn without_a_good_reply_every_error_is_told() {
    let server = Script::new().rule(On::any(), Reply::status(503)).start_blocking().unwrap();
    let ran = codap(["race", &server.url("/a"), "no/such", &server.url("/b")]).run();
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""));
    assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
    for name in [&*server.url("/a"), "no/such", &server.url("/b")] {
        let begin = format!("codap: {name}: ");
        let line = ran.stderr.lines().find(|line| line.starts_with(&begin)).unwrap();
        assert_eq!(line.matches(name).count(), 1, "{line}");
    }
}

#[test]
fn fail_fast_takes_the_first_reply_of_any_kind() {
    let server = Script::new().rule(On::any(), Reply::silence()).start_blocking().unwrap();
    let ran = codap(["race", &server.url("/a"), "no/such", "--fail-fast"]).run();
    ran.said(1, &["codap: no/such: there is no such file; check the path"]);
}

#[test]
fn uris_are_checked_before_the_start() {
    codap(["race", "a", "gopher://h/1"]).run().told(2, &["gopher://h/1", "https"]);
    codap(["race"]).run().told(2, &["URI"]);
}
