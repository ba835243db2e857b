//! Files: by plain path and by `file://`.

use std::path::PathBuf;

use codap_sources::Sources;
use serde_json::json;

use crate::conformance::{self, Place, failing, fetch};

/// A folder of its own for one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("codap {name} {}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn files_conform() {
    let folder = Folder::new("conform");
    let place = |prefix: &str| Place {
        builder: Sources::builder(),
        json: (prefix.to_owned() + &folder.write("a.json", b"[1]"), json!([1])),
        missing: prefix.to_owned() + &folder.path("missing"),
        large: (prefix.to_owned() + &folder.write("large", &vec![7; 1 << 20]), 1 << 20),
        nobody: None,
        silent: None,
    };
    conformance::run(place("")).await;
    conformance::run(place("file://")).await;
}

#[tokio::test]
async fn a_plain_path_is_taken_as_it_is_and_a_uri_is_decoded() {
    let folder = Folder::new("names");
    let odd = folder.write("100%25 #1?.txt", b"odd");
    let sources = Sources::new();
    assert_eq!(fetch(&sources, &odd).await.unwrap().text().unwrap(), "odd");
    let encoded = odd.replace('%', "%25").replace('#', "%23").replace('?', "%3F");
    let uri = format!("file://{}", encoded.replace(' ', "%20"));
    assert_eq!(fetch(&sources, &uri).await.unwrap().text().unwrap(), "odd");
}

#[tokio::test]
async fn what_is_no_file_is_said() {
    let folder = Folder::new("kinds");
    let sources = Sources::new();
    let directory = failing(&sources, &folder.path("")).await;
    assert!(directory.is_invalid() && directory.to_string().contains("a directory"), "{directory}");
    let below = folder.write("file", b"") + "/below";
    assert!(failing(&sources, &below).await.is_not_found());
    let device = failing(&sources, "/dev/null").await;
    assert!(device.is_invalid(), "{device}");
}

#[tokio::test]
async fn a_changed_file_has_another_version() {
    let folder = Folder::new("version");
    let sources = Sources::new();
    let one = fetch(&sources, &folder.write("f", b"1")).await.unwrap();
    let two = fetch(&sources, &folder.write("f", b"22")).await.unwrap();
    assert!(one.version().is_some());
    assert_ne!(one.version(), two.version());
}
