//! URIs: what is one, what is none, and what is shown of them.

use codap_sources::{Error, Uri};

use crate::canary::{self, SECRET};

fn refused(text: &str) -> Error {
    match text.parse::<Uri>() {
        Ok(uri) => panic!("{text} is {uri:?}"),
        Err(error) => error,
    }
}

#[test]
fn an_unknown_scheme_lists_the_known_ones() {
    let error = refused(&format!("gopher://u:{SECRET}@host/?token={SECRET}"));
    let told = error.to_string();
    assert!(error.is_unsupported() && told.contains("gopher") && told.contains("https"), "{told}");
    canary::check(&error);
}

#[test]
fn what_is_malformed_says_so() {
    for text in [
        "",
        "http:",
        "http://",
        "https:///path",
        "http:host/path",
        "http://ho st/",
        "http://host:port/",
        "http://host:99999/",
        "http://[::1/",
        "http://good.example\\@evil.example/",
        "http://host/a\nb",
        "http://host/\0",
        "file://elsewhere/path",
        "file:///%FF",
        "a\tb",
    ] {
        let error = refused(text);
        assert!(error.is_invalid(), "{text:?}: {error:?}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn secrets_are_not_shown() {
    for text in [
        format!("https://{SECRET}@host/"),
        format!("https://u:{SECRET}@host/"),
        format!("https://u:a@b:{SECRET}@host/"),
        format!("https://u:%43{SECRET}@host/"),
        format!("HTTPS://u:{SECRET}@host/"),
        format!("https://host/?token={SECRET}"),
        format!("https://host/?a=b&X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}"),
        format!("https://host/?X-Amz-Security-Token={SECRET}&X-Goog-Signature={SECRET}"),
        format!("https://host/?sv=2024&sig={SECRET}"),
        format!("https://host/?%61pi%5Fkey={SECRET}"),
        format!("https://host/?client_secret={SECRET}&AWSAccessKeyId={SECRET}&code={SECRET}"),
        format!("https://host/?password={SECRET}?a=b"),
        format!("https://host/#access_token={SECRET}"),
        format!("file:///x?token={SECRET}"),
    ] {
        let uri: Uri = text.parse().unwrap();
        let told = format!("{uri} {uri:?} {uri:#?} {}", uri.origin());
        assert!(!told.contains(SECRET), "{told}");
    }
}

#[test]
fn what_is_no_secret_is_shown() {
    for text in [
        "https://host/a/b?page=2&q=cats",
        "path/to/file",
        "/absolute path",
        "odd:name",
        "file:///x",
        "C:\\x",
    ] {
        assert_eq!(text.parse::<Uri>().unwrap().to_string(), text);
    }
}

#[test]
fn origins_are_what_shares_connections() {
    for (text, origin) in [
        ("https://user:pw@Host.Example:443/a?b#c", "https://host.example"),
        ("http://host:8080/", "http://host:8080"),
        ("http://[::1]:80/", "http://[::1]"),
        ("path", "file://"),
    ] {
        assert_eq!(text.parse::<Uri>().unwrap().origin(), origin);
    }
}

#[test]
fn uris_are_equal_by_their_text() {
    let uri = |text: &str| text.parse::<Uri>().unwrap();
    assert_eq!(uri("http://host/a"), uri("HTTP://host/a"));
    assert_ne!(uri("http://host/a"), uri("http://host/b"));
}
