//! Names that mean harm: nothing lands outside of the folder, and nothing is lost.

use std::collections::BTreeSet;

use codap_archive::{Format, Names};
use proptest::prelude::*;

use crate::readers::{Reader, tree};
use crate::stage::{archive_of, run};

/// More than 200 keys, many of which are one name to some system.
fn keys() -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let mut add = |key: &[u8]| keys.push(key.to_vec());
    let up =
        ["..", "../..", "/..", "..\\..", "a/../..", "./..", "....", "...", ". .", ".. ", " .."];
    for up in up {
        for file in ["x", "etc/passwd", "", ".", "C:\\x"] {
            add(format!("{up}/{file}").as_bytes());
            add(format!("{up}\\{file}").as_bytes());
        }
    }
    for root in
        ["/", "//", "\\", "\\\\host\\share\\", "C:", "c:\\", "C:/", "/C:/", "~", "~/", "file:///"]
    {
        for file in ["etc/passwd", "x", "..", "../x"] {
            add(format!("{root}{file}").as_bytes());
        }
    }
    for device in
        ["CON", "con.txt", "NUL", "nul.tar.gz", "aux/x", "COM1", "lpt9.x", "COM¹", "PRN .a"]
    {
        add(device.as_bytes());
        add(format!("folder/{device}").as_bytes());
    }
    for c in (0..32_u8).chain([127]) {
        add(&[b"control".as_slice(), &[c], b"x"].concat());
    }
    for c in
        ["<", ">", ":", "\"", "|", "?", "*", "%", "$HOME", "`id`", ";ls", "&", "'", "-rf", "--help"]
    {
        add(format!("shell{c}").as_bytes());
        add(c.as_bytes());
    }
    for c in [
        "\u{202e}",
        "\u{200b}",
        "\u{feff}",
        "\u{2028}",
        "\u{200d}",
        "\u{1f600}",
        "é",
        "e\u{301}",
        "ß",
    ] {
        add(format!("unicode{c}.txt").as_bytes());
        add(format!("UNICODE{c}.TXT").as_bytes());
    }
    for bytes in
        [b"\xff".as_slice(), b"\xc3\x28", b"\xe2\x82", b"\xf0\x9f", b"caf\xe9", b"\xed\xa0\x80"]
    {
        add(bytes);
        add(&[b"bad/".as_slice(), bytes, b"/x"].concat());
    }
    for n in [200, 255, 256, 300, 1000, 5000, 70_000] {
        add("n".repeat(n).as_bytes());
        add(format!("{}.txt", "é".repeat(n / 2)).as_bytes());
        add("d/".repeat(n / 2).as_bytes());
        add(format!("{}x", "deep/".repeat(n / 5)).as_bytes());
    }
    for same in
        ["same", "Same", "SAME", "same", "same/", "same/x", "Same/X", "same/x/y", "same#2", "same."]
    {
        add(same.as_bytes());
    }
    for folder in
        ["a", "a/", "a/b", "a/b/", "a/b/c", "A/B/C", "a//b", "a/./b", "./a", "a/.", "a\\b"]
    {
        add(folder.as_bytes());
    }
    keys
}

#[test]
fn nothing_lands_outside_and_nothing_is_lost() {
    let keys = keys();
    assert!(keys.len() >= 200, "{}", keys.len());
    let mut names = Names::new();
    let bodies: Vec<(String, Vec<u8>)> = keys
        .iter()
        .enumerate()
        .map(|(n, key)| (names.assign(key).into(), format!("body {n}").into_bytes()))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Zip, Format::Tar] {
        let path = folder.path().join(format!("out.{}", format.extension()));
        let (_, contents) = run(archive_of(format, &path, &bodies));
        assert_eq!(contents.len(), keys.len(), "no two have the same name");
        for reader in Reader::extractors(format) {
            let sandbox = tempfile::tempdir().unwrap();
            let inside = sandbox.path().join("1/2/3/4/5/6/inside");
            std::fs::create_dir_all(&inside).unwrap();
            reader.extract(&path, &inside).unwrap_or_else(|e| panic!("{format:?}: {e}"));
            let all = tree(sandbox.path());
            let (inside, outside): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|(name, _)| name.starts_with("1/2/3/4/5/6/inside/"));
            assert!(outside.is_empty(), "{format:?} {reader:?}: {outside:?}");
            assert_eq!(inside.len(), keys.len(), "{format:?} {reader:?}");
            let found: BTreeSet<_> = inside.into_iter().map(|(_, file)| file).collect();
            let made: BTreeSet<_> = contents.values().cloned().collect();
            assert!(found == made, "{format:?} {reader:?}: other bodies");
        }
    }
}

/// Whether any system may take one for the other, or for a folder of it.
fn clash(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|name| name.to_lowercase().to_uppercase());
    a == b || a.starts_with(&format!("{b}/")) || b.starts_with(&format!("{a}/"))
}

fn is_safe(name: &str) -> bool {
    name.len() <= 1100
        && name.split('/').all(|part| {
            !part.is_empty()
                && part.len() <= 255
                && !part.ends_with(['.', ' '])
                && !part.contains(|c: char| c.is_control() || "<>:\"|?*\\".contains(c))
        })
}

/// Keys of few letters, so that they meet.
fn any_key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[aAb/.\\\\# ]{0,6}".prop_map(String::into_bytes),
        "[aA]{1,2}(/[aA]{1,2}){0,3}".prop_map(String::into_bytes),
        "[ab](#[0-9])?".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..300),
        "\\PC{0,40}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn any_list_gets_safe_names_that_keep_apart(keys in prop::collection::vec(any_key(), 0..40)) {
        let assign = || {
            let mut names = Names::new();
            keys.iter().map(|key| String::from(names.assign(key))).collect::<Vec<_>>()
        };
        let names = assign();
        prop_assert_eq!(&names, &assign(), "the same list gets the same names");
        for (n, name) in names.iter().enumerate() {
            prop_assert!(is_safe(name), "{:?} from {:?}", name, keys[n]);
            for other in &names[..n] {
                prop_assert!(!clash(name, other), "{:?} and {:?}", name, other);
            }
        }
    }

    #[test]
    fn what_comes_later_changes_no_name(keys in prop::collection::vec(any_key(), 1..20)) {
        let (mut all, mut some) = (Names::new(), Names::new());
        let all: Vec<_> = keys.iter().map(|key| all.assign(key)).collect();
        let some: Vec<_> = keys[..keys.len() / 2].iter().map(|key| some.assign(key)).collect();
        prop_assert_eq!(&all[..some.len()], &some[..]);
    }
}
