//! Each format, each form of a list, each kind of target that is a file.

use codap_fault::{Body, On, Reply, Script};

use super::contents::{contents, expected, sha256};
use super::site::Site;
use crate::tool::{codap, serve};

const FORMATS: [&str; 4] = ["zip", "tar", "tar.gz", "tar.zst"];

#[test]
fn every_object_is_in_it_under_its_name() {
    let site = Site::new(500);
    for format in FORMATS {
        let out = format!("out.{format}");
        let tool = codap(["archive", "-o", &out, "-i", "list"]).file("list", site.list());
        let ran = tool.run_with(|folder| {
            assert_eq!(contents(&folder.join(&out)), Ok(site.contents()), "{format}");
            assert_eq!(left(folder), ["list", &*out]);
        });
        ran.told(0, &[&format!("codap: {out}: 500 objects")]);
        assert_eq!(ran.stdout, "");
    }
}

/// Names in the folder, in order.
pub(super) fn left(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is there").flatten();
    let mut left: Vec<_> =
        entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    left.sort();
    left
}

#[test]
fn the_format_is_that_of_the_name_or_as_told() {
    let out = |args: &[&str]| codap([&["archive", "a"], args].concat()).file("a", "1").run();
    for name in ["out.rar", "out", "zip", "out.7z"] {
        out(&["-o", name]).told(2, &[name, "--format", "zip, tar, tar.gz, tar.zst"]);
    }
    out(&["-o", "-"]).told(2, &["--format"]);
    out(&[]).told(2, &["--output"]);
    let tool = codap(["archive", "a", "-o", "out.bin", "--format", "zip"]).file("a", "1");
    tool.run_with(|folder| {
        std::fs::rename(folder.join("out.bin"), folder.join("out.zip")).unwrap();
        assert_eq!(contents(&folder.join("out.zip")), Ok(expected([("a", "1")])));
    });
    for name in ["out.TGZ", "out.tar.gz", "out.Zip", "out.tzst"] {
        assert_eq!(out(&["-o", name]).code, Some(0), "{name}");
    }
}

#[test]
fn a_line_is_a_uri_or_has_a_name_or_is_json() {
    let server = serve(Script::new().rule(On::any(), Reply::ok(Body::Echo)));
    let url = |path: &str| server.url(path);
    let json = |fields: &str, path: &str| format!("{{\"uri\":\"{}\"{fields}}}", url(path));
    let right = format!(",\"name\":\"named/d\",\"size\":2,\"sha256\":\"{}\"", sha256(b"/d"));
    let wrong_hash = format!(",\"sha256\":\"{}\"", sha256(b"/?"));
    let list = [
        format!("\u{feff}{}", url("/a")),
        String::new(),
        format!("{}\tnamed/b c\r", url("/b")),
        json(",\"name\":\"c\"", "/c"),
        json(&right, "/d"),
        json(",\"size\":3", "/e"),
        json(&wrong_hash, "/f"),
        json(",\"nam\":\"g\"", "/g"),
        "gopher://host/".to_owned(),
    ];
    let tool = codap(["archive", "-o", "out.zip", &url("/typed"), "-"]).input(list.join("\n"));
    let ran = tool.run_with(|folder| {
        let bodies =
            [("typed", "/typed"), ("a", "/a"), ("named/b c", "/b"), ("c", "/c"), ("named/d", "/d")];
        assert_eq!(contents(&folder.join("out.zip")), Ok(expected(bodies)));
    });
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("out.zip: 5 of 9 objects"), "{}", ran.stderr);
    let mut failed = ran.lines();
    failed.sort_by_key(|line| line["line"].as_u64());
    let told: Vec<(u64, &str)> = failed
        .iter()
        .map(|it| (it["line"].as_u64().unwrap(), it["error"].as_str().unwrap()))
        .collect();
    let texts = ["3", "SHA-256", "unknown field `nam`", "gopher"];
    assert_eq!(told.len(), 4, "{told:?}");
    for ((line, error), (expected, text)) in told.iter().zip([7, 8, 9, 10].iter().zip(texts)) {
        assert!(line == expected && error.contains(text), "{line}: {error}");
    }
}

#[test]
fn large_and_unknown_lengths_and_nothing_at_all() {
    let large = |size| Reply::ok(Body::Generated { size, seed: 5 });
    let chunked = codap_fault::Framing::Chunked;
    let server = serve(
        Script::new()
            .rule(On::path("/large"), large(6 << 20))
            .rule(On::path("/chunked"), large(5 << 20).framing(chunked))
            .rule(On::path("/empty"), Reply::ok(Body::Empty))
            .rule(On::path("/zeros"), Reply::ok(Body::Zeros(5 << 20))),
    );
    let bodies = [
        ("large", codap_fault::generated(5, 0..6 << 20)),
        ("chunked", codap_fault::generated(5, 0..5 << 20)),
        ("empty", Vec::new()),
        ("zeros", vec![0; 5 << 20]),
    ];
    let expected = expected(bodies);
    for format in FORMATS {
        let out = format!("out.{format}");
        let mut args = ["archive", "--memory=8M", "-o", &out].map(str::to_owned).to_vec();
        args.extend(expected.keys().map(|name| server.url(&format!("/{name}"))));
        let ran = codap(args).run_with(|folder| {
            assert_eq!(contents(&folder.join(&out)), Ok(expected.clone()), "{format}");
        });
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
}
