//! Every format as independent programs read it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use codap_archive::{Archive, Format, PartSize};

use crate::readers::Reader;
use crate::stage::{FORMATS, archive_of, noise, run, text};

/// Sizes around those at which something changes: blocks of tar, pieces, whole bodies.
fn bodies() -> Vec<(String, Vec<u8>)> {
    const PIECE: usize = 512 << 10;
    const WHOLE: usize = 8 << 20;
    let mut bodies = Vec::new();
    for (n, size) in [0, 1, 10, 511, 512, 513, 100_000, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE]
        .into_iter()
        .flat_map(|size| [size, size])
        .chain([WHOLE, WHOLE + 1])
        .enumerate()
    {
        bodies.push((format!("text/{n}.txt"), text(n as u64, size)));
        bodies.push((format!("noise/{n}"), noise(n as u64, size)));
        // Shifts who has a known length.
        bodies.push((format!("odd {n}"), b"odd".to_vec()));
    }
    bodies.push((format!("{}/{}", "long".repeat(40), "name".repeat(60)), b"long".to_vec()));
    bodies.push(("ünïcödé/日本語.txt".to_owned(), b"unicode".to_vec()));
    bodies
}

#[test]
fn every_reader_finds_the_same_names_sizes_and_hashes() {
    let folder = tempfile::tempdir().unwrap();
    let bodies = bodies();
    for format in FORMATS {
        let path = folder.path().join(format!("out.{}", format.extension()));
        let (summary, contents) = run(archive_of(format, &path, &bodies));
        assert_eq!(summary.entries, bodies.len() as u64);
        assert_eq!(summary.archived_bytes, path.metadata().unwrap().len());
        for reader in Reader::of(format) {
            let found = reader.contents(&path).unwrap_or_else(|e| panic!("{format:?}: {e}"));
            assert!(found == contents, "{format:?} {reader:?}: {} files", found.len());
        }
    }
}

/// A stream that remembers.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is the same whenever it is made.
async fn add_dated(archive: &Archive, body: &[u8]) {
    let dated = archive.entry(0, "test", "a").modified(std::time::UNIX_EPOCH);
    let mut into = dated.begin(None).await.unwrap();
    into.write(body).await.unwrap();
    into.finish().await.unwrap();
}

#[test]
fn streams_and_parts_are_what_a_file_would_be() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let body = text(1, 3 << 20);
        let stream = Memory::default();
        let file = folder.path().join("file");
        let parts = run(async {
            let mut archive = Archive::builder(format).to_writer(stream.clone()).unwrap();
            add_dated(&archive, &body).await;
            archive.finish().await.unwrap();
            let mut archive = Archive::builder(format).to_file(&file).unwrap();
            add_dated(&archive, &body).await;
            archive.finish().await.unwrap();

            let (mut archive, mut parts) =
                Archive::builder(format).to_parts(PartSize::Fixed(100_000)).unwrap();
            let taking = tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(part) = parts.next().await {
                    taken.push(part);
                }
                taken
            });
            add_dated(&archive, &body).await;
            archive.finish().await.unwrap();
            taking.await.unwrap()
        });
        let (last, full) = parts.split_last().unwrap();
        assert!(full.iter().all(|part| part.bytes.len() == 100_000) && last.bytes.len() <= 100_000);
        assert!(parts.iter().map(|part| part.number).eq(1..=parts.len() as u32));
        let parts = parts.into_iter().flat_map(|part| part.bytes).collect::<Vec<u8>>();
        let stream = stream.0.lock().unwrap().clone();
        assert!(stream == parts, "{format:?}");
        // Where a run can be gone on with, a compressed tar is cut besides.
        if matches!(format, Format::Zip | Format::Tar) {
            assert!(std::fs::read(&file).unwrap() == parts, "{format:?}");
        }
        for (n, bytes) in [stream, parts].into_iter().enumerate() {
            let path = folder.path().join(format!("{n}.{}", format.extension()));
            std::fs::write(&path, bytes).unwrap();
            for reader in Reader::of(format) {
                let found = reader.contents(&path).unwrap();
                assert_eq!(found["a"].0, body.len() as u64, "{format:?} {reader:?}");
                assert_eq!(found["a"].1, crate::stage::hash(&body), "{format:?} {reader:?}");
            }
        }
    }
}

#[test]
fn an_archive_of_nothing_is_one() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join(format!("out.{}", format.extension()));
        let (summary, _) = run(archive_of(format, &path, &[]));
        assert_eq!(summary.entries, 0);
        // unzip complains of a zip without entries, whoever made it.
        for reader in Reader::of(format).into_iter().filter(|reader| *reader != Reader::Unzip) {
            assert!(reader.contents(&path).unwrap().is_empty(), "{format:?} {reader:?}");
        }
    }
}

#[test]
fn what_was_cut_off_is_no_zip_and_no_gzip() {
    let folder = tempfile::tempdir().unwrap();
    let bodies: Vec<_> = (0..20).map(|n| (format!("{n}"), text(n, 40_000))).collect();
    for format in [Format::Zip, Format::TarGz] {
        let path = folder.path().join(format!("out.{}", format.extension()));
        run(archive_of(format, &path, &bodies));
        let whole = std::fs::read(&path).unwrap();
        for part in 1..10 {
            std::fs::write(&path, &whole[..whole.len() * part / 10]).unwrap();
            for reader in [Reader::Python, Reader::SevenZip] {
                assert!(reader.contents(&path).is_err(), "{format:?} {reader:?} takes {part}/10");
            }
        }
    }
}
