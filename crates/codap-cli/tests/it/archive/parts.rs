//! To an object store, in parts: completed, or aborted; never something in between.
//!
//! The store is a script: what it is asked, and what it answers, is all there is to see.

use std::process::Child;
use std::time::{Duration, Instant};

use codap_fault::{At, On, Reply, Script, Server, Stall};
use rustix::process::{Pid, Signal, kill_process};

use super::site::Site;
use crate::tool::{Ran, SECRET, codap, ended, serve};

const STARTED: &str = "<?xml version=\"1.0\"?><InitiateMultipartUploadResult>\
    <Bucket>b</Bucket><Key>out.zip</Key><UploadId>up1</UploadId></InitiateMultipartUploadResult>";
const DONE: &str = "<?xml version=\"1.0\"?><CompleteMultipartUploadResult>\
    <Bucket>b</Bucket><Key>out.zip</Key><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
const REFUSED: &str = "<?xml version=\"1.0\"?><Error><Code>InternalError</Code>\
    <Message>We encountered an internal error. Please try again.</Message></Error>";

/// A store that does as it should, but for what `script` says.
fn store(script: Script) -> Server {
    let xml = |text: &str| Reply::ok(text).header("Content-Type", "application/xml");
    serve(
        script
            .rule(On::path("*?uploads*").method("POST"), xml(STARTED))
            .rule(On::path("*?*uploadId=up1*").method("POST"), xml(DONE))
            .rule(On::any().method("PUT"), Reply::ok("").etag("\"p\""))
            .rule(On::any().method("DELETE"), Reply::status(204))
            .rule(On::any(), Reply::status(404)),
    )
}

fn tool(store: &Server, site: &Site, more: &[&str]) -> crate::tool::Tool {
    let args = ["archive", "-o", "s3://b/out.zip", "-i", "list"];
    codap([&args, more].concat())
        .file("list", site.list())
        .env("AWS_ENDPOINT_URL", store.url("").trim_end_matches('/'))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", "us-east-1")
}

fn asked(store: &Server, method: &str) -> usize {
    store.requests().iter().filter(|it| it.method == method).count()
}

fn run(store: &Server, site: &Site, more: &[&str]) -> Ran {
    tool(store, site, more).run()
}

#[test]
fn an_upload_is_completed() {
    let (store, site) = (store(Script::new()), Site::new(300));
    let ran = run(&store, &site, &[]);
    ran.told(0, &["s3://b/out.zip: 300 objects"]);
    assert!(asked(&store, "PUT") >= 1);
    assert_eq!((asked(&store, "POST"), asked(&store, "DELETE")), (2, 0));
}

#[test]
fn every_failure_aborts_and_is_told() {
    let complete = || On::path("*?*uploadId=up1*").method("POST");
    let site = Site::new(300);
    let faults = [
        ("a part is refused", Script::new().rule(On::any().method("PUT"), Reply::status(403)), 1),
        ("a part breaks off", Script::new().rule(On::any().method("PUT"), Reply::reset()), 1),
        ("200 and an error", Script::new().rule(complete(), Reply::ok(REFUSED)), 1),
        ("completing fails", Script::new().rule(complete(), Reply::status(500)), 1),
        ("the reply is lost", Script::new().rule(complete(), Reply::reset()), 1),
        ("it never starts", Script::new().rule(On::path("*?uploads*"), Reply::status(403)), 0),
    ];
    for (what, script, aborted) in faults {
        let store = store(script);
        let ran = run(&store, &site, &["--timeout=2s"]);
        assert_eq!(ran.code, Some(3), "{what}: {ran:?}");
        assert!(ran.stderr.contains("s3://b/out.zip"), "{what}: {}", ran.stderr);
        assert!(asked(&store, "DELETE") >= aborted, "{what}: {:?}", store.requests());
    }
}

#[test]
fn failing_objects_abort_it_if_so_told() {
    let site = Site::with(50, Script::new().rule(On::path("/o/7/*"), Reply::status(404)));
    let store = store(Script::new());
    let ran = run(&store, &site, &["--fail-fast"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(asked(&store, "POST"), asked(&store, "DELETE"));
}

#[test]
fn ctrl_c_aborts_it() {
    let held = Reply::ok("1").stall(Stall::at(At::Head));
    let site = Site::with(50, Script::new().rule(On::path("/o/7/*"), held));
    let store = store(Script::new());
    let (child, _folder) = tool(&store, &site, &[]).start();
    site.server.wait_for_blocking(|counters| counters.stalled == 5).unwrap();
    store.wait_for_blocking(|counters| counters.requests > 0).unwrap();
    let (ran, took) = interrupted(child);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(ran.code, Some(130));
    assert_eq!((asked(&store, "POST"), asked(&store, "DELETE")), (1, 1));
}

/// Ctrl-C when all has been sent: what the store has not confirmed is aborted, within the second.
#[test]
fn ctrl_c_while_it_is_completed_aborts_it() {
    let held = || Reply::status(204).stall(Stall::at(At::Head));
    let completing = || On::path("*?*uploadId=up1*").method("POST");
    let slow = Script::new().rule(completing(), held());
    let hung = Script::new().rule(completing(), held()).rule(On::any().method("DELETE"), held());
    for (script, is_hung) in [(slow, false), (hung, true)] {
        let (store, site) = (store(script), Site::new(50));
        let (child, _folder) = tool(&store, &site, &[]).start();
        store.wait_for_blocking(|counters| counters.stalled == 1).unwrap();
        let (ran, took) = interrupted(child);
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert_eq!(ran.code, Some(130), "{ran:?}");
        assert!(asked(&store, "DELETE") >= 1);
        assert!(ran.stderr.contains("interrupted while it was being completed"), "{ran:?}");
        let told = ran.stderr.contains("s3://b/out.zip: its upload up1 is still open");
        assert_eq!(told, is_hung, "{}", ran.stderr);
    }
}

#[test]
fn ctrl_c_while_the_last_part_is_sent_aborts_it() {
    let held = Reply::ok("").etag("\"p\"").stall(Stall::at(At::Head));
    let store = store(Script::new().rule(On::any().method("PUT"), held));
    let site = Site::new(50);
    let (child, _folder) = tool(&store, &site, &[]).start();
    store.wait_for_blocking(|counters| counters.stalled == 1).unwrap();
    let (ran, took) = interrupted(child);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((ran.code, &*ran.stderr), (Some(130), "codap: interrupted\n"));
    assert_eq!((asked(&store, "POST"), asked(&store, "DELETE")), (1, 1));
}

/// Only the reply tells what there would be to abort.
#[test]
fn ctrl_c_while_it_is_begun_aborts_it() {
    let late = Reply::ok(STARTED).latency(Duration::from_millis(200));
    let begun = Script::new().rule(On::path("*?uploads*").method("POST"), late);
    let (store, site) = (store(begun), Site::new(50));
    let (child, _folder) = tool(&store, &site, &[]).start();
    store.wait_for_blocking(|counters| counters.requests == 1).unwrap();
    let (ran, took) = interrupted(child);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((ran.code, asked(&store, "DELETE")), (Some(130), 1), "{ran:?}");
}

fn interrupted(child: Child) -> (Ran, Duration) {
    let began = Instant::now();
    kill(&child);
    (ended(child), began.elapsed())
}

fn kill(child: &Child) {
    let id = Pid::from_raw(child.id().cast_signed()).expect("a process has a number");
    kill_process(id, Signal::INT).expect("the process is there");
}

#[test]
fn it_is_not_gone_on_with() {
    let (store, site) = (store(Script::new()), Site::new(1));
    let ran = run(&store, &site, &["--resume"]);
    ran.told(2, &["--resume", "s3://b/out.zip"]);
    assert_eq!(store.counters().requests, 0);
}
