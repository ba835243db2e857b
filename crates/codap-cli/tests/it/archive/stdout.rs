//! To stdout: whole, or readers notice.

use std::io::Read as _;

use super::contents::contents;
use super::site::Site;
use crate::tool::{codap, ended};

#[test]
fn it_goes_to_stdout_and_is_the_same_there() {
    let site = Site::new(200);
    for format in ["zip", "tar", "tar.gz", "tar.zst"] {
        let args = ["archive", "-o", "-", "--format", format, "-i", "list"];
        let (mut child, folder) = codap(args).file("list", site.list()).start();
        let mut bytes = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
        let ran = ended(child);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let path = folder.path().join(format!("out.{format}"));
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(contents(&path), Ok(site.contents()), "{format}");
    }
}

/// An archive is no stream of lines: half of it is nothing, so a reader that leaves is a failure.
#[test]
fn a_reader_that_leaves_is_an_error() {
    let site = Site::incompressible(8);
    for format in ["zip", "tar", "tar.gz", "tar.zst"] {
        let args = ["archive", "-o", "-", "--format", format, "-i", "list"];
        let (mut child, folder) = codap(args).file("list", site.list()).start();
        let mut stdout = child.stdout.take().unwrap();
        let mut some = vec![0; 10_000];
        stdout.read_exact(&mut some).unwrap();
        drop(stdout);
        let ran = ended(child);
        ran.told(3, &["stdout"]);
        let path = folder.path().join(format!("out.{format}"));
        std::fs::write(&path, some).unwrap();
        if format != "tar" {
            assert!(contents(&path).is_err(), "{format}");
        }
    }
}

#[test]
fn it_is_not_written_to_a_terminal_nor_gone_on_with() {
    let args = ["archive", "a", "-o", "-", "--format=zip", "--resume"];
    codap(args).file("a", "1").run().told(2, &["--resume", "stdout"]);
}
