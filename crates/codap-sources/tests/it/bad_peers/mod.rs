//! Peers that break off, lie, stall and flood: no wrong byte, no panic, no hang. The same for every
//! source that speaks HTTP.

mod case;
mod generated;
mod named;
mod ranges;

use case::{Case, Source};
use tokio::sync::Mutex;

use crate::conformance::By;

/// One of these tests at a time: they are many fetches each, some of which measure time.
static TURN: Mutex<()> = Mutex::const_new(());

async fn all(source: Source, by: By) {
    let _turn = TURN.lock().await;
    let cases: Vec<Case> = named::cases().into_iter().chain(ranges::cases()).collect();
    assert!(cases.len() >= 40, "{} named cases", cases.len());
    let failures: Vec<String> = case::run_all(source, by, cases).await;
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

macro_rules! tests {
    ($($source:ident, $by:ident: $named:ident, $generated:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $named() {
            all(Source::$source, By::$by).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $generated() {
            let _turn = TURN.lock().await;
            generated::run(Source::$source, By::$by).await;
        }
    )*};
}

tests! {
    Http, Fetch: http_withstands_every_named_peer, http_withstands_generated_peers;
    Http, Open: opened_http_withstands_every_named_peer, opened_http_withstands_generated_peers;
}

#[cfg(feature = "s3")]
tests! {
    S3, Fetch: s3_withstands_every_named_peer, s3_withstands_generated_peers;
    S3, Open: opened_s3_withstands_every_named_peer, opened_s3_withstands_generated_peers;
}
