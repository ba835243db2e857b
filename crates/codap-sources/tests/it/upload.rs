//! Objects written in parts: there whole, or not at all, whatever goes wrong.

use bytes::Bytes;
use codap_sources::{Builder, Error, Upload, UploadOptions};
use futures_util::future::try_join_all;

use crate::conformance::{fetch, uri};
use crate::s3::at;
use crate::store::{Fault, Op, Store};

const PART: usize = 5 << 20;

async fn begin(builder: Builder, text: &str) -> Result<Upload, Error> {
    let sources = builder.build().unwrap();
    sources.upload(&uri(text), UploadOptions::new().content_type("text/plain")).await
}

/// Two parts and a small one, sent at once.
async fn put(upload: &Upload) -> Result<Vec<u8>, Error> {
    let bytes = codap_fault::generated(1, 0..2 * PART as u64 + 100);
    let parts = bytes.chunks(PART).enumerate();
    try_join_all(parts.map(|(n, part)| upload.put_part(n, Bytes::copy_from_slice(part)))).await?;
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_there_when_it_is_complete() {
    let Some(endpoint) = crate::servers::server("s3") else { return };
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    let bucket = format!("upload-{}", std::process::id());
    let client = crate::s3::client();
    client.put(format!("{endpoint}/{bucket}")).send().await.unwrap();
    let open = async || {
        let reply = client.get(format!("{endpoint}/{bucket}?uploads")).send().await.unwrap();
        reply.text().await.unwrap().matches("<UploadId>").count()
    };
    let (sources, text) = (at(&endpoint).build().unwrap(), format!("s3://{bucket}/a/b%20c.bin"));
    let upload = begin(at(&endpoint), &text).await.unwrap();
    assert_eq!(open().await, 1);
    let bytes = put(&upload).await.unwrap();
    assert!(fetch(&sources, &text).await.unwrap_err().is_not_found(), "it is there too early");
    assert_eq!(upload.complete().await.unwrap(), bytes.len() as u64);
    drop(upload);
    let document = fetch(&sources, &text).await.unwrap();
    assert!(*document.bytes() == bytes);
    assert_eq!(document.content_type(), Some("text/plain"));

    // What was there stays, if it is aborted.
    let upload = begin(at(&endpoint), &text).await.unwrap();
    put(&upload).await.unwrap();
    upload.abort().await.unwrap();
    upload.abort().await.unwrap();
    assert_eq!(open().await, 0);
    assert!(upload.complete().await.is_err());
    assert!(*fetch(&sources, &text).await.unwrap().bytes() == bytes);

    // An empty one.
    let upload = begin(at(&endpoint), &text).await.unwrap();
    assert_eq!(upload.complete().await.unwrap(), 0);
    assert!(fetch(&sources, &text).await.unwrap().is_empty());
    assert_eq!(open().await, 0);
}

/// What goes wrong, and whether there is an object in the end.
type Case = (&'static str, &'static [(Op, Fault)], bool);

const CASES: [Case; 19] = [
    ("nothing", &[], true),
    ("a part is reset", &[(Op::Part, Fault::Reset)], true),
    ("a part is refused, busy", &[(Op::Part, Fault::Refuse(503, "SlowDown"))], true),
    ("a part's reply is lost", &[(Op::Part, Fault::LostReply)], true),
    ("a part is spoilt", &[(Op::Part, Fault::Spoil)], true),
    ("a part is forbidden", &[(Op::Part, Fault::Refuse(403, "AccessDenied"))], false),
    ("every part is reset", &[(Op::Part, Fault::Reset); 12], false),
    ("every part is spoilt", &[(Op::Part, Fault::Spoil); 12], false),
    ("completing is reset", &[(Op::Complete, Fault::Reset)], true),
    ("completing is refused, busy", &[(Op::Complete, Fault::Refuse(503, "SlowDown"))], true),
    ("an error under a 200", &[(Op::Complete, Fault::ErrorUnder200)], true),
    ("the reply is lost", &[(Op::Complete, Fault::LostReply)], true),
    ("the reply is cut", &[(Op::Complete, Fault::CutReply)], true),
    ("a 500 though it is done", &[(Op::Complete, Fault::RefuseDone(500))], true),
    ("an error under a 200 though it is done", &[(Op::Complete, Fault::ErrorUnder200Done)], true),
    (
        "the reply is lost, and so is the look",
        &[(Op::Complete, Fault::LostReply), (Op::Head, Fault::Reset)],
        true,
    ),
    ("completing is refused", &[(Op::Complete, Fault::Refuse(400, "InvalidPart"))], false),
    ("an error under every 200", &[(Op::Complete, Fault::ErrorUnder200); 4], false),
    ("every completing is reset", &[(Op::Complete, Fault::Reset); 4], false),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_makes_a_false_success_or_leaves_an_upload_open() {
    no_fault_makes_one(at, "s3://b/k").await;
}

/// Google's store speaks the same words, and keeps the token under another name.
#[cfg(all(feature = "gs", feature = "az"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_it_in_google_s_store() {
    no_fault_makes_one(crate::other_stores::gs, "gs://b/k").await;
}

async fn no_fault_makes_one(at: fn(&str) -> Builder, uri: &'static str) {
    let runs = CASES.map(|(name, faults, succeeds)| async move {
        let store = Store::start(faults).await;
        // One of the same size from before, which must not be taken for it.
        let old = vec![9; 2 * PART + 100];
        store.look(|it| it.objects.insert("/b/k".into(), ("another".into(), old.clone())));
        let upload = begin(at(&store.endpoint), uri).await.unwrap();
        let done = async {
            let bytes = put(&upload).await?;
            assert_eq!(upload.complete().await?, bytes.len() as u64, "{name}");
            Ok::<_, Error>(bytes)
        };
        let done = done.await;
        let there = store.look(|it| it.objects["/b/k"].1.clone());
        match done {
            Ok(bytes) => assert!(succeeds && there == bytes, "{name}: a false success"),
            Err(error) => {
                assert!(!succeeds, "{name}: {error}");
                assert!(!error.to_string().contains('\n'), "{name}: {error}");
                assert!(there == old, "{name}: {error}, but it is there");
                upload.abort().await.unwrap();
            }
        }
        assert_eq!(store.look(|it| it.uploads.len()), 0, "{name}: an open upload");
    });
    futures_util::future::join_all(runs).await;
}

#[tokio::test]
async fn aborting_is_tried_again_and_a_drop_aborts() {
    let store = Store::start(&[(Op::Abort, Fault::Reset), (Op::Abort, Fault::LostReply)]).await;
    let upload = begin(at(&store.endpoint), "s3://b/k").await.unwrap();
    assert_eq!(store.look(|it| it.uploads.len()), 1);
    upload.abort().await.unwrap();
    assert_eq!(store.look(|it| it.uploads.len()), 0);
    assert_eq!(store.look(|it| it.asked.iter().filter(|op| **op == Op::Abort).count()), 3);

    drop(begin(at(&store.endpoint), "s3://b/k").await.unwrap());
    let gone = async {
        while store.look(|it| !it.uploads.is_empty()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.expect("it is aborted");
}

#[tokio::test]
async fn what_cannot_be_written_is_said() {
    let store = Store::start(&[(Op::Begin, Fault::Refuse(404, "NoSuchBucket"))]).await;
    let error = begin(at(&store.endpoint), "s3://b/k").await.unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("no bucket b"), "{error}");
    let error = begin(at(&store.endpoint), "https://host/k").await.unwrap_err();
    assert!(error.is_unsupported(), "{error}");

    let upload = begin(at(&store.endpoint), "s3://b/k").await.unwrap();
    upload.put_part(1, Bytes::from_static(b"last")).await.unwrap();
    let error = upload.complete().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("part 1 was not sent"), "{error}");
    upload.put_part(0, Bytes::from_static(b"small")).await.unwrap();
    let error = upload.complete().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("part 1 has 5 bytes"), "{error}");
    let error = upload.put_part(10_000, Bytes::new()).await.unwrap_err();
    assert!(error.is_too_large(), "{error}");
    upload.abort().await.unwrap();
    assert_eq!(store.look(|it| (it.uploads.len(), it.objects.len())), (0, 0));
}
