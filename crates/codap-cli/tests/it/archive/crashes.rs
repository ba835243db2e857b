//! Killed, or let down by the disk, at one call after another: strace does it, the program knows
//! nothing of it.
//!
//! Calls that touch the part file, the journal, the target or their folder are counted once; then
//! the program runs again and again, and the nth of them kills it, or fails. `CODAP_SCALE` makes it
//! a large run with many such points.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::contents::contents;
use super::failures::scale;
use super::site::Site;
use crate::tool::{Ran, Tool, codap, ended};

const OLD: &str = "what stood there before";
/// What may change a file.
const CALLS: &str = "write,pwrite64,writev,pwritev,copy_file_range,sendfile,ftruncate,fallocate,\
    fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,openat,fchmod";

/// A run of the tool under strace.
struct Struck {
    tool: Tool,
    out: String,
}

impl Struck {
    fn new(site: &Site, out: &str) -> Self {
        let tool = codap::<&str>([]).file("list", site.list()).file(out, OLD);
        Self { tool, out: out.to_owned() }
    }

    fn folder(&self) -> PathBuf {
        self.tool.folder().canonicalize().expect("the folder is there")
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let path = |name: &str| self.folder().join(name).display().to_string();
        let args = ["archive".to_owned(), "-o".to_owned(), path(&self.out), "-i".to_owned()];
        let more = more.iter().map(ToString::to_string);
        args.into_iter().chain([path("list")]).chain(more).collect()
    }

    /// Runs it; `inject` says what happens to which call.
    fn run(&self, inject: Option<&str>) -> Ran {
        let folder = self.folder();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "trace", "-e", &format!("trace={CALLS}")]);
        let (out, name) = (folder.join(&self.out), &self.out);
        let part = folder.join(format!(".{name}.codap-part"));
        let journal = folder.join(format!(".{name}.codap-journal"));
        for path in [&folder, &out, &part, &journal] {
            strace.arg("-P").arg(path);
        }
        if let Some(inject) = inject {
            strace.args(["-e", &format!("inject={inject}")]);
        }
        strace.arg(env!("CARGO_BIN_EXE_codap")).args(self.args(&[])).current_dir(&folder);
        let child = strace.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        ended(child.expect("strace is installed"))
    }

    /// How often each call was made, by the thread that made it most often.
    fn counts(&self) -> BTreeMap<String, usize> {
        let trace = fs::read_to_string(self.folder().join("trace")).expect("strace has written");
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in trace.lines() {
            let Some((thread, call)) = line.split_once(char::is_whitespace) else { continue };
            let Some((call, _)) = call.trim().split_once('(') else { continue };
            *counts.entry((call.to_owned(), thread.to_owned())).or_default() += 1;
        }
        let mut most = BTreeMap::new();
        for ((call, _), count) in counts {
            let known: &mut usize = most.entry(call).or_default();
            *known = count.max(*known);
        }
        most
    }

    fn resumed(&self) -> Ran {
        let (child, _folder) = codap(self.args(&["--resume"])).start();
        ended(child)
    }

    /// What stands at the target.
    fn is_old(&self) -> bool {
        fs::read(self.folder().join(&self.out)).is_ok_and(|it| it == OLD.as_bytes())
    }
}

/// So many points among all of them: of each call the first and the last at least.
fn points(counts: &BTreeMap<String, usize>, wanted: usize) -> Vec<(String, usize)> {
    let all: usize = counts.values().sum();
    let mut points = Vec::new();
    for (call, count) in counts {
        let share = (wanted * count).div_ceil(all).max(2).min(*count);
        let apart = (share - 1).max(1);
        points.extend((0..share).map(|nth| (call.clone(), 1 + nth * (count - 1) / apart)));
    }
    points
}

fn knows_strace() -> bool {
    let known = Command::new("strace").arg("--version").output().is_ok();
    assert!(known || std::env::var_os("CI").is_none(), "strace is missing: apt-get install strace");
    known
}

#[test]
fn killed_at_any_call_the_target_is_old_or_whole_and_can_be_gone_on_with() {
    if !knows_strace() {
        return;
    }
    // Of some calls there are fewer in one run than in another, so not every point is reached.
    let (objects, wanted, at_least) = if scale(0) > 0 { (20_000, 240, 200) } else { (400, 10, 20) };
    let site = Site::new(objects);
    let (whole, mut killed) = (site.contents(), 0);
    for out in ["out.zip", "out.tar.gz"] {
        let counting = Struck::new(&site, out);
        assert_eq!(counting.run(None).code, Some(0));
        let points = points(&counting.counts(), wanted / 2);
        let (all, mut struck_at) = (points.len(), 0);
        for (call, nth) in points {
            let struck = Struck::new(&site, out);
            let at = format!("{call}:signal=SIGKILL:when={nth}");
            let ran = struck.run(Some(&at));
            struck_at += usize::from(ran.code.is_none() || ran.code == Some(137));
            let folder = struck.folder();
            if !struck.is_old() {
                assert_eq!(contents(&folder.join(out)).as_ref(), Ok(&whole), "{at}");
            }
            only_known_files(&folder, out);
            let ran = struck.resumed();
            assert_eq!(ran.code, Some(0), "{at}: {}", ran.stderr);
            assert_eq!(contents(&folder.join(out)).as_ref(), Ok(&whole), "{at}");
        }
        assert!(struck_at * 2 > all, "only {struck_at} of {all} were killed");
        println!("{out}: killed at {struck_at} of {all} points");
        killed += struck_at;
    }
    assert!(killed >= at_least, "killed at {killed} points, which are to be {at_least}");
}

fn only_known_files(folder: &Path, out: &str) {
    let known =
        ["list", "trace", out, &format!(".{out}.codap-part"), &format!(".{out}.codap-journal")];
    for name in super::formats::left(folder) {
        assert!(known.contains(&&*name), "{name}");
    }
}

#[test]
fn whatever_the_disk_refuses_is_told_and_the_target_is_as_it_was() {
    if !knows_strace() {
        return;
    }
    let (objects, wanted) = if scale(0) > 0 { (5_000, 120) } else { (400, 12) };
    let site = Site::new(objects);
    let counting = Struck::new(&site, "out.zip");
    assert_eq!(counting.run(None).code, Some(0));
    let errors = ["ENOSPC", "EIO", "EDQUOT", "EROFS"];
    let mut refused = 0;
    for (nth_point, (call, nth)) in points(&counting.counts(), wanted).into_iter().enumerate() {
        // Looking for what is not there, and taking away what is no longer needed, may fail.
        if call.starts_with("unlink") {
            continue;
        }
        let struck = Struck::new(&site, "out.zip");
        let at = format!("{call}:error={}:when={nth}", errors[nth_point % errors.len()]);
        let ran = struck.run(Some(&at));
        if ran.code == Some(0) {
            let archive = contents(&struck.folder().join("out.zip"));
            assert_eq!(archive, Ok(site.contents()), "{at}: a false success");
            continue;
        }
        refused += 1;
        assert_eq!(ran.code, Some(3), "{at}: {ran:?}");
        assert!(ran.stderr.contains("out.zip"), "{at}: {}", ran.stderr);
        // The one refusal that comes after the rename, and says so.
        if ran.stderr.contains("is in place, but") {
            let archive = contents(&struck.folder().join("out.zip"));
            assert_eq!(archive, Ok(site.contents()), "{at}: {}", ran.stderr);
        } else {
            assert!(struck.is_old(), "{at}: {}", ran.stderr);
        }
        only_known_files(&struck.folder(), "out.zip");
    }
    assert!(refused >= wanted / 2, "only {refused} of {wanted} mattered");
}
