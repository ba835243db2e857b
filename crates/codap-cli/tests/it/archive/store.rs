//! To and from a real object store: what is under the name, and what is still open there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use codap_fault::{At, On, Reply, Script, Stall};
use rustix::process::{Pid, Signal, kill_process};

use super::contents::{Contents, contents, expected};
use super::site::Site;
use crate::tool::{SECRET, Tool, codap, ended};

/// A bucket of its own on the store for tests.
struct Bucket {
    endpoint: String,
    name: String,
}

impl Bucket {
    /// `None` if the store was left out.
    #[expect(clippy::print_stdout, reason = "whoever reads the test's output is to know")]
    fn new(name: &str) -> Option<Self> {
        let without = std::env::var("CODAP_TEST_WITHOUT").unwrap_or_default();
        if without.split(',').any(|it| it == "s3") {
            println!("LEFT OUT: this test needs the server s3");
            return None;
        }
        let told = "CODAP_TEST_S3 is not set, so there is no store to test against: run `cargo \
                    xtask test --only tool`, or `cargo xtask servers` and set what it prints, or \
                    CODAP_TEST_WITHOUT=s3";
        let endpoint = std::env::var("CODAP_TEST_S3").expect(told);
        let name = format!("archive-{name}-{}", std::process::id());
        let bucket = Self { endpoint: endpoint.trim_end_matches('/').to_owned(), name };
        bucket.ask("PUT", "", b"");
        Some(bucket)
    }

    /// What the store answers, which does not look at signatures. `at` is a key or a query.
    fn ask(&self, method: &str, at: &str, body: &[u8]) -> Vec<u8> {
        let host = self.endpoint.strip_prefix("http://").expect("the store speaks plain HTTP");
        let mut stream = TcpStream::connect(host).expect("the store is there");
        let (bucket, length) = (&self.name, body.len());
        let key = if at.starts_with('?') || at.is_empty() { at } else { &format!("/{at}") };
        let head = format!(
            "{method} /{bucket}{key} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).expect("it takes a request");
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).expect("it replies");
        let end = reply.windows(4).position(|it| it == b"\r\n\r\n").expect("a reply has a head");
        let head = String::from_utf8_lossy(&reply[..end]).into_owned();
        assert!(head.split(' ').nth(1).is_some_and(|it| it == "200"), "{method} {at}: {head}");
        reply.split_off(end + 4)
    }

    /// How many uploads are neither completed nor aborted.
    fn open(&self) -> usize {
        let uploads = String::from_utf8(self.ask("GET", "?uploads", b"")).expect("XML is text");
        uploads.matches("<UploadId>").count()
    }

    fn keys(&self) -> usize {
        let keys = String::from_utf8(self.ask("GET", "?list-type=2", b"")).expect("XML is text");
        keys.matches("<Key>").count()
    }

    fn tool(&self, out: &str, list: &str, more: &[&str]) -> Tool {
        let out =
            if out.contains('/') { format!("s3://{}{out}", self.name) } else { out.to_owned() };
        codap([&["archive", "-o", &*out, "-i", "list"], more].concat())
            .file("list", list)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_REGION", "us-east-1")
    }

    fn contents_of(&self, key: &str, folder: &Path) -> Contents {
        let path = folder.join(key);
        std::fs::write(&path, self.ask("GET", key, b"")).expect("there is room");
        contents(&path).expect("it is an archive")
    }
}

#[test]
fn a_prefix_is_all_that_lies_under_it_and_the_archive_goes_back() {
    let Some(bucket) = Bucket::new("prefix") else { return };
    // More than one page of a list, and archives of several parts.
    let small = (0..1_030).map(|nth| (format!("in/{}/{nth}.txt", nth % 7), format!("{nth}")));
    let large = (0..3).map(|nth| (format!("in/large/{nth}"), nth));
    let large = large.map(|(key, seed)| (key, codap_fault::generated(seed, 0..7 << 20)));
    let bodies: Vec<(String, Vec<u8>)> =
        small.map(|(key, body)| (key, body.into_bytes())).chain(large).collect();
    for (key, body) in &bodies {
        bucket.ask("PUT", key, body);
    }
    bucket.ask("PUT", "input-of-others", b"it only begins alike");
    let list = format!("s3://{}/in/", bucket.name);
    let ran = bucket.tool("/out.zip", &list, &[]).run_with(|folder| {
        assert!(bucket.contents_of("out.zip", folder) == expected(bodies.clone()));
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("/out.zip: 1,033 objects"), "{}", ran.stderr);
    assert_eq!(bucket.open(), 0);
    // To a file, and with a name for the prefix.
    let ran = bucket.tool("out.tar", &format!("{list}\tthere"), &[]).run_with(|folder| {
        let there = bodies.iter().map(|(key, body)| (key.replacen("in", "there", 1), body));
        assert!(contents(&folder.join("out.tar")).unwrap() == expected(there));
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn whatever_ends_a_run_nothing_is_left_open() {
    let Some(bucket) = Bucket::new("ends") else { return };
    let gone = || Script::new().rule(On::path("/o/7/*"), Reply::status(404));
    let all_gone = Script::new().rule(On::any(), Reply::status(404));
    let site = Site::with(50, gone());
    let runs: [(&str, Site, &[&str]); 2] = [
        ("the first failure", Site::with(50, gone()), &["--fail-fast"]),
        ("nothing came", Site::with(50, all_gone), &[]),
    ];
    for (what, site, more) in runs {
        let ran = bucket.tool("/out.zip", &site.list(), more).run();
        assert_eq!((ran.code, bucket.open(), bucket.keys()), (Some(3), 0, 0), "{what}: {ran:?}");
    }
    // What is there is replaced by a whole one, or stays.
    let ran = bucket.tool("/out.zip", &site.list(), &[]).run();
    assert_eq!((ran.code, bucket.open(), bucket.keys()), (Some(1), 0, 1), "{ran:?}");
    let old = bucket.ask("GET", "out.zip", b"");

    let held = Reply::ok("1").stall(Stall::at(At::Head));
    let site = Site::with(50, Script::new().rule(On::path("/o/7/*"), held));
    let (child, _folder) = bucket.tool("/out.zip", &site.list(), &[]).start();
    site.server.wait_for_blocking(|counters| counters.stalled == 5).unwrap();
    assert_eq!(bucket.open(), 1);
    kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    assert_eq!(ended(child).code, Some(130));
    assert_eq!(bucket.open(), 0);
    assert!(bucket.ask("GET", "out.zip", b"") == old);
}
