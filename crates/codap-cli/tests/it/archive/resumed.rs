//! What a killed run has left: taken up by `--resume`, or removed; never trusted.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Child;

use codap_fault::{At, Body, On, Reply, Script, Stall};
use tempfile::TempDir;

use super::contents::{Contents, contents};
use super::failures::scale;
use super::formats::left;
use super::site::Site;
use crate::tool::{Ran, codap, ended};

const FORMATS: [&str; 4] = ["zip", "tar", "tar.gz", "tar.zst"];
const IN_FLIGHT: usize = 64;

/// A site that answers so many requests, and holds on to further ones until it is told to go on.
fn site_that_holds(objects: usize, answers: u64, seed: u64) -> Site {
    let held = Reply::ok(Body::Echo).etag("\"1\"").stall(Stall::at(At::Head));
    let latency = codap_fault::Latency::Uniform {
        min: std::time::Duration::ZERO,
        max: std::time::Duration::from_millis(5),
    };
    let script = Script::new().seed(seed).latency(latency);
    Site::with(objects, script.rule(On::any().number(answers + 1..=answers + 64), held))
}

/// A run over `site` that is killed once so many objects were answered; its folder.
fn killed(site: &Site, out: &str) -> TempDir {
    let tool = codap(["archive", "-o", out, "-i", "list"]).file("list", site.list());
    let (child, folder) = tool.start();
    let held = site.server.wait_for_blocking(|it| it.stalled == IN_FLIGHT as u64);
    held.expect("as many as may run are held");
    // What has been answered is on its way through compression and to the file.
    let part = folder.path().join(format!(".{out}.codap-part"));
    wait_until_it_stands_still(&part);
    kill(child);
    site.server.release();
    folder
}

/// A file that nobody appends to any more, as far as can be seen.
fn wait_until_it_stands_still(path: &Path) {
    let mut last = (0, 0);
    while last.0 < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let size = fs::metadata(path).map_or(0, |it| it.len());
        last = if size == last.1 && size > 0 { (last.0 + 1, size) } else { (0, size) };
    }
}

fn kill(mut child: Child) {
    child.kill().expect("it runs");
    child.wait().expect("it is ours");
}

/// Runs it again in that folder.
fn again(folder: &Path, out: &str, more: &[&str]) -> Ran {
    let path = |name: &str| folder.join(name).display().to_string();
    let (out, list) = (path(out), path("list"));
    let args = ["archive", "-o", &*out, "-i", &*list];
    let (child, _folder) = codap([&args, more].concat()).start();
    ended(child)
}

fn requests(site: &Site) -> usize {
    site.server.counters().requests as usize
}

#[test]
fn it_is_gone_on_with_and_little_is_fetched_twice() {
    let (objects, answers) = (3_000, 2_000);
    for format in FORMATS {
        let out = format!("out.{format}");
        let site = site_that_holds(objects, answers as u64, 1);
        let folder = killed(&site, &out);
        let before = requests(&site);
        let ran = again(folder.path(), &out, &["--resume"]);
        assert_eq!(ran.code, Some(0), "{format}: {}", ran.stderr);
        assert_eq!(contents(&folder.path().join(&out)), Ok(site.contents()), "{format}");
        assert_eq!(left(folder.path()), ["list", &*out], "{format}");
        let twice = (requests(&site) - before).saturating_sub(objects - answers);
        let allowed = (answers / 20).max(64 + IN_FLIGHT);
        assert!(twice <= allowed, "{format}: {twice} of {answers} once more");
    }
}

#[test]
fn without_the_option_what_is_left_is_removed() {
    let site = site_that_holds(500, 300, 1);
    let folder = killed(&site, "out.zip");
    let before = requests(&site);
    assert!(left(folder.path()).len() > 1);
    let ran = again(folder.path(), "out.zip", &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(contents(&folder.path().join("out.zip")), Ok(site.contents()));
    assert_eq!((left(folder.path()), requests(&site) - before), (names(&["list", "out.zip"]), 500));
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Whatever became of it meanwhile, what comes out is right.
#[test]
fn what_was_torn_or_altered_is_noticed() {
    let tear = |path: &Path, by: u64| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - by).unwrap();
    };
    let alter = |path: &Path, at: fn(usize) -> usize| {
        let mut bytes = fs::read(path).unwrap();
        let at = at(bytes.len());
        bytes[at] ^= 0x55;
        fs::write(path, bytes).unwrap();
    };
    type Harm<'a> = &'a dyn Fn(&Path, &Path);
    let harms: [(&str, Harm<'_>); 7] = [
        ("the journal is torn", &|_, journal| tear(journal, 7)),
        ("the journal is altered", &|_, journal| alter(journal, |len| len / 2)),
        ("the journal is gone", &|_, journal| fs::remove_file(journal).unwrap()),
        ("the journal goes on with nonsense", &|_, journal| {
            OpenOptions::new().append(true).open(journal).unwrap().write_all(&[7; 999]).unwrap();
        }),
        ("the part is torn", &|part, _| tear(part, 5_000)),
        ("the part is altered", &|part, _| alter(part, |len| len / 2)),
        ("the part is gone", &|part, _| fs::remove_file(part).unwrap()),
    ];
    for (what, harm) in harms {
        for format in ["zip", "tar.gz"] {
            let out = format!("out.{format}");
            let site = site_that_holds(600, 400, 1);
            let folder = killed(&site, &out);
            let file = |end: &str| folder.path().join(format!(".{out}.codap-{end}"));
            harm(&file("part"), &file("journal"));
            let ran = again(folder.path(), &out, &["--resume"]);
            assert_eq!(ran.code, Some(0), "{what}: {}", ran.stderr);
            assert_eq!(contents(&folder.path().join(&out)), Ok(site.contents()), "{what}");
            assert_eq!(left(folder.path()), ["list", &*out], "{what}");
        }
    }
}

#[test]
fn another_list_is_told() {
    let site = site_that_holds(500, 300, 1);
    let folder = killed(&site, "out.zip");
    let list = site.list();
    let (first, rest) = list.split_once('\n').unwrap();
    fs::write(folder.path().join("list"), format!("{rest}{first}\n")).unwrap();
    let ran = again(folder.path(), "out.zip", &["--resume"]);
    ran.told(3, &["the list has changed", "run without resuming"]);
    fs::write(folder.path().join("list"), list).unwrap();
    let ran = again(folder.path(), "out.zip", &["--resume"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// The same list under other latencies, killed at another place and gone on with: `CODAP_SEEDS` says
/// how many.
#[test]
fn the_content_is_that_of_the_list_whatever_the_order_of_arrival() {
    let seeds = std::env::var("CODAP_SEEDS").map_or(5, |it| it.parse::<u64>().unwrap().min(50));
    let objects = scale(400).min(2_000);
    let mut all: Option<Contents> = None;
    for seed in 0..seeds {
        let format = FORMATS[seed as usize % 4];
        let out = format!("out.{format}");
        let answers = objects as u64 * (seed * 7 % 10 + 1) / 12;
        let site = site_that_holds(objects, answers.min(objects as u64 - 64), seed);
        let folder = killed(&site, &out);
        let ran = again(folder.path(), &out, &["--resume"]);
        assert_eq!(ran.code, Some(0), "seed {seed}: {}", ran.stderr);
        let found = contents(&folder.path().join(&out)).unwrap();
        assert_eq!(found, site.contents(), "seed {seed}");
        let first = all.get_or_insert_with(|| found.clone());
        // Ports differ, and nothing else.
        assert_eq!(first.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    }
}
