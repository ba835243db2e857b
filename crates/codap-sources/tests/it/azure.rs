//! Azure's store as whoever fills it sees it: requests that are signed with the key of the account, by
//! the rules of "Authorize with Shared Key".

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use codap_sources::{Builder, Sources};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The account and the key of every Azurite; Microsoft publishes them.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub(crate) fn at(endpoint: &str) -> Builder {
    Sources::builder()
        .env("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
        .env("AZURE_STORAGE_ACCOUNT_KEY", KEY)
        .env("AZURE_ENDPOINT", endpoint)
        .env("AZURE_ALLOW_HTTP", "true")
}

pub(crate) async fn make_container(endpoint: &str, name: &str) {
    put(endpoint, &format!("/{name}"), &[("restype", "container")], &[], Vec::new()).await;
}

pub(crate) async fn put_blob(endpoint: &str, path: &str, bytes: Vec<u8>) {
    put(endpoint, path, &[], &[("x-ms-blob-type", "BlockBlob")], bytes).await;
}

async fn put(
    endpoint: &str,
    path: &str,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    body: Vec<u8>,
) {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let mut headers = [headers, &[("x-ms-date", &date), ("x-ms-version", "2021-08-06")]].concat();
    headers.sort_unstable();
    let length = if body.is_empty() { String::new() } else { body.len().to_string() };
    // Verb, then eleven headers of which only the length is sent.
    let mut signed = format!("PUT\n\n\n{length}\n\n\n\n\n\n\n\n\n");
    headers.iter().for_each(|(name, value)| signed.push_str(&format!("{name}:{value}\n")));
    // The path has the account in it, after which the account's name stands once more.
    signed.push_str(&format!("/{ACCOUNT}/{ACCOUNT}{path}"));
    query.iter().for_each(|(name, value)| signed.push_str(&format!("\n{name}:{value}")));
    let key = STANDARD.decode(KEY).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(signed.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());

    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut request = crate::s3::client().put(format!("{endpoint}{path}?{}", query.join("&")));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.header("authorization", format!("SharedKey {ACCOUNT}:{signature}"));
    let reply = request.header("content-length", body.len()).body(body).send().await.unwrap();
    let status = reply.status();
    assert!(status.is_success(), "{path}: {status}: {}", reply.text().await.unwrap());
}
