//! Bodies that are not what they were to be; archives that are given up.

use std::fs::OpenOptions;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use codap_archive::{Archive, Error, Format};

use crate::readers::Reader;
use crate::stage::{FORMATS, add, files, hash, noise, run, text};

#[test]
fn a_body_that_is_not_what_was_promised_is_not_in_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    run(async {
        let mut archive = Archive::builder(Format::Zip).to_file(&path).unwrap();
        let told = |result: Result<codap_archive::Written, Error>| {
            let error = result.unwrap_err();
            assert!(error.is_about_entry(), "{error}");
            error.to_string()
        };
        for (n, body) in [text(1, 1000), text(2, 9 << 20)].into_iter().enumerate() {
            let (n, length) = (n as u64, body.len() as u64);
            let short = told(add(&archive, n, "short", &body, Some(length + 1)).await);
            assert!(short.contains("short") && short.contains(&length.to_string()), "{short}");
            let long = told(add(&archive, n, "long", &body, Some(length - 1)).await);
            assert!(long.contains("more than"), "{long}");
            let mut altered =
                archive.entry(n, "", "altered").sha256([7; 32]).begin(None).await.unwrap();
            altered.write(&body).await.unwrap();
            let altered = told(altered.finish().await);
            assert!(altered.contains(&hash(&body)) && altered.contains("0707"), "{altered}");
        }
        let sized = archive.entry(9, "", "sized").size(3);
        assert!(sized.begin(Some(4)).await.unwrap_err().is_about_entry());
        let mut body = sized.begin(None).await.unwrap();
        body.write(b"12").await.unwrap();
        assert!(body.finish().await.unwrap_err().is_about_entry());
        add(&archive, 10, "good", b"good", None).await.unwrap();
        assert_eq!(archive.finish().await.unwrap().entries, 1);
    });
    assert!(Reader::Python.contents(&path).unwrap().keys().eq(["good"]));
}

/// As many sources that fail at some byte as there are good ones, all at once.
#[test]
fn a_thousand_sources_that_fail_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join(format!("out.{}", format.extension()));
        run(async {
            let mut archive = Archive::builder(format).memory(8 << 20).to_file(&path).unwrap();
            let mut tasks = Vec::new();
            for n in 0..500_u64 {
                let entry = archive.entry(n, "", n.to_string());
                tasks.push(tokio::spawn(async move {
                    let mut random = fastrand::Rng::with_seed(n);
                    let size = random.usize(1..if n % 50 == 0 { 3_000_000 } else { 20_000 });
                    let (body, cut) = (text(n, size), random.usize(..size));
                    let length = random.bool().then_some(size as u64);
                    let mut into = entry.begin(length).await.unwrap();
                    into.write(&body[..cut]).await.unwrap();
                    if n % 2 == 0 {
                        // The source failed.
                        return drop(into);
                    }
                    into.write(&body[cut..]).await.unwrap();
                    into.finish().await.unwrap();
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(archive.finish().await.unwrap().entries, 250);
            assert_eq!(archive.progress().in_flight, 0);
            assert_eq!(archive.progress().spilled_bytes, 0);
        });
        let found = Reader::Bsdtar.contents(&path).unwrap();
        let odd = (0..500_u64).filter(|n| n % 2 == 1).map(|n| n.to_string());
        assert!(found.keys().cloned().collect::<std::collections::BTreeSet<_>>() == odd.collect());
    }
}

/// Polls once.
async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_pending())).await
}

#[test]
fn a_write_that_was_not_waited_for_spoils_the_body() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let archive =
            Archive::builder(Format::Tar).memory(0).to_file(folder.path().join("x.tar")).unwrap();
        let mut held = Vec::new();
        for n in 1..4 {
            held.push(archive.entry(n, "", n.to_string()).begin(None).await.unwrap());
        }
        let mut body = archive.entry(0, "", "0").begin(None).await.unwrap();
        // Next in line for whatever becomes free, so that the write cannot get it.
        let next = archive.entry(4, "", "4");
        let mut next = Box::pin(next.begin(None));
        assert!(is_pending(&mut next).await);
        let chunk = vec![0; 600 << 10];
        let mut write = Box::pin(body.write(&chunk));
        assert!(is_pending(&mut write).await);
        drop(write);
        assert!(body.finish().await.unwrap_err().is_about_entry());
    });
}

#[test]
fn an_archive_that_is_given_up_ends_for_all_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zip");
    std::fs::write(&path, "old").unwrap();
    run(async {
        let archive = Archive::builder(Format::Zip).to_file(&path).unwrap();
        add(&archive, 0, "done", b"done", None).await.unwrap();
        let entry = archive.entry(1, "", "endless");
        let endless = tokio::spawn(async move {
            let (mut body, chunk) = (entry.begin(None).await?, noise(1, 1 << 20));
            loop {
                body.write(&chunk).await?;
            }
            #[expect(unreachable_code, reason = "it says what the loop may fail with")]
            Ok::<(), Error>(())
        });
        while archive.progress().spilled_bytes == 0 {
            tokio::task::yield_now().await;
        }
        archive.abort().await;
        assert!(endless.await.unwrap().unwrap_err().is_aborted());
    });
    assert_eq!(files(folder.path()), ["out.zip"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
}

/// What was given up is compressed all the same, and came to the writer after the end of the archive,
/// which wrote it there before whoever waited for the end had looked.
#[test]
fn nothing_is_written_behind_the_end() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.zip");
        let mut archive = Archive::builder(Format::Zip).to_file(&path).unwrap();
        add(&archive, 0, "first", &text(0, 5_000), None).await.unwrap();
        let late = archive.entry(1, "test", "late");
        let mut finish = Box::pin(archive.finish());
        let finished = std::future::poll_fn(|cx| Poll::Ready(finish.as_mut().poll(cx))).await;
        while !path.exists() {
            tokio::task::yield_now().await;
        }
        let whole = std::fs::read(&path).unwrap();
        let late = async {
            let mut into = late.begin(Some(5)).await?;
            into.write(b"bytes").await?;
            into.finish().await
        };
        assert!(late.await.is_err());
        match finished {
            Poll::Ready(finished) => drop(finished.unwrap()),
            Poll::Pending => drop(finish.as_mut().await.unwrap()),
        }
        drop(finish);
        archive.abort().await;
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    });
}

#[test]
fn dropping_the_archive_wakes_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let archive =
            Archive::builder(Format::Zip).memory(0).to_file(folder.path().join("x.zip")).unwrap();
        let mut held = Vec::new();
        for n in 0..4 {
            held.push(archive.entry(n, "", n.to_string()).begin(None).await.unwrap());
        }
        let fifth = archive.entry(4, "", "4");
        let waiting = tokio::spawn(async move { fifth.begin(None).await.map(drop) });
        while archive.progress().waiting != codap_archive::Waiting::Memory {
            tokio::task::yield_now().await;
        }
        drop(archive);
        assert!(waiting.await.unwrap().unwrap_err().is_aborted());
        assert!(held.pop().unwrap().finish().await.unwrap_err().is_aborted());
    });
}

#[test]
fn a_full_disk_is_told_by_name() {
    run(async {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut archive = Archive::builder(Format::Tar).to_writer(full).unwrap();
        let error = loop {
            if let Err(error) = add(&archive, 0, "x", &noise(1, 400_000), None).await {
                break error;
            }
        };
        assert!(error.is_full() && !error.is_about_entry(), "{error}");
        assert!(archive.finish().await.unwrap_err().is_full(), "and so is the end");
    });
}

#[test]
fn a_reader_that_left_is_told_apart() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    run(async {
        let mut archive = Archive::builder(Format::Zip).to_writer(Closed).unwrap();
        add(&archive, 0, "x", b"x", None).await.unwrap();
        assert!(archive.finish().await.unwrap_err().is_closed());
    });
}

#[test]
fn no_folder_for_large_bodies_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let nowhere = folder.path().join("nowhere");
        let archive = Archive::builder(Format::Zip).spill_folder(&nowhere);
        let archive = archive.to_file(folder.path().join("x.zip")).unwrap();
        let error = add(&archive, 0, "x", &noise(1, 1 << 20), None).await.unwrap_err();
        assert!(error.is_disk() && error.to_string().contains("nowhere"), "{error}");
        archive.abort().await;
    });
    assert!(files(folder.path()).is_empty());
}
