//! Sizes and counts at which formats change.

use std::path::Path;

use codap_archive::{Archive, Format};
use sha2::{Digest, Sha256};

use crate::readers::Reader;
use crate::stage::{Contents, hash, hex, run};

/// So many entries of one byte each.
fn many(format: Format, path: &Path, count: u64) -> Contents {
    run(async {
        let mut archive = Archive::builder(format).to_file(path).unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        let mut contents = Contents::new();
        for n in 0..count {
            let (name, byte) = (format!("{}/{n}", n % 100), [b'0' + (n % 10) as u8]);
            contents.insert(name.clone(), (1, hash(&byte)));
            let entry = archive.entry(n, "test", name);
            tasks.spawn(async move {
                let mut body = entry.begin(Some(1)).await.unwrap();
                body.write(&byte).await.unwrap();
                body.finish().await.unwrap();
            });
            if tasks.len() >= 64 {
                tasks.join_next().await.unwrap().unwrap();
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        assert_eq!(archive.finish().await.unwrap().entries, count);
        contents
    })
}

/// Where the count no longer fits in 16 bits, and all ones is itself too large.
#[test]
fn sixteen_bits_of_entries_and_one_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    for count in [65_534, 65_535, 65_536] {
        let contents = many(Format::Zip, &path, count);
        assert!(Reader::Java.contents(&path).unwrap() == contents, "{count}");
        assert_eq!(crate::readers::count_zip(&path), count);
    }
}

#[test]
#[ignore = "extracts 65,536 files with each of five programs: nightly"]
fn every_reader_takes_the_edge_of_sixteen_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    for count in [65_534, 65_535, 65_536] {
        let contents = many(Format::Zip, &path, count);
        for reader in Reader::of(Format::Zip) {
            assert!(reader.contents(&path).unwrap() == contents, "{count} {reader:?}");
        }
    }
}

#[test]
#[ignore = "a hundred thousand files in every format: nightly"]
fn a_hundred_thousand_entries() {
    let folder = tempfile::tempdir().unwrap();
    for format in crate::stage::FORMATS {
        let path = folder.path().join(format!("out.{}", format.extension()));
        let contents = many(format, &path, 100_000);
        for reader in Reader::of(format) {
            assert!(reader.contents(&path).unwrap() == contents, "{format:?} {reader:?}");
        }
    }
}

/// Zeros, or bytes that do not compress; known or unknown length.
async fn add_long(archive: &Archive, n: u64, size: u64, is_noise: bool) -> (u64, String) {
    let mut random = fastrand::Rng::with_seed(n);
    let mut chunk = vec![0; 1 << 20];
    let mut hasher = Sha256::new();
    let entry = archive.entry(n, "test", format!("{n}"));
    let mut body = entry.begin(n.is_multiple_of(2).then_some(size)).await.unwrap();
    let mut left = size;
    while left > 0 {
        if is_noise {
            random.fill(&mut chunk);
        }
        let now = &chunk[..left.min(1 << 20) as usize];
        hasher.update(now);
        body.write(now).await.unwrap();
        left -= now.len() as u64;
    }
    let hash = hex(hasher.finalize().into());
    assert_eq!(hex(body.finish().await.unwrap().sha256), hash);
    (size, hash)
}

/// Every reader finds these entries.
fn hold_to(format: Format, path: &Path, contents: &Contents) {
    for reader in Reader::of(format) {
        if reader == Reader::Java {
            assert!(reader.contents(path).unwrap() == *contents);
        } else if (reader, format) != (Reader::SevenZip, Format::TarGz) {
            for (name, entry) in contents {
                let found = reader.piped(path, name);
                assert_eq!(found.as_ref(), Ok(entry), "{format:?} {reader:?}");
            }
        }
    }
}

#[test]
#[ignore = "tens of gigabytes: nightly, with --release"]
fn four_gigabytes_and_around() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    const EDGE: u64 = 1 << 32;
    let mut contents = Contents::new();
    run(async {
        let mut archive = Archive::builder(Format::Zip).to_file(&path).unwrap();
        for (n, size) in [EDGE - 2, EDGE - 1, EDGE, EDGE + 1].into_iter().enumerate() {
            let entry = add_long(&archive, n as u64, size, false).await;
            contents.insert(n.to_string(), entry);
        }
        archive.finish().await.unwrap();
    });
    hold_to(Format::Zip, &path, &contents);
}

#[test]
#[ignore = "tens of gigabytes: nightly, with --release"]
fn data_and_entries_beyond_four_gigabytes() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Zip, Format::Tar, Format::TarGz] {
        let path = folder.path().join(format!("out.{}", format.extension()));
        let mut contents = Contents::new();
        run(async {
            let mut archive = Archive::builder(format).to_file(&path).unwrap();
            for (n, size) in [(1 << 32) + 1000, 10].into_iter().enumerate() {
                let entry = add_long(&archive, n as u64, size, true).await;
                contents.insert(n.to_string(), entry);
            }
            archive.finish().await.unwrap();
        });
        hold_to(format, &path, &contents);
        std::fs::remove_file(&path).unwrap();
    }
}
