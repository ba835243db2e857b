//! Peers that break off, lie, stall and flood: no wrong byte, no panic, no hang. The same for every
//! source that speaks HTTP.

mod case;
mod generated;
mod named;
mod ranges;

use case::{Case, Source};
use tokio::sync::Mutex;

/// One of these tests at a time: they are many fetches each, some of which measure time.
static TURN: Mutex<()> = Mutex::const_new(());

async fn all(source: Source) {
    let _turn = TURN.lock().await;
    let cases: Vec<Case> = named::cases().into_iter().chain(ranges::cases()).collect();
    assert!(cases.len() >= 40, "{} named cases", cases.len());
    let failures: Vec<String> = case::run_all(source, cases).await;
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_withstands_every_named_peer() {
    all(Source::Http).await;
}

#[cfg(feature = "s3")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_withstands_every_named_peer() {
    all(Source::S3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_withstands_generated_peers() {
    let _turn = TURN.lock().await;
    generated::run(Source::Http).await;
}

#[cfg(feature = "s3")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_withstands_generated_peers() {
    let _turn = TURN.lock().await;
    generated::run(Source::S3).await;
}
