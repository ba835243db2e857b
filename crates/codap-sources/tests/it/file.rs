//! Files: by plain path and by `file://`.

use codap_sources::Sources;

#[tokio::test]
async fn this_manifest_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for text in [path.to_owned(), format!("file://{path}")] {
        let document = Sources::new().fetch(&text.parse().unwrap()).await.unwrap();
        assert!(document.text().unwrap().contains("codap-sources"));
    }
}
