//! Bodies that wait for memory and for disk, all at once.

use std::sync::Arc;

use codap_archive::{Archive, Format, Waiting};
use tokio::sync::Barrier;

use crate::readers::Reader;
use crate::stage::{Contents, hash, noise, run, text};

const BODIES: u64 = 64;

/// Bodies of which none fits in its share of the memory, each begun before any is ended.
async fn crowd(
    builder: codap_archive::Builder,
    path: &std::path::Path,
    known: fn(u64) -> bool,
) -> Contents {
    let mut archive = builder.to_file(path).unwrap();
    let all_there = Arc::new(Barrier::new(BODIES as usize));
    let mut tasks = Vec::new();
    for n in 0..BODIES {
        let entry = archive.entry(n, "test", n.to_string());
        let all_there = all_there.clone();
        tasks.push(tokio::spawn(async move {
            let size = 600_000 + 3000 * n as usize;
            let body = if n % 3 == 0 { noise(n, size) } else { text(n, size) };
            all_there.wait().await;
            let mut into = entry.begin(known(n).then_some(size as u64)).await.unwrap();
            for chunk in body.chunks(50_000) {
                into.write(chunk).await.unwrap();
                // Everybody's pieces fill up side by side.
                tokio::task::yield_now().await;
            }
            into.finish().await.unwrap();
            (n.to_string(), (size as u64, hash(&body)))
        }));
    }
    let mut contents = Contents::new();
    for task in tasks {
        contents.extend([task.await.unwrap()]);
    }
    archive.finish().await.unwrap();
    contents
}

#[test]
fn bodies_larger_than_their_share_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let knowns: [fn(u64) -> bool; 3] = [|_| false, |_| true, |n| n % 2 == 0];
    for format in [Format::Zip, Format::TarGz] {
        for known in knowns {
            let path = folder.path().join(format!("out.{}", format.extension()));
            let builder = Archive::builder(format).memory(0).threads(2);
            let contents = run(crowd(builder, &path, known));
            assert!(Reader::Python.contents(&path).unwrap() == contents);
        }
    }
}

#[test]
fn with_no_room_on_disk_one_large_body_after_the_other_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tar");
    let builder = Archive::builder(Format::Tar).memory(0).threads(2).spill_limit(0);
    let contents = run(crowd(builder, &path, |n| n % 2 == 0));
    assert!(Reader::Python.contents(&path).unwrap() == contents);
}

#[test]
fn who_waits_for_memory_is_seen_and_may_leave() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let archive =
            Archive::builder(Format::Zip).memory(0).to_file(folder.path().join("out.zip")).unwrap();
        // Four pieces are all that there is.
        let mut held = Vec::new();
        for n in 0..4 {
            held.push(archive.entry(n, "", n.to_string()).begin(None).await.unwrap());
        }
        let progress = archive.progress();
        assert_eq!((progress.in_flight, progress.waiting), (4, Waiting::Source));
        let fifth = archive.entry(4, "", "4");
        let mut waiting = Box::pin(fifth.begin(Some(10)));
        let is_pending = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())
        });
        assert!(is_pending.await);
        assert_eq!(archive.progress().waiting, Waiting::Memory);
        drop(waiting);
        assert_eq!(archive.progress().waiting, Waiting::Source);
        held.pop();
        fifth.begin(Some(10)).await.unwrap();
        archive.abort().await;
    });
}
