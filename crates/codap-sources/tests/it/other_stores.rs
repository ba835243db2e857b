//! Google's and Azure's stores, as far as they differ from S3: addresses, pages, metadata. The rest is
//! the same code, and tested with S3.

use codap_fault::{Body, On, Reply, Script, Server};
use codap_sources::{Builder, Sources};
use serde_json::json;

use crate::conformance::{self, Place, failing, fetch, uri};

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

fn gs(server: &Server) -> Builder {
    let endpoint = server.url("/");
    Sources::builder()
        .env("GOOGLE_BASE_URL", endpoint.trim_end_matches('/'))
        .env("GOOGLE_ALLOW_HTTP", "true")
        .env("GOOGLE_SKIP_SIGNATURE", "true")
}

fn az(server: &Server) -> Builder {
    let endpoint = server.url("/");
    Sources::builder()
        .env("AZURE_STORAGE_ACCOUNT_NAME", "account")
        .env("AZURE_ENDPOINT", endpoint.trim_end_matches('/'))
        .env("AZURE_ALLOW_HTTP", "true")
        // A key of the right form: 64 bytes.
        .env("AZURE_STORAGE_ACCOUNT_KEY", format!("{}==", "A".repeat(86)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_s_store_conforms_against_a_scripted_server() {
    let size = 2 << 20;
    let server = serve("/bucket", size);
    conformance::run(place(gs(&server), "gs://bucket", size)).await;
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
}
