//! Names: nothing gets out of the folder it is unpacked into, nothing is lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::contents::contents;
use crate::tool::codap;

/// Names that mean something else to somebody, among plain ones that they could meet.
const NAMES: [&str; 40] = [
    "a",
    "a/b",
    "A",
    "../up",
    "../../up",
    "/etc/passwd",
    "//host/share",
    "C:\\x",
    "c:/x",
    "C:",
    "back\\slash",
    "nul\u{1}l",
    "line\tand\ttab",
    "\u{1b}[31mred",
    "CON",
    "con.txt",
    "aux/lpt1",
    "dot.",
    "dots...",
    "space ",
    " ",
    ".",
    "..",
    "./x",
    "x/./y",
    "x/../y",
    "x//y",
    "x/",
    "",
    "é",
    "e\u{301}",
    "É",
    "ß",
    "SS",
    "a:b",
    "a*b?",
    "~root",
    "-rf",
    "\u{202e}gpj.exe",
    "very/../../../../../../../../../../../../../tmp/far",
];

fn list() -> String {
    let long = ["x".repeat(300), "d/".repeat(400) + "f", "ü".repeat(200)];
    let names = NAMES.iter().map(ToString::to_string).chain(long);
    let line = |(nth, name)| {
        serde_json::json!({"uri": format!("body-{nth}"), "name": name}).to_string() + "\n"
    };
    names.enumerate().map(line).collect()
}

/// Runs the tool over the list, whose bodies each have their own content.
fn archived(out: &str, look: impl FnOnce(&Path, usize)) {
    let list = list();
    let count = list.lines().count();
    let mut tool = codap(["archive", "-o", out, "-i", "list"]).file("list", &list);
    for nth in 0..count {
        tool = tool.file(&format!("body-{nth}"), format!("body {nth}"));
    }
    let ran = tool.run_with(|folder| look(&folder.join(out), count));
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("renamed"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
}

#[test]
fn as_many_files_come_out_as_went_in_and_none_elsewhere() {
    let unpackers: [(&str, &[&str]); 4] = [
        ("out.zip", &["unzip", "-q", "-o"]),
        (
            "out.zip",
            &["python3", "-c", "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall()"],
        ),
        ("out.tar", &["tar", "--absolute-names", "-xf"]),
        (
            "out.tar.gz",
            &["python3", "-c", "import sys, tarfile; tarfile.open(sys.argv[1]).extractall()"],
        ),
    ];
    for (out, unpacker) in unpackers {
        archived(out, |archive, count| {
            let folder = tempfile::tempdir().unwrap();
            let into = folder.path().join("a/b/c/d/e");
            std::fs::create_dir_all(&into).unwrap();
            let mut unpack = Command::new(unpacker[0]);
            unpack.args(&unpacker[1..]).arg(archive).current_dir(&into).env("LC_ALL", "C.UTF-8");
            let output = unpack.output().unwrap();
            assert!(output.status.success(), "{unpacker:?}: {output:?}");
            let bodies = bodies(&into);
            assert_eq!(bodies.len(), count, "{unpacker:?}");
            assert_eq!(self::bodies(folder.path()).len(), count, "{unpacker:?}");
        });
    }
}

/// What every file below `folder` holds.
fn bodies(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("it was unpacked").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(bodies(&path)),
            path => drop(found.insert(std::fs::read_to_string(path).expect("bodies are text"))),
        }
    }
    found
}

/// They follow from the list, not from who comes first.
#[test]
fn names_are_the_same_in_every_run() {
    let mut all = BTreeSet::new();
    for _ in 0..3 {
        archived("out.zip", |archive, _| {
            all.insert(contents(archive).unwrap());
        });
    }
    assert_eq!(all.len(), 1);
}
