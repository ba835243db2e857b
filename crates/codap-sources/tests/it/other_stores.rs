//! Google's and Azure's stores: the good way against real servers, and where they differ from S3:
//! addresses, pages, metadata. The rest is the same code, and tested with S3.

use codap_fault::{Body, On, Reply, Script, Server};
use codap_sources::{Builder, Sources};
use serde_json::json;

use crate::azure;
use crate::conformance::{self, Place, failing, fetch, uri};
use crate::s3::client;

/// The store of a script: a document, a large one, and nothing else.
fn serve(prefix: &str, size: u64) -> Server {
    let path = |key: &str| On::path(format!("{prefix}/{key}"));
    Script::new()
        .rule(path("a%20b*json"), Reply::ok(json!([1, 2])).etag("\"1\""))
        .rule(path("large"), Reply::ok(Body::Generated { size, seed: 1 }).etag("\"2\""))
        .rule(path("silent"), Reply::silence())
        .start_blocking()
        .unwrap()
}

fn place(builder: Builder, bucket: &str, size: u64) -> Place {
    Place {
        builder,
        json: (format!("{bucket}/a%20b.json"), json!([1, 2])),
        missing: format!("{bucket}/missing"),
        large: (format!("{bucket}/large"), size),
        nobody: None,
        silent: Some(format!("{bucket}/silent")),
    }
}

/// Google's store at `endpoint`, where nobody is asked who it is.
pub(crate) fn gs(endpoint: &str) -> Builder {
    // What a file with a key says if it is one of an emulator.
    let key = json!({
        "gcs_base_url": endpoint, "disable_oauth": true,
        "client_email": "", "private_key": "", "private_key_id": "",
    });
    Sources::builder()
        .env("GOOGLE_BASE_URL", endpoint.trim_end_matches('/'))
        .env("GOOGLE_ALLOW_HTTP", "true")
        .env("GOOGLE_SERVICE_ACCOUNT_KEY", key.to_string())
}

/// A key of the right form, 64 bytes, that opens nothing.
const OTHER_KEY: &str =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";

fn az(server: &Server) -> Builder {
    let endpoint = server.url("/");
    Sources::builder()
        .env("AZURE_STORAGE_ACCOUNT_NAME", "account")
        .env("AZURE_ENDPOINT", endpoint.trim_end_matches('/'))
        .env("AZURE_ALLOW_HTTP", "true")
        .env("AZURE_STORAGE_ACCOUNT_KEY", OTHER_KEY)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_s_store_conforms_against_a_scripted_server() {
    let size = 2 << 20;
    let server = serve("/bucket", size);
    // As a public bucket, which asks for no credentials.
    let public = gs(&server.url("/"))
        .env("GOOGLE_SERVICE_ACCOUNT_KEY", "")
        .env("GOOGLE_SKIP_SIGNATURE", "true");
    conformance::run(place(public, "gs://bucket", size)).await;
    assert_eq!(server.requests()[0].header("authorization"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_s_store_conforms_against_a_real_server() {
    let Some(endpoint) = crate::servers::server("google") else { return };
    let bucket = format!("conform-{}", std::process::id());
    let post = async |path: &str, body: Vec<u8>| {
        let request = client().post(format!("{endpoint}{path}"));
        let request = request.header("content-type", "application/json");
        let reply = request.body(body).send().await.unwrap();
        assert!(reply.status().is_success(), "{path}: {reply:?}");
    };
    post("/storage/v1/b?project=p", json!({ "name": bucket }).to_string().into()).await;
    let upload = format!("/upload/storage/v1/b/{bucket}/o?uploadType=media&name=");
    post(&format!("{upload}a%20b.json"), b"[1,2]".to_vec()).await;
    post(&format!("{upload}large"), vec![7; 3 << 20]).await;
    let real = place(gs(&endpoint), &format!("gs://{bucket}"), 3 << 20);
    conformance::run(Place { silent: None, ..real }).await;
    let sources = gs(&endpoint).build().unwrap();
    let told = failing(&sources, "gs://no-such-bucket-here/a").await;
    assert!(told.is_not_found(), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_s_store_conforms_against_a_real_server() {
    let Some(endpoint) = crate::servers::server("azure") else { return };
    let container = format!("conform-{}", std::process::id());
    azure::make_container(&endpoint, &container).await;
    azure::put_blob(&endpoint, &format!("/{container}/a%20b.json"), b"[1,2]".to_vec()).await;
    azure::put_blob(&endpoint, &format!("/{container}/large"), vec![7; 3 << 20]).await;
    let real = place(azure::at(&endpoint), &format!("az://{container}"), 3 << 20);
    conformance::run(Place { silent: None, ..real }).await;

    let sources = azure::at(&endpoint).build().unwrap();
    let told = failing(&sources, "az://no-such-container-here/a").await;
    assert!(told.is_not_found() && told.to_string().contains("no container"), "{told}");
    let stranger = azure::at(&endpoint).env("AZURE_STORAGE_ACCOUNT_KEY", OTHER_KEY);
    let told = failing(&stranger.build().unwrap(), &format!("az://{container}/large")).await;
    assert!(told.is_unauthorized(), "{told}");
    assert!(told.to_string().contains("AZURE_STORAGE_ACCOUNT_KEY"), "{told}");

    // Names and sizes as they are listed are what is fetched.
    for name in ["p/1", "p/2%20%C3%A4", "p/deep/3", "q/4"] {
        azure::put_blob(&endpoint, &format!("/{container}/{name}"), name.into()).await;
    }
    let mut listing = sources.list(&uri(&format!("az://{container}/p/")));
    let mut names = Vec::new();
    while let Some(listed) = listing.next().await.unwrap() {
        let document = fetch(&sources, &listed.uri.to_string()).await.unwrap();
        assert_eq!(document.len() as u64, listed.size);
        assert_eq!(document.version(), listed.version.as_deref());
        names.push(document.text().unwrap().to_owned());
    }
    names.sort_unstable();
    assert_eq!(names, ["p/1", "p/2%20%C3%A4", "p/deep/3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_s_store_conforms_against_a_scripted_server() {
    let size = 2 << 20;
    let server = serve("/container", size);
    conformance::run(place(az(&server), "az://container", size)).await;
    let signed = server.requests()[0].header("authorization").unwrap_or_default().to_owned();
    assert!(signed.starts_with("SharedKey account:"), "{signed}");
}

#[tokio::test]
async fn pages_of_azure_s_lists_are_followed() {
    let blob = |name: &str| {
        format!(
            "<Blob><Name>{name}</Name><Properties><Content-Length>3</Content-Length>\
             <Etag>0x8D</Etag></Properties></Blob>"
        )
    };
    let page = |names: [&str; 2], next: &str| {
        let blobs: String = names.iter().map(|name| blob(name)).collect();
        Reply::ok(format!(
            "\u{feff}<?xml version=\"1.0\"?><EnumerationResults><Blobs>{blobs}</Blobs>\
             <NextMarker>{next}</NextMarker></EnumerationResults>"
        ))
    };
    let server = Script::new()
        .rule(On::path("/container?*marker=m*"), page(["p/c", "p/d"], ""))
        .rule(On::path("/container?*prefix=p*"), page(["p/a", "p/b"], "m"))
        .rule(On::path("/container/p/a"), Reply::ok("abc").etag("\"0x8D\""))
        .start_blocking()
        .unwrap();
    let sources = az(&server).build().unwrap();
    let mut listing = sources.list(&uri("az://container/p/"));
    let mut found = Vec::new();
    while let Some(listed) = listing.next().await.unwrap() {
        found.push(listed);
    }
    let names: Vec<String> = found.iter().map(|it| it.uri.to_string()).collect();
    assert_eq!(names, ["a", "b", "c", "d"].map(|name| format!("az://container/p/{name}")));
    let document = fetch(&sources, &names[0]).await.unwrap();
    assert_eq!(document.version(), found[0].version.as_deref());
    assert_eq!(document.len() as u64, found[0].size);
}

#[tokio::test]
async fn what_is_missing_from_the_environment_is_named() {
    let server = serve("/bucket", 1);
    let metadata = Script::new().start_blocking().unwrap();
    let sources = az(&server)
        .env("AZURE_STORAGE_ACCOUNT_KEY", "")
        .env("AZURE_MSI_ENDPOINT", metadata.url("/"))
        .build()
        .unwrap();
    let told = failing(&sources, "az://container/key").await;
    assert!(told.is_unauthorized() && told.to_string().contains("AZURE_"), "{told}");

    let nameless = az(&server).env("AZURE_STORAGE_ACCOUNT_NAME", "").build().unwrap();
    let told = failing(&nameless, "az://container/key").await;
    assert!(told.to_string().contains("set AZURE_STORAGE_ACCOUNT_NAME"), "{told}");
}
