//! Hashes that the other side promised, and whether they are kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};
use md5::Md5;
use reqwest::header::{HeaderMap, HeaderValue};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

static CRC32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// A hash under way. All of them are taken over the bytes as they were sent, before decoding.
enum Hasher {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
    Crc32(crc::Digest<'static, u32, Table<16>>),
    Crc32c(crc::Digest<'static, u32, Table<16>>),
    Crc64(crc::Digest<'static, u64, Table<16>>),
}

impl Hasher {
    /// By the names that the headers use.
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "md5" => Self::Md5(Md5::new()),
            "sha" | "sha1" | "sha-1" => Self::Sha1(Sha1::new()),
            "sha256" | "sha-256" => Self::Sha256(Sha256::new()),
            "sha512" | "sha-512" => Self::Sha512(Sha512::new()),
            "crc32" => Self::Crc32(CRC32.digest()),
            "crc32c" => Self::Crc32c(CRC32C.digest()),
            "crc64nvme" => Self::Crc64(CRC64.digest()),
            _ => return None,
        })
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(it) => it.update(bytes),
            Self::Sha1(it) => it.update(bytes),
            Self::Sha256(it) => it.update(bytes),
            Self::Sha512(it) => it.update(bytes),
            Self::Crc32(it) | Self::Crc32c(it) => it.update(bytes),
            Self::Crc64(it) => it.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(it) => it.finalize().to_vec(),
            Self::Sha1(it) => it.finalize().to_vec(),
            Self::Sha256(it) => it.finalize().to_vec(),
            Self::Sha512(it) => it.finalize().to_vec(),
            Self::Crc32(it) | Self::Crc32c(it) => it.finalize().to_be_bytes().to_vec(),
            Self::Crc64(it) => it.finalize().to_be_bytes().to_vec(),
        }
    }
}

/// One promise: where it was made, and what it is.
struct Promise {
    header: &'static str,
    expected: Vec<u8>,
    hasher: Hasher,
}

/// What a reply promises about its body, while that comes in.
#[derive(Default)]
pub(crate) struct Promises(Vec<Promise>);

impl Promises {
    /// What the headers of a whole reply promise. What cannot be read, or is of an unknown kind, is
    /// no promise; so is the hash of an object that was put together from parts (`…-3`).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut promises = Self::default();
        for (name, value) in headers {
            let Ok(text) = value.to_str() else { continue };
            match name.as_str() {
                "content-md5" => promises.add("Content-MD5", "md5", text),
                // RFC 9530, `sha-256=:…:`, and its elder RFC 3230, `SHA-256=…`.
                "content-digest" => promises.add_list("Content-Digest", text),
                "repr-digest" => promises.add_list("Repr-Digest", text),
                "digest" => promises.add_list("Digest", text),
                "x-goog-hash" if is_as_stored(headers) => promises.add_list("x-goog-hash", text),
                "x-amz-checksum-crc32" => promises.add("x-amz-checksum-crc32", "crc32", text),
                "x-amz-checksum-crc32c" => promises.add("x-amz-checksum-crc32c", "crc32c", text),
                "x-amz-checksum-crc64nvme" => {
                    promises.add("x-amz-checksum-crc64nvme", "crc64nvme", text);
                }
                "x-amz-checksum-sha1" => promises.add("x-amz-checksum-sha1", "sha1", text),
                "x-amz-checksum-sha256" => promises.add("x-amz-checksum-sha256", "sha256", text),
                _ => {}
            }
        }
        promises
    }

    /// `name=value, name=value`; a value may stand between colons.
    fn add_list(&mut self, header: &'static str, members: &str) {
        for member in members.split(',') {
            if let Some((name, value)) = member.trim().split_once('=') {
                self.add(header, name, value.trim_matches(':'));
            }
        }
    }

    fn add(&mut self, header: &'static str, name: &str, value: &str) {
        let Some(hasher) = Hasher::named(name) else { return };
        let Ok(expected) = STANDARD.decode(value.trim()) else { return };
        let width = Hasher::named(name).map_or(0, |it| it.finish().len());
        if expected.len() == width {
            self.0.push(Promise { header, expected, hasher });
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for promise in &mut self.0 {
            promise.hasher.update(bytes);
        }
    }

    /// Whether there was any; or the header of one that was broken.
    pub(crate) fn finish(self) -> Result<bool, &'static str> {
        let any = !self.0.is_empty();
        for promise in self.0 {
            if promise.hasher.finish() != promise.expected {
                return Err(promise.header);
            }
        }
        Ok(any)
    }
}

/// Google's hash is of the object as it is stored, which may be packed where the reply is not.
fn is_as_stored(headers: &HeaderMap) -> bool {
    let stored = headers.get("x-goog-stored-content-encoding").map(HeaderValue::as_bytes);
    stored.is_none_or(|it| it == b"identity") || headers.contains_key("content-encoding")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published check values.
    const KNOWN: [(&str, &str, &str); 9] = [
        ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==", "123456789"),
        ("content-digest", "sha-256=:FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=:", "123456789"),
        ("repr-digest", "sha-256=:FeKw=:, md5=:JfnnlDI7RTiF9RgfG2JNCw==:", "123456789"),
        ("digest", "MD5=JfnnlDI7RTiF9RgfG2JNCw==", "123456789"),
        ("x-amz-checksum-crc32", "y/Q5Jg==", "123456789"),
        ("x-amz-checksum-crc32c", "4waSgw==", "123456789"),
        ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=", "123456789"),
        ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=", "123456789"),
        ("x-goog-hash", "crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw==", "123456789"),
    ];

    fn promises(name: &'static str, value: &str) -> Promises {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Promises::of(&headers)
    }

    #[test]
    fn kept_promises_pass_and_broken_ones_name_their_header() {
        for (name, value, text) in KNOWN {
            let mut kept = promises(name, value);
            kept.update(&text.as_bytes()[..4]);
            kept.update(&text.as_bytes()[4..]);
            assert_eq!(kept.finish(), Ok(true), "{name}: {value}");
            let mut broken = promises(name, value);
            broken.update(b"12345678");
            assert!(broken.finish().unwrap_err().eq_ignore_ascii_case(name), "{name}: {value}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_promise() {
        for (name, value) in [
            ("content-md5", "not base64!"),
            ("content-md5", "YWJj"),
            ("digest", "UNIXsum=30637"),
            ("x-amz-checksum-crc32", "AAAAAA==-3"),
        ] {
            assert_eq!(promises(name, value).finish(), Ok(false), "{name}: {value}");
        }
    }
}
