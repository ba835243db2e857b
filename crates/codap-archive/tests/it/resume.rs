//! Going on after an interruption.

use std::fs;
use std::path::{Path, PathBuf};

use codap_archive::{Archive, Format};

use crate::readers::{Reader, python_contents};
use crate::stage::{Contents, FORMATS, add, files, hash, noise, run, text};

/// Small enough that a journal can be cut at each of its bytes, and one body that spills.
fn bodies(count: u64) -> Vec<(String, Vec<u8>)> {
    (0..count)
        .map(|n| match n {
            3 => (n.to_string(), noise(n, 600 << 10)),
            _ => (n.to_string(), text(n, 50 * n as usize)),
        })
        .collect()
}

fn contents(bodies: &[(String, Vec<u8>)]) -> Contents {
    bodies.iter().map(|(name, body)| (name.clone(), (body.len() as u64, hash(body)))).collect()
}

/// Adds the first bodies and stops, then returns the part and the journal.
fn interrupted(format: Format, path: &Path, bodies: &[(String, Vec<u8>)]) -> [PathBuf; 2] {
    run(async {
        let archive = Archive::builder(format).to_file(path).unwrap();
        for (n, (name, body)) in bodies.iter().enumerate() {
            add(&archive, n as u64, name, body, None).await.unwrap();
        }
        // Every entry is noted after a while.
        let [_, journal] = beside(path);
        let mut length = 0;
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let now = journal.metadata().unwrap().len();
            if now == length {
                break;
            }
            length = now;
        }
        archive.suspend().await;
    });
    beside(path)
}

fn beside(path: &Path) -> [PathBuf; 2] {
    let name = path.file_name().unwrap().to_str().unwrap();
    ["part", "journal"].map(|what| path.with_file_name(format!(".{name}.codap-{what}")))
}

/// Goes on, fetching what is not done, and says how much was.
fn go_on(format: Format, path: &Path, bodies: &[(String, Vec<u8>)]) -> codap_archive::Resumed {
    run(async {
        let mut archive = Archive::builder(format).threads(1).resume_file(path).unwrap();
        let mut done = 0;
        for (n, (name, body)) in bodies.iter().enumerate() {
            if archive.is_done(n as u64, "test", name).unwrap() {
                done += 1;
            } else {
                add(&archive, n as u64, name, body, None).await.unwrap();
            }
        }
        let resumed = archive.resumed();
        assert_eq!(resumed.entries, done);
        assert_eq!(archive.finish().await.unwrap().entries, bodies.len() as u64);
        resumed
    })
}

#[test]
fn what_is_finished_need_not_be_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let bodies = bodies(12);
    for format in FORMATS {
        let path = folder.path().join(format!("out.{}", format.extension()));
        interrupted(format, &path, &bodies[..8]);
        assert!(!path.exists());
        let resumed = go_on(format, &path, &bodies);
        assert_eq!((resumed.entries, resumed.altered), (8, false), "{format:?}");
        for reader in Reader::of(format) {
            assert!(reader.contents(&path).unwrap() == contents(&bodies), "{format:?} {reader:?}");
        }
    }
    assert_eq!(files(folder.path()).len(), FORMATS.len(), "nothing is left beside the targets");
}

/// A run that is killed may leave a journal and a part that end anywhere.
#[test]
fn wherever_the_files_end_the_archive_becomes_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let bodies = bodies(5);
    for format in [Format::Zip, Format::Tar, Format::TarGz] {
        let path = folder.path().join(format!("out.{}", format.extension()));
        let [part, journal] = interrupted(format, &path, &bodies[..4]);
        let [part_bytes, journal_bytes] = [&part, &journal].map(|path| fs::read(path).unwrap());
        // Each byte of the journal (of one format: they are alike), and some places of the part,
        // which is longer.
        let step = if format == Format::Zip { 1 } else { 11 };
        let of_journal = (0..journal_bytes.len()).step_by(step);
        let of_part = (0..20).map(|n| part_bytes.len() * n / 20);
        let cuts = of_journal
            .map(|cut| (part_bytes.len(), cut))
            .chain(of_part.map(|cut| (cut, journal_bytes.len())));
        let mut made = Vec::new();
        for (n, (part_end, journal_end)) in cuts.enumerate() {
            let path = folder.path().join(format!("{n}.{}", format.extension()));
            let [part, journal] = beside(&path);
            fs::write(&part, &part_bytes[..part_end]).unwrap();
            fs::write(&journal, &journal_bytes[..journal_end]).unwrap();
            let head = b"codap-journal-1\n".len() + format.extension().len() + 1;
            if (1..head).contains(&journal_end) && part_end > 0 {
                let refused = Archive::builder(format).resume_file(&path).unwrap_err();
                assert!(refused.is_list_changed(), "{refused}");
                continue;
            }
            go_on(format, &path, &bodies);
            made.push(path);
        }
        for (path, found) in made.iter().zip(python_contents(&made)) {
            assert!(found == contents(&bodies), "{}", path.display());
        }
    }
}

#[test]
fn what_was_altered_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let bodies = bodies(8);
    for format in FORMATS {
        let path = folder.path().join(format!("out.{}", format.extension()));
        let [part, journal] = interrupted(format, &path, &bodies[..6]);
        let [part_bytes, journal_bytes] = [&part, &journal].map(|path| fs::read(path).unwrap());
        for n in 0..20 {
            let mut altered = part_bytes.clone();
            altered[part_bytes.len() * n / 20] ^= 1;
            fs::write(&part, &altered).unwrap();
            fs::write(&journal, &journal_bytes).unwrap();
            let resumed = go_on(format, &path, &bodies);
            assert!(resumed.altered && resumed.entries < 6, "{format:?} {n}: {resumed:?}");
            let reader = Reader::of(format)[0];
            assert!(reader.contents(&path).unwrap() == contents(&bodies), "{format:?} {n}");
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn another_list_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    let bodies = bodies(4);
    interrupted(Format::Zip, &path, &bodies);
    run(async {
        let resume = || Archive::builder(Format::Zip).resume_file(&path).unwrap();
        let mut archive = resume();
        let error = archive.is_done(1, "elsewhere", "1").unwrap_err();
        assert!(error.is_list_changed() && error.to_string().contains("list"), "{error}");
        assert!(archive.is_done(0, "test", "0").unwrap());
        let error = archive.finish().await.unwrap_err();
        assert!(error.is_list_changed(), "three were not asked for: {error}");
        archive.suspend().await;
        assert_eq!(resume().resumed().entries, 4, "nothing is lost by that");
    });
    assert!(!path.exists());
}

#[test]
fn another_format_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    interrupted(Format::Tar, &path, &bodies(4));
    let error = Archive::builder(Format::TarGz).resume_file(&path).unwrap_err();
    assert!(error.is_list_changed() && error.to_string().contains("tar.gz"), "{error}");
    // What is refused is not lost.
    assert_eq!(go_on(Format::Tar, &path, &bodies(5)).entries, 4);
}

#[test]
fn a_run_that_had_finished_nothing_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    run(async { Archive::builder(Format::Zip).to_file(&path).unwrap().suspend().await });
    assert!(files(folder.path()).is_empty());
    assert_eq!(go_on(Format::Zip, &path, &bodies(3)).entries, 0);
}

/// 64, or one in twenty, may be in the archive and not noted when a run is killed.
#[test]
fn few_of_what_is_finished_is_not_noted() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join(format!("out.{}", format.extension()));
        let [part, journal] = beside(&path);
        run(async {
            let archive = Archive::builder(format).to_file(&path).unwrap();
            for n in 0..3000_u64 {
                add(&archive, n, &n.to_string(), &text(n, 200), Some(200)).await.unwrap();
                if [100, 500, 2999].contains(&n) {
                    // What a kill would leave at this moment.
                    let killed = folder.path().join(format!("{n}.{}", format.extension()));
                    let [part_now, journal_now] = beside(&killed);
                    fs::copy(&journal, &journal_now).unwrap();
                    fs::copy(&part, &part_now).unwrap();
                    let resumed = Archive::builder(format).resume_file(&killed).unwrap();
                    let lost = n + 1 - resumed.resumed().entries;
                    assert!(lost <= 64.max(n / 20), "{format:?}: {lost} of {n}");
                    resumed.abort().await;
                }
            }
            archive.abort().await;
        });
    }
}
