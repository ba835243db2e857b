//! What stands for many: buckets and folders.

use std::path::PathBuf;

use codap_fault::{On, Reply, Script};
use codap_sources::{Error, Listed, Sources};
use futures_util::{StreamExt, stream};

use crate::conformance::{fetch, uri};
use crate::s3::at;

async fn list(sources: &Sources, text: &str) -> Result<Vec<Listed>, Error> {
    let mut listing = sources.list(&uri(text));
    let mut all = Vec::new();
    while let Some(listed) = listing.next().await? {
        all.push(listed);
    }
    assert!(listing.next().await?.is_none(), "{text}: goes on behind its end");
    Ok(all)
}

fn uris(all: &[Listed]) -> Vec<String> {
    all.iter().map(|it| it.uri.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_listed_page_by_page() {
    let Some(endpoint) = crate::servers::server("s3") else { return };
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    let bucket = format!("list-{}", std::process::id());
    let client = crate::s3::client();
    client.put(format!("{endpoint}/{bucket}")).send().await.unwrap();
    let put = |key: String, body: &'static str| {
        let put = client.put(format!("{endpoint}/{bucket}/{key}")).body(body).send();
        async move { assert!(put.await.unwrap().status().is_success()) }
    };
    // More than a page.
    let many = stream::iter((0..1_050).map(|n| put(format!("many/{n:04}"), "x")));
    many.buffer_unordered(16).collect::<()>().await;
    for key in ["odd/", "odd/%20a%26b%3C%C3%A4%3F", "odd/b//c", "odd.txt", "odd/z/y"] {
        put(key.to_owned(), if key.ends_with('/') { "" } else { "four" }).await;
    }
    let sources = at(&endpoint).build().unwrap();
    let many = list(&sources, &format!("s3://{bucket}/many/")).await.unwrap();
    let expected: Vec<String> = (0..1_050).map(|n| format!("s3://{bucket}/many/{n:04}")).collect();
    assert_eq!(uris(&many), expected);
    assert!(many.iter().all(|it| it.size == 1 && it.version.is_some()));

    let odd = list(&sources, &format!("s3://{bucket}/odd/")).await.unwrap();
    let expected = ["odd/%20a%26b%3C%C3%A4%3F", "odd/b//c", "odd/z/y"];
    assert_eq!(uris(&odd), expected.map(|key| format!("s3://{bucket}/{key}")));
    // What the list says of a document is what the document says.
    let document = sources.fetch(&odd[0].uri).await.unwrap();
    assert_eq!(document.len() as u64, odd[0].size);
    assert_eq!(document.version(), odd[0].version.as_deref());
    let error = sources.fetch(&odd[1].uri).await.unwrap_err();
    assert!(error.is_invalid(), "{error}");

    let all = list(&sources, &format!("s3://{bucket}")).await.unwrap();
    assert_eq!(all.len(), 1_050 + 4);
    assert!(list(&sources, &format!("s3://{bucket}/nothing/")).await.unwrap().is_empty());
    let error = list(&sources, "s3://no-such-bucket-here/").await.unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("no bucket"), "{error}");
}

fn page(keys: &[&str], next: Option<&str>) -> String {
    let object = |key: &&str| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
    let contents: String = keys.iter().map(object).collect();
    let token = next.map(|it| format!("<NextContinuationToken>{it}</NextContinuationToken>"));
    let (token, more) = (token.unwrap_or_default(), next.is_some());
    format!(
        "<ListBucketResult><IsTruncated>{more}</IsTruncated>{token}{contents}</ListBucketResult>"
    )
}

#[tokio::test]
async fn a_broken_page_is_an_error_and_no_end() {
    let second = page(&["p/c", "p/d"], None);
    let reply = |body: &str| Reply::ok(body.to_owned());
    for (name, broken) in [
        ("cut", reply(&second).cut(second.len() as u64 / 2)),
        ("cut, and nobody knows", reply(&second[..second.len() / 2])),
        ("without an end", reply(&second.replace("<IsTruncated>false</IsTruncated>", ""))),
        ("an error", reply("<Error><Code>InternalError</Code></Error>")),
        ("another page", reply("<html></html>")),
        ("empty", reply("")),
        ("the first one again", reply(&page(&["p/a", "p/b"], Some("t")))),
        ("itself", reply(&page(&["p/c"], Some("t")))),
        ("of another prefix", reply(&page(&["q/c"], None))),
        ("refused", Reply::status(503)),
        ("hangs up", Reply::hang_up()),
    ] {
        let script = |reply: Reply| {
            Script::new()
                .rule(On::path("/b?*continuation-token=*"), reply)
                .rule(On::any(), Reply::ok(page(&["p/a", "p/b"], Some("t"))))
                .start_blocking()
                .unwrap()
        };
        let server = script(broken);
        let mut listing = at(&server.url("/")).build().unwrap().list(&uri("s3://b/p/"));
        for expected in ["s3://b/p/a", "s3://b/p/b"] {
            assert_eq!(listing.next().await.unwrap().unwrap().uri.to_string(), expected, "{name}");
        }
        let error = listing.next().await.expect_err(name);
        assert!(error.is_transient(), "{name}: {error}");
        assert_eq!(listing.next().await.expect_err(name).to_string(), error.to_string());
        // The same, whole.
        let server = script(Reply::ok(second.clone()));
        let sources = at(&server.url("/")).build().unwrap();
        assert_eq!(list(&sources, "s3://b/p/").await.unwrap().len(), 4);
    }
}

/// A folder of its own for one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("codap list {name} {}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }

    fn text(&self) -> String {
        format!("{}/", self.0.to_str().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_folder_is_listed_in_the_order_of_a_bucket() {
    let folder = Folder::new("order");
    let names = ["a.txt", "a/b", "a/c/d", "ab", "odd %?#ä", "z"];
    names.iter().for_each(|name| folder.write(name));
    let sources = Sources::new();
    let found = list(&sources, &folder.text()).await.unwrap();
    assert_eq!(uris(&found), names.map(|name| folder.text() + name));
    for (listed, name) in found.iter().zip(names) {
        let document = sources.fetch(&listed.uri).await.unwrap();
        assert_eq!((document.text().unwrap(), document.len() as u64), (name, listed.size));
        assert_eq!(document.version(), listed.version.as_deref());
    }
    // By URI, and from where there is no runtime.
    let text = format!("file://{}", folder.text().replace(' ', "%20"));
    let again = std::thread::spawn(move || {
        let kv = codap::Kv::<_, Vec<Listed>>::on(&codap::Threads);
        kv.put("it", async move { list(&Sources::new(), &text).await });
        kv.get_blocking("it").unwrap().clone()
    });
    let again = tokio::task::spawn_blocking(move || again.join().unwrap()).await.unwrap();
    assert_eq!(again.len(), found.len());
    assert_eq!(fetch(&sources, &again[4].uri.to_string()).await.unwrap().text().unwrap(), names[4]);
}

#[tokio::test]
async fn many_files_are_listed_once_each() {
    let folder = Folder::new("many");
    let names: Vec<String> = (0..2_500).map(|n| format!("{}/{n:04}", n / 1_100)).collect();
    names.iter().for_each(|name| folder.write(name));
    let found = list(&Sources::new(), &folder.text()).await.unwrap();
    let expected: Vec<String> = names.iter().map(|name| folder.text() + name).collect();
    assert_eq!(uris(&found), expected);
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_circles_are_told_and_nothing_is_passed_over() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let folder = Folder::new("links");
    folder.write("real/file");
    let path = |name: &str| folder.0.join(name);
    symlink(path("real"), path("folder")).unwrap();
    symlink(path("real/file"), path("link")).unwrap();
    symlink(path("nowhere"), path("broken")).unwrap();
    let sources = Sources::new();
    let found = list(&sources, &folder.text()).await.unwrap();
    let names = ["broken", "folder/file", "link", "real/file"];
    assert_eq!(uris(&found), names.map(|name| folder.text() + name));
    let fetched = sources.fetch(&found[0].uri).await;
    assert!(fetched.unwrap_err().is_not_found());

    symlink(path(""), path("real/up")).unwrap();
    let error = list(&sources, &folder.text()).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("leads back"), "{error}");
    std::fs::remove_file(path("real/up")).unwrap();

    std::fs::write(folder.0.join(OsStr::from_bytes(b"\xff")), "").unwrap();
    let error = list(&sources, &folder.text()).await.unwrap_err();
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}

#[tokio::test]
async fn what_has_no_list_says_so() {
    let folder = Folder::new("none");
    folder.write("file");
    let sources = Sources::new();
    for (text, what) in [
        ("https://host/folder/".to_owned(), "has no list"),
        ("redis://host/".to_owned(), "has no list"),
        (folder.text() + "file", "ends with a slash"),
        (folder.text() + "file/", "no folder"),
        (folder.text() + "missing/", "is not there"),
        ("s3://bucket/key".to_owned(), "ends with a slash"),
    ] {
        let error = list(&sources, &text).await.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(!error.is_transient(), "{error}");
    }
}
