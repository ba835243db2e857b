//! Object stores: the good way against a real server, the errors in the words of S3.

use codap_fault::{Body, On, Reply, Script, Server};
use codap_sources::{Builder, Sources};
use serde_json::json;

use crate::canary::{self, SECRET};
use crate::conformance::{self, Place, failing, fetch};
use crate::http::nobody;

/// A client that knows nothing of signatures.
pub(crate) fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::new()
}

pub(crate) fn at(endpoint: &str) -> Builder {
    Sources::builder()
        .env("AWS_ENDPOINT_URL", endpoint.trim_end_matches('/'))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", SECRET)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_SESSION_TOKEN", SECRET)
}

fn serve(path: &str, reply: Reply) -> Server {
    Script::new().rule(On::path(path), reply).start_blocking().unwrap()
}

fn error(status: u16, code: &str) -> Reply {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>A message.\
         </Message><AWSAccessKeyId>{SECRET}</AWSAccessKeyId></Error>"
    );
    Reply::status(status).body(text).header("Content-Type", "application/xml")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_conforms_against_a_scripted_server() {
    let size = 2 << 20;
    let server = Script::new()
        .rule(On::path("/bucket/a%20b.json"), Reply::ok(json!([1, 2])).etag("\"1\""))
        .rule(On::path("/bucket/large"), Reply::ok(Body::Generated { size, seed: 1 }).etag("\"2\""))
        .rule(On::path("/bucket/silent"), Reply::silence())
        .rule(On::any(), error(404, "NoSuchKey"))
        .start_blocking()
        .unwrap();
    conformance::run(Place {
        builder: at(&server.url("/")),
        json: ("s3://bucket/a%20b.json".into(), json!([1, 2])),
        missing: "s3://bucket/missing".into(),
        large: ("s3://bucket/large".into(), size),
        nobody: None,
        silent: Some("s3://bucket/silent".into()),
    })
    .await;
    let request = &server.requests()[0];
    let signed = request.header("authorization").unwrap_or_default();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 "), "{request:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_conforms_against_a_real_server() {
    let Some(endpoint) = crate::servers::server("s3") else { return };
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    let client = client();
    let put = async |path: &str, body: Vec<u8>| {
        let reply = client.put(format!("{endpoint}/{path}")).body(body).send().await.unwrap();
        assert!(reply.status().is_success() || reply.status() == 409, "{path}: {reply:?}");
    };
    let bucket = format!("conform-{}", std::process::id());
    put(&bucket, Vec::new()).await;
    put(&format!("{bucket}/a.json"), b"{\"a\":1}".to_vec()).await;
    put(&format!("{bucket}/large"), vec![7; 3 << 20]).await;
    let builder = at(&endpoint);
    conformance::run(Place {
        builder: builder.clone(),
        json: (format!("s3://{bucket}/a.json"), json!({ "a": 1 })),
        missing: format!("s3://{bucket}/missing"),
        large: (format!("s3://{bucket}/large"), 3 << 20),
        nobody: None,
        silent: None,
    })
    .await;
    let told = failing(&builder.build().unwrap(), "s3://no-such-bucket-here/a").await;
    assert!(told.is_not_found() && told.to_string().contains("no bucket"), "{told}");
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_said() {
    let sources = at(&format!("http://127.0.0.1:{}", nobody())).build().unwrap();
    let told = failing(&sources, "s3://bucket/key").await;
    assert!(told.is_connect() && told.to_string().contains("refused"), "{told}");
}

#[tokio::test]
async fn errors_of_s3_say_what_to_do() {
    canary::watch();
    for (reply, what) in [
        (error(404, "NoSuchBucket"), "there is no bucket photos"),
        (error(404, "NoSuchKey"), "has no key a/b.jpg"),
        (Reply::status(404), "has no key a/b.jpg"),
        (error(403, "AccessDenied"), "may not read"),
        (error(403, "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
        (error(403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
        (error(400, "ExpiredToken"), "has expired"),
        (error(403, "RequestTimeTooSkewed"), "clock"),
        (error(503, "SlowDown"), "fewer requests"),
        (
            error(301, "PermanentRedirect").header("x-amz-bucket-region", "us-west-2"),
            "AWS_REGION=us-west-2",
        ),
        (error(418, "Teapot"), "Teapot: A message."),
    ] {
        let server = serve("/photos/a/b.jpg", reply);
        let told = failing(&at(&server.url("/")).build().unwrap(), "s3://photos/a/b.jpg").await;
        assert!(told.to_string().contains(what), "{told}, not {what}");
        assert_eq!(server.counters().requests, 1, "{what}");
    }
    canary::check_logs();
}

#[tokio::test]
async fn an_error_under_a_200_is_an_error_and_an_object_that_looks_like_one_is_not() {
    let server = serve("/b/k", error(200, "InternalError"));
    let told = failing(&at(&server.url("/")).build().unwrap(), "s3://b/k").await;
    assert!(told.is_transient() && told.to_string().contains("InternalError"), "{told}");

    let server = serve("/b/k", error(200, "InternalError").etag("\"object\""));
    let document = fetch(&at(&server.url("/")).build().unwrap(), "s3://b/k").await.unwrap();
    assert!(document.text().unwrap().contains("InternalError"));
}

#[tokio::test]
async fn missing_credentials_say_which_variables_to_set() {
    // In place of the service that a machine of the cloud asks.
    let metadata = Script::new().start_blocking().unwrap();
    let sources = at("http://127.0.0.1:1")
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("AWS_METADATA_ENDPOINT", metadata.url("/").trim_end_matches('/'))
        .build()
        .unwrap();
    let told = failing(&sources, "s3://bucket/key").await;
    let text = told.to_string();
    assert!(told.is_unauthorized() && text.contains("AWS_ACCESS_KEY_ID"), "{text}");
    // It was cut out as if it were a signature.
    assert!(text.contains("AWS_SKIP_SIGNATURE to true"), "{text}");
}

#[tokio::test]
async fn public_buckets_need_no_credentials() {
    let server = serve("/b/k", Reply::ok("public"));
    let sources = at(&server.url("/")).env("AWS_SKIP_SIGNATURE", "true").build().unwrap();
    assert_eq!(fetch(&sources, "s3://b/k").await.unwrap().text().unwrap(), "public");
    assert_eq!(server.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn keys_arrive_as_they_were_meant_and_nonsense_is_refused() {
    let server = Script::new().rule(On::any(), Reply::ok(Body::Echo)).start_blocking().unwrap();
    let sources = at(&server.url("/")).build().unwrap();
    for (uri, target) in [
        ("s3://b/a/b", "/b/a/b"),
        ("s3://b/a%20b", "/b/a%20b"),
        ("s3://b/%C3%A4+1", "/b/%C3%A4%2B1"),
        ("s3://b/a%3Fb%23c", "/b/a%3Fb%23c"),
        ("s3://b/k?versionId=7", "/b/k?versionId=7"),
    ] {
        assert_eq!(fetch(&sources, uri).await.unwrap().text().unwrap(), target, "of {uri}");
    }
    for uri in [
        "s3://b",
        "s3://b/",
        "s3://b/folder/",
        "s3://b/a//b",
        "s3://b/../c",
        "s3://b/a/./b",
        "s3://b/k?x=1",
        "s3://b%2Fc/k",
        "s3://b:80/k",
        "s3://u:p@b/k",
    ] {
        let told = failing(&sources, uri).await;
        assert!(told.is_invalid(), "{told:?}");
    }
}

#[tokio::test]
async fn an_endpoint_without_tls_has_to_be_meant() {
    let sources = at("http://127.0.0.1:1").env("AWS_ALLOW_HTTP", "").build().unwrap();
    let told = failing(&sources, "s3://b/k").await;
    assert!(told.is_invalid() && told.to_string().contains("AWS_ALLOW_HTTP"), "{told}");
}
