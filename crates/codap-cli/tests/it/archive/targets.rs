//! What may stand at the target, and what becomes of it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use codap_fault::{At, On, Reply, Script, Stall};

use super::contents::{contents, expected};
use super::formats::left;
use super::site::Site;
use crate::tool::{codap, ended, serve};

#[test]
fn what_is_no_file_is_refused_and_left_alone() {
    let tool = codap(["archive", "a", "-o", "out.zip"]).file("a", "1");
    let out = tool.folder().join("out.zip");
    fs::create_dir(&out).unwrap();
    let folder = tool.run_with(|folder| assert!(folder.join("out.zip").is_dir()));
    folder.told(2, &["out.zip", "folder"]);

    let tool = codap(["archive", "a", "-o", "out.zip"]).file("a", "1");
    let out = tool.folder().join("out.zip");
    let made = std::process::Command::new("mkfifo").arg(&out).status().unwrap();
    assert!(made.success());
    let fifo = tool.run();
    fifo.told(2, &["out.zip is a pipe or a device"]);

    for device in ["/dev/null", "/dev/full"] {
        let ran = codap(["archive", "a", "--format=zip", "-o", device]).file("a", "1").run();
        ran.told(2, &[device, "device"]);
    }
    let ran = codap(["archive", "a", "-o", "no/such/folder/out.zip"]).file("a", "1").run();
    ran.told(3, &["no/such/folder"]);
}

/// Whose file it is has not been said.
#[test]
fn a_link_is_refused_with_where_it_leads() {
    let tool = codap(["archive", "a", "-o", "out.zip"]).file("a", "1").file("real.zip", "old");
    symlink("real.zip", tool.folder().join("out.zip")).unwrap();
    let ran = tool.run_with(|folder| {
        assert!(folder.join("out.zip").is_symlink());
        assert_eq!(fs::read_to_string(folder.join("real.zip")).unwrap(), "old");
        assert_eq!(left(folder), ["a", "out.zip", "real.zip"]);
    });
    ran.told(2, &["out.zip is a symbolic link: name real.zip itself"]);
}

#[test]
fn the_mode_of_the_old_file_is_kept() {
    for mode in [0o600, 0o640, 0o755] {
        let tool = codap(["archive", "a", "-o", "out.zip"]).file("a", "1").file("out.zip", "old");
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(tool.folder().join("out.zip"), permissions).unwrap();
        tool.run_with(|folder| {
            let new = fs::metadata(folder.join("out.zip")).unwrap();
            assert_eq!(new.permissions().mode() & 0o7777, mode);
            assert_ne!(new.len(), 3);
        });
    }
}

#[test]
fn two_runs_at_once_are_refused() {
    let held = Reply::ok("1").stall(Stall::at(At::Head));
    let server = serve(Script::new().rule(On::any(), held));
    let first = codap(["archive", "-o", "out.zip", &server.url("/a")]);
    let out = first.folder().join("out.zip");
    let (child, folder) = first.start();
    server.wait_for_blocking(|counters| counters.stalled == 1).unwrap();
    for resume in [&[][..], &["--resume"]] {
        let args = [&["archive", "-o", out.to_str().unwrap(), "b"], resume].concat();
        codap(args).file("b", "1").run().told(3, &["out.zip", "another run"]);
    }
    server.release();
    assert_eq!(ended(child).code, Some(0));
    assert_eq!(contents(&folder.path().join("out.zip")), Ok(expected([("a", "1")])));
}

/// A file system without room: the cause is told, and the old target is as it was.
#[test]
fn a_full_file_system_is_told_and_nothing_is_changed() {
    let script = "
        mount -t tmpfs -o size=1m none full || exit 77
        printf old > full/out.zip
        \"$0\" archive --progress never -i list -o full/out.zip
        code=$?
        cat full/out.zip
        ls -A full
        exit $code";
    let site = Site::incompressible(8);
    let tool = codap::<&str>([]).file("list", site.list());
    fs::create_dir(tool.folder().join("full")).unwrap();
    let child = std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_codap")])
        .current_dir(tool.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ran = ended(child);
    if matches!(ran.code, Some(1 | 77)) && ran.stderr.contains("ermi") {
        // Only root may mount.
        return;
    }
    ran.told(3, &["out.zip", "space"]);
    assert_eq!(ran.stdout, "oldout.zip\n");
}
