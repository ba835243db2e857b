//! What every adapter does, once: `run` takes a place with a few documents in it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codap_sources::{Builder, Document, Error, Sources, Uri};
use futures_util::future::join_all;
use serde_json::Value;

use crate::canary;

/// A server, or a folder, as an adapter sees it.
pub(crate) struct Place {
    /// With what the adapter needs to get in.
    pub(crate) builder: Builder,
    /// A document that is this as JSON.
    pub(crate) json: (String, Value),
    /// The URI of nothing.
    pub(crate) missing: String,
    /// A document of at least 1 MiB, and how many bytes it has.
    pub(crate) large: (String, u64),
    /// A URI whose server is not there, if the adapter has servers.
    pub(crate) nobody: Option<String>,
    /// A URI whose server never answers, if there is such a thing.
    pub(crate) silent: Option<String>,
}

/// No fetch of the suite may take longer, whatever its own bounds are.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(place: Place) {
    let sources = place.builder.clone().build().unwrap();
    what_is_there_comes_whole(&sources, &place).await;
    it_comes_in_chunks_as_well(&sources, &place).await;
    a_dropped_pull_loses_nothing(&sources, &place).await;
    what_is_missing_is_named(&sources, &place).await;
    too_much_is_refused(&place).await;
    the_deadline_holds(&place).await;
    a_dropped_fetch_harms_no_other(&sources, &place).await;
    many_at_once_get_their_own(&sources, &place).await;
    nobody_there_is_said(&sources, &place).await;
    it_works_without_a_runtime(&place).await;
}

pub(crate) fn uri(text: &str) -> Uri {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) async fn fetch(sources: &Sources, text: &str) -> Result<Document, Error> {
    let fetching = tokio::time::timeout(PATIENCE, sources.fetch(&uri(text)));
    fetching.await.unwrap_or_else(|_| panic!("{text}: no end within {PATIENCE:?}"))
}

/// What came, whichever way.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) bytes: Bytes,
    pub(crate) is_length_verified: bool,
}

/// The two ways to get a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Fetch,
    /// Opened, and pulled to its end.
    Open,
}

impl By {
    pub(crate) async fn get(self, sources: Sources, uri: Uri) -> Result<Got, Error> {
        if self == Self::Fetch {
            let document = sources.fetch(&uri).await?;
            let (bytes, is_length_verified) =
                (document.bytes().clone(), document.is_length_verified());
            return Ok(Got { bytes, is_length_verified });
        }
        let mut body = sources.open(&uri).await?;
        let mut bytes = Vec::new();
        loop {
            match body.next().await {
                Ok(Some(chunk)) => {
                    assert!(!chunk.is_empty(), "{uri}: an empty chunk");
                    bytes.extend_from_slice(&chunk);
                }
                Ok(None) => break,
                Err(error) => {
                    // It stays so.
                    assert_eq!(body.next().await.unwrap_err().to_string(), error.to_string());
                    return Err(error);
                }
            }
        }
        if let Some(length) = body.length() {
            assert_eq!(length, bytes.len() as u64, "{uri}: not the length it told");
        }
        assert!(matches!(body.next().await, Ok(None)), "{uri}: goes on behind its end");
        Ok(Got { bytes: bytes.into(), is_length_verified: body.is_length_verified() })
    }
}

/// The error of a fetch that has to fail: in one line, about its URI, without secrets.
pub(crate) async fn failing(sources: &Sources, text: &str) -> Error {
    match fetch(sources, text).await {
        Ok(document) => panic!("{text}: gave {document:?}"),
        Err(error) => {
            check_error(&error, text);
            error
        }
    }
}

pub(crate) fn check_error(error: &Error, text: &str) {
    let told = error.to_string();
    let shown = uri(text).to_string();
    assert_eq!(error.uri(), Some(&*shown), "{told}");
    assert!(told.starts_with(&shown), "{told} is about {shown}");
    assert!(!told.contains('\n') && told.len() < 600, "{told}");
    canary::check(error);
}

async fn what_is_there_comes_whole(sources: &Sources, place: &Place) {
    let (text, value) = &place.json;
    // The second time over a connection that is there already.
    for _ in 0..2 {
        let document = fetch(sources, text).await.unwrap();
        assert_eq!(&document.json().unwrap(), value, "{text}");
        assert_eq!(document.len(), document.bytes().len());
        assert!(document.is_length_verified(), "{text}");
        assert_eq!(document.uri(), &uri(text));
    }
    let (text, size) = &place.large;
    assert!(*size >= 1 << 20, "the large document is too small: {size}");
    assert_eq!(fetch(sources, text).await.unwrap().len() as u64, *size, "{text}");
}

/// Whether more than one chunk is to be expected of a large document.
fn streams(text: &str) -> bool {
    matches!(uri(text).scheme(), "file" | "http" | "https" | "s3" | "gs" | "az")
}

async fn it_comes_in_chunks_as_well(sources: &Sources, place: &Place) {
    for text in [&place.json.0, &place.large.0] {
        let document = fetch(sources, text).await.unwrap();
        let mut body = sources.open(&uri(text)).await.unwrap();
        assert_eq!(body.length(), Some(document.len() as u64), "{text}");
        assert_eq!(body.content_type(), document.content_type(), "{text}");
        assert_eq!(body.version(), document.version(), "{text}");
        let (mut bytes, mut largest) = (Vec::new(), 0);
        while let Some(chunk) = body.next().await.unwrap() {
            largest = largest.max(chunk.len());
            bytes.extend_from_slice(&chunk);
        }
        assert!(bytes == *document.bytes(), "{text}: opened it is another document");
        assert!(body.is_length_verified() && body.next().await.unwrap().is_none(), "{text}");
        assert!(!streams(text) || largest <= 1 << 20, "{text}: {largest} bytes at once");
    }
}

async fn a_dropped_pull_loses_nothing(sources: &Sources, place: &Place) {
    let text = &place.large.0;
    let document = fetch(sources, text).await.unwrap();
    let mut body = sources.open(&uri(text)).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        // Polled once, and dropped if that was too early.
        let polled = pin!(body.next()).poll(&mut Context::from_waker(Waker::noop()));
        let pulled = match polled {
            Poll::Ready(pulled) => pulled,
            Poll::Pending => body.next().await,
        };
        match pulled.unwrap() {
            Some(chunk) => bytes.extend_from_slice(&chunk),
            None => break,
        }
    }
    assert!(bytes == *document.bytes(), "{text}: something was lost");
}

async fn what_is_missing_is_named(sources: &Sources, place: &Place) {
    let error = failing(sources, &place.missing).await;
    assert!(error.is_not_found() && !error.is_transient(), "{error:?}");
    let error = By::Open.get(sources.clone(), uri(&place.missing)).await.unwrap_err();
    check_error(&error, &place.missing);
    assert!(error.is_not_found() && !error.is_transient(), "{error:?}");
}

async fn too_much_is_refused(place: &Place) {
    let (text, size) = &place.large;
    let sources = place.builder.clone().max_size(*size).build().unwrap();
    assert_eq!(fetch(&sources, text).await.unwrap().len() as u64, *size, "{text}");
    let sources = place.builder.clone().max_size(*size - 1).build().unwrap();
    let error = failing(&sources, text).await;
    assert!(error.is_too_large() && !error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("max_size"), "{error}");
    // What is opened has a bound of its own, but for what comes whole all the same.
    let bound = if streams(text) { "max_streamed_size" } else { "max_size" };
    let sources = place.builder.clone().max_size(*size - 1).max_streamed_size(*size - 1);
    let sources = sources.build().unwrap();
    let error = By::Open.get(sources, uri(text)).await.unwrap_err();
    assert!(error.is_too_large() && error.to_string().contains(bound), "{error:?}");
    let sources = place.builder.clone().max_size(*size).max_streamed_size(*size).build().unwrap();
    assert_eq!(By::Open.get(sources, uri(text)).await.unwrap().bytes.len() as u64, *size);
}

async fn the_deadline_holds(place: &Place) {
    let at_once = place.builder.clone().timeout(Duration::ZERO).build().unwrap();
    let error = failing(&at_once, &place.large.0).await;
    assert!(error.is_timeout() && error.is_transient(), "{error:?}");
    let error = By::Open.get(at_once, uri(&place.large.0)).await.unwrap_err();
    assert!(error.is_timeout() && error.is_transient(), "{error:?}");
    let Some(silent) = &place.silent else { return };
    let timeout = Duration::from_millis(200);
    let soon = place.builder.clone().timeout(timeout).build().unwrap();
    for by in [By::Fetch, By::Open] {
        let began = Instant::now();
        let getting = tokio::time::timeout(PATIENCE, by.get(soon.clone(), uri(silent)));
        let error = getting.await.expect("it ends").unwrap_err();
        check_error(&error, silent);
        assert!(error.is_timeout(), "{error:?}");
        assert!(began.elapsed() >= timeout, "too early: {:?}", began.elapsed());
    }
}

async fn a_dropped_fetch_harms_no_other(sources: &Sources, place: &Place) {
    for turn in 0..20 {
        let dropped = sources.fetch(&uri(&place.large.0));
        // Polled, then dropped wherever it is: at once, or when so much time has passed.
        let given = Duration::from_micros(turn * 100);
        drop(tokio::time::timeout(given, dropped).await);
        let document = fetch(sources, &place.json.0).await.unwrap();
        assert_eq!(document.json().unwrap(), place.json.1, "after a drop, turn {turn}");
    }
    let mut polled_once = pin!(sources.fetch(&uri(&place.large.0)));
    let polled = polled_once.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending | Poll::Ready(Ok(_))), "{polled:?}");
}

async fn many_at_once_get_their_own(sources: &Sources, place: &Place) {
    let fetches = (0..64).map(|n| async move {
        if n % 8 == 0 {
            let document = fetch(sources, &place.large.0).await.unwrap();
            assert_eq!(document.len() as u64, place.large.1);
        } else {
            let document = fetch(sources, &place.json.0).await.unwrap();
            assert_eq!(document.json().unwrap(), place.json.1);
        }
    });
    join_all(fetches).await;
}

async fn nobody_there_is_said(sources: &Sources, place: &Place) {
    let Some(nobody) = &place.nobody else { return };
    let error = failing(sources, nobody).await;
    assert!(error.is_connect() && error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

/// In a container on plain threads, as programs without a runtime have it.
async fn it_works_without_a_runtime(place: &Place) {
    let sources = place.builder.clone().build().unwrap();
    let (text, value) = place.json.clone();
    let (large, size) = place.large.clone();
    let thread = std::thread::spawn(move || {
        let kv = codap::Kv::<_, Document>::on(&codap::Threads);
        kv.put("it", sources.fetch(&uri(&text)));
        let opened = codap::Kv::<_, Bytes>::on(&codap::Threads);
        opened.put("large", async move {
            By::Open.get(sources, uri(&large)).await.map(|got| got.bytes)
        });
        assert_eq!(opened.get_blocking("large").unwrap().len() as u64, size);
        kv.get_blocking("it").unwrap().json().unwrap()
    });
    let joined = tokio::task::spawn_blocking(move || thread.join().unwrap());
    let there = tokio::time::timeout(PATIENCE, joined).await.expect("it ends").unwrap();
    assert_eq!(there, value);
}
