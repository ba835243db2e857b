//! The file that is replaced, and what is not replaced.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use codap_archive::{Archive, Error, Format};

use crate::stage::{add, archive_of, files, run};

fn refusal(path: &Path) -> Error {
    Archive::builder(Format::Zip).to_file(path).unwrap_err()
}

#[test]
fn only_files_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("file"), "old").unwrap();
    symlink("file", at("link")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    for (name, says) in [
        ("folder", "folder"),
        ("link", "link: name file"),
        ("dangling", "link: name nowhere"),
        ("pipe", "stdout"),
    ] {
        let error = refusal(&at(name));
        assert!(error.is_refused() && error.to_string().contains(says), "{error}");
    }
    assert!(refusal(Path::new("/dev/null")).is_refused());
    assert!(refusal(Path::new("/")).is_refused());
    let error = refusal(&at("missing/out.zip"));
    assert!(error.is_disk() && error.to_string().contains("missing"), "{error}");
    assert_eq!(files(folder.path()), ["dangling", "file", "folder", "link", "pipe"]);
}

#[test]
fn the_old_file_is_there_until_the_new_one_is_and_hands_down_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    run(async {
        let mut archive = Archive::builder(Format::Zip).to_file(&path).unwrap();
        add(&archive, 0, "x", b"x", None).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let error = Archive::builder(Format::Zip).to_file(&path).unwrap_err();
        assert!(error.is_locked() && error.to_string().contains("out.zip"), "{error}");
        archive.finish().await.unwrap();
    });
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::read(&path).unwrap().starts_with(b"PK"));
    assert_eq!(files(folder.path()), ["out.zip"]);
}

#[test]
fn what_an_earlier_run_left_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".out.zip.codap-part"), "torn").unwrap();
    fs::write(folder.path().join(".out.zip.codap-journal"), "torn").unwrap();
    let path = folder.path().join("out.zip");
    run(archive_of(Format::Zip, &path, &[("x".to_owned(), b"x".to_vec())]));
    assert_eq!(files(folder.path()), ["out.zip"]);
}

#[test]
fn a_part_file_that_is_a_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("precious"), "precious").unwrap();
    symlink("precious", folder.path().join(".out.zip.codap-part")).unwrap();
    assert!(refusal(&folder.path().join("out.zip")).is_refused());
    assert_eq!(fs::read_to_string(folder.path().join("precious")).unwrap(), "precious");
}
