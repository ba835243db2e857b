//! What fails is not in the archive, and is told: what succeeded is installed, or nothing is.

use codap_fault::{At, Body, Framing, How, On, Reply, Script};

use super::contents::{contents, expected};
use super::formats::left;
use super::site::Site;
use crate::tool::{codap, serve};

const OLD: &str = "what stood there before";

/// A server on which some objects fail, each in its own way.
fn troubled() -> codap_fault::Server {
    let long = || Reply::ok(Body::Generated { size: 300_000, seed: 1 });
    serve(
        Script::new()
            .rule(On::path("/gone"), Reply::status(404))
            .rule(On::path("/cut"), long().cut(200_000))
            .rule(On::path("/reset"), long().cut_with(At::Body(100_000), How::Rst))
            .rule(On::path("/short"), long().framing(Framing::Chunked).cut(200_000))
            .rule(On::path("/silent"), Reply::silence())
            .rule(On::path("/busy").nth(1), Reply::status(503))
            .rule(On::any(), Reply::ok(Body::Echo)),
    )
}

#[test]
fn what_succeeded_is_installed_and_what_failed_is_told() {
    let server = troubled();
    let names = ["a", "gone", "cut", "reset", "short", "silent", "busy", "b"];
    let mut args = ["archive", "-o", "out.zip", "--timeout=3s"].map(str::to_owned).to_vec();
    args.extend(names.iter().map(|name| server.url(&format!("/{name}"))));
    let ran = codap(args).file("out.zip", OLD).run_with(|folder| {
        let archive = contents(&folder.join("out.zip"));
        assert_eq!(archive, Ok(expected([("a", "/a"), ("b", "/b")])));
        assert_eq!(left(folder), ["out.zip"]);
    });
    let said: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!((ran.code, said[0]), (Some(1), "codap: 6 objects failed (stdout tells each)"));
    assert!(said[1].starts_with("codap: out.zip: 2 of 8 objects, 4 B as "), "{said:?}");
    let mut lines = ran.lines();
    lines.sort_by_key(|line| line["line"].as_u64());
    let failed: Vec<_> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(failed, &names[1..7]);
    for (line, text) in
        lines.iter().zip(["404", "broke off", "broke off", "", "no reply within", "503"])
    {
        let error = line["error"].as_str().unwrap();
        assert!(error.contains(text), "{error}");
        assert!(line["uri"].as_str().unwrap().starts_with("http://"), "{line}");
    }
}

/// Whatever there is to say, the last line says what there is now, and a terminal shows it as one.
#[test]
fn the_last_line_is_one_of_a_terminal() {
    let site = Site::with(30, Script::new().rule(On::path("/o/7/*"), Reply::status(404)));
    let out = format!("{}/an-archive-with-a-name-of-some-length.zip", "folder".repeat(10));
    // Twice the same names: the later ones are renamed.
    let list = site.list().repeat(2);
    let tool = codap(["archive", "-o", &out, "-i", "list"]).file("list", list);
    std::fs::create_dir(tool.folder().join("folder".repeat(10))).unwrap();
    let ran = tool.run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said: Vec<&str> = ran.stderr.lines().collect();
    let [.., renamed, failed, last] = said[..] else { panic!("{said:?}") };
    assert_eq!(renamed, "codap: 30 objects are renamed (--report tells each)");
    assert_eq!(failed, "codap: 6 objects failed (stdout tells each)");
    assert_eq!(last.chars().count(), 80, "{last}");
    assert!(last.contains("length.zip: 54 of 60 objects, "), "{last}");
}

#[test]
fn what_may_go_well_later_is_tried_again() {
    let server = troubled();
    let args = ["archive", "-o", "out.tar", "--retry=1", &server.url("/busy"), &server.url("/a")];
    let ran = codap(args).run_with(|folder| {
        let archive = contents(&folder.join("out.tar"));
        assert_eq!(archive, Ok(expected([("a", "/a"), ("busy", "/busy")])));
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn nothing_is_installed_if_all_failed_or_at_the_first_failure_if_so_told() {
    let server = troubled();
    let (gone, good) = (server.url("/gone"), server.url("/a"));
    let runs: [(&[&str], &str); 3] = [
        (&[&gone, &gone], "every object failed"),
        (&[&good, &gone, "--fail-fast"], "gone"),
        (&["--input", "empty"], "nothing is on the list"),
    ];
    for (args, told) in runs {
        let tool = codap([&["archive", "-o", "out.zip"], args].concat());
        let ran = tool.file("out.zip", OLD).file("empty", "\n\n").run_with(|folder| {
            let old = std::fs::read_to_string(folder.join("out.zip"));
            assert_eq!(old.unwrap(), OLD, "{args:?}");
            assert_eq!(left(folder), ["empty", "out.zip"], "{args:?}");
        });
        assert_eq!(ran.code, Some(3), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn the_report_tells_of_each_object() {
    let server = troubled();
    let list = ["a", "gone", "b\ta"].map(|line| server.url(&format!("/{line}"))).join("\n");
    let tool = codap(["archive", "-o", "out.zip", "-", "--report", "r.json"]).input(list);
    tool.run_with(|folder| {
        let report = std::fs::read_to_string(folder.join("r.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!((&report["command"], &report["exit"]), (&"archive".into(), &1.into()));
        let mut rows = report["entries"].as_array().unwrap().clone();
        rows.sort_by_key(|row| row["name"].as_str().unwrap().to_owned());
        let row = |at: usize, field: &str| rows[at][field].clone();
        assert_eq!(
            (row(0, "name"), row(0, "ending"), row(0, "bytes")),
            ("a".into(), "ok".into(), 2.into())
        );
        assert_eq!((row(1, "name"), row(1, "renamed_from")), ("a#3".into(), "a".into()));
        assert_eq!((row(2, "name"), row(2, "ending")), ("gone".into(), "failed".into()));
        assert!(row(2, "error").as_str().unwrap().contains("404"));
        assert_eq!((rows.len(), row(0, "attempts")), (3, 1.into()));
    });
}

/// Failures go to a file where stdout has the archive, or by wish.
#[test]
fn failures_go_where_they_are_wanted() {
    let server = troubled();
    let (good, gone) = (server.url("/a"), server.url("/gone"));
    let ran = codap(["archive", "-o", "out.zip", &good, &gone, "--failures", "f.ndjson"]).run_with(
        |folder| {
            let failed = std::fs::read_to_string(folder.join("f.ndjson")).unwrap();
            let failed: serde_json::Value = serde_json::from_str(&failed).unwrap();
            assert_eq!((&failed["line"], &failed["name"]), (&2.into(), &"gone".into()));
        },
    );
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""));
}

#[test]
fn a_deadline_installs_what_is_there_by_then() {
    let server = troubled();
    let args = ["archive", "-o", "out.zip", "--deadline=3s", &server.url("/a")];
    let ran = codap(args.into_iter().chain([&*server.url("/silent")])).run_with(|folder| {
        assert_eq!(contents(&folder.join("out.zip")), Ok(expected([("a", "/a")])));
    });
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.lines()[0]["error"].as_str().unwrap().starts_with("timed out"), "{ran:?}");
}

/// Bodies that end in the middle, at a place that is drawn for each: `CODAP_SCALE` says how many.
#[test]
fn no_truncated_entry_is_ever_in_it() {
    let objects = scale(1_000);
    let script = Script::new()
        .seed(11)
        .rule(On::path("/o/*").share(0.5), Reply::ok(Body::Echo).cut_with(At::Anywhere, How::Fin))
        .rule(On::path("/o/*").share(0.3), Reply::ok(Body::Echo).cut_with(At::Anywhere, How::Rst));
    let site = Site::with(objects, script);
    for format in ["zip", "tar.gz"] {
        let out = format!("out.{format}");
        let tool = codap(["archive", "-o", &out, "-i", "list"]).file("list", site.list());
        let mut there = 0;
        let ran = tool.run_with(|folder| {
            let whole = site.contents();
            let found = contents(&folder.join(&out)).unwrap();
            there = found.len();
            for (name, body) in found {
                assert_eq!(whole[&name], body, "{name}");
            }
        });
        assert_eq!((ran.code, ran.lines().len()), (Some(1), objects - there), "{}", ran.stderr);
        assert!(there > objects / 10 && there < objects * 9 / 10, "{there} of {objects}");
    }
}

/// As many as `CODAP_SCALE` says, for a test that does with so many.
pub(super) fn scale(enough: usize) -> usize {
    std::env::var("CODAP_SCALE")
        .map_or(enough, |text| text.parse().expect("CODAP_SCALE is a number"))
}
