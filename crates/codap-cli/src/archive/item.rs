//! One line of the list: `URI`, `URI<TAB>NAME`, or JSON `{"uri", "name", "size", "sha256"}`.

use codap::redact;
use codap_sources::{Listed, Uri};
use serde::Deserialize;

/// What becomes an entry of the archive.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) uri: Uri,
    /// As it was asked for, or made of the URI.
    pub(crate) name: Vec<u8>,
    pub(crate) promised: Promised,
    /// Of a prefix: what the names of all below it are called by instead.
    folder: Option<Vec<u8>>,
}

/// What the list says about the body, which has to be so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Promised {
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<[u8; 32]>,
}

/// A line of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    uri: String,
    name: Option<String>,
    size: Option<u64>,
    sha256: Option<String>,
}

impl Item {
    /// What `line` says, or what is wrong with it, without its secrets.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        if line.trim_ascii_start().first() == Some(&b'{') {
            return Self::of_json(line);
        }
        let (uri, name) = match line.iter().position(|&byte| byte == b'\t') {
            Some(at) => (&line[..at], Some(line[at + 1..].to_vec())),
            None => (line, None),
        };
        let uri = std::str::from_utf8(uri)
            .map_err(|_| "is not UTF-8; a URI is ASCII, percent-encoded".to_owned())?;
        Self::new(uri.trim(), name, Promised::default())
    }

    fn of_json(line: &[u8]) -> Result<Self, String> {
        let said: Said = serde_json::from_slice(line)
            .map_err(|error| format!("is no JSON of an entry: {}", redact(&error.to_string())))?;
        let sha256 = said.sha256.map(|hex| hash(&hex)).transpose()?;
        let promised = Promised { size: said.size, sha256 };
        Self::new(&said.uri, said.name.map(String::into_bytes), promised)
    }

    fn new(text: &str, name: Option<Vec<u8>>, promised: Promised) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error: codap_sources::Error| error.to_string())?;
        let folder = name.clone().filter(|_| uri.is_prefix());
        let name = name.unwrap_or_else(|| uri.name());
        Ok(Self { uri, name, promised, folder })
    }

    /// The name of `below`, which lies under this prefix: its path, in which a name that was given
    /// stands for the prefix.
    pub(crate) fn name_below(&self, below: &Listed) -> Vec<u8> {
        match &self.folder {
            None => below.uri.name(),
            Some(folder) => self.uri.name_below(&below.uri, folder),
        }
    }
}

fn hash(hex: &str) -> Result<[u8; 32], String> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let mut hash = [0; 32];
    let digits: Option<Vec<u32>> = hex.bytes().map(digit).collect();
    match digits {
        Some(digits) if digits.len() == 64 => {
            for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
                *byte = (pair[0] << 4 | pair[1]) as u8;
            }
            Ok(hash)
        }
        _ => Err("has a sha256 that is none; it has 64 digits, 0-9 and a-f".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(line: &str) -> String {
        String::from_utf8(Item::parse(line.as_bytes()).unwrap().name).unwrap()
    }

    #[test]
    fn names_are_given_or_the_path_of_the_uri() {
        for (line, expected) in [
            ("https://h/%C3%A4/b?token=x", "ä/b"),
            ("https://h/a\tb c\t", "b c\t"),
            ("  https://h/a \t b", " b"),
            (r#"{"uri":"https://h/a"}"#, "a"),
            (r#" {"uri":"https://h/a","name":"b","size":3}"#, "b"),
        ] {
            assert_eq!(name(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_secrets() {
        for (line, told) in [
            (&b"\xff"[..], "is not UTF-8"),
            (b"gopher://h/", "known are"),
            (b"{", "is no JSON of an entry"),
            (br#"{"uri":"a","nam":"b"}"#, "unknown field `nam`"),
            (br#"{"uri":"a","sha256":"00"}"#, "64 digits"),
            (br#"{"uri":"a","size":-1}"#, "is no JSON of an entry"),
        ] {
            let error = Item::parse(line).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let wrong = br#"{"uri":"https://u:s3cret@h/?token=s3cret","size":"s3cret://x:s3cret@h"}"#;
        let error = Item::parse(wrong).unwrap_err();
        assert!(!error.contains("x:s3cret"), "{error}");
    }

    #[test]
    fn a_hash_has_64_digits() {
        let line = format!(r#"{{"uri":"a","sha256":"{}"}}"#, "0fA1".repeat(16));
        let promised = Item::parse(line.as_bytes()).unwrap().promised;
        assert_eq!(promised.sha256.unwrap()[..2], [0x0f, 0xa1]);
    }
}
