//! What an entry brings, and the forms in which it goes on: JSON, a template's value, bytes.

use std::fmt;
use std::sync::OnceLock;

use codap_sources::{Document, Error};
use serde::{Serialize, Serializer};

use crate::json_text::{is_json, push_indented, push_line};

/// How a document is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// By its media type; what has none is JSON if it looks like it.
    ByType,
    /// As JSON, or it is an error.
    Json,
    /// Not at all: only its bytes are wanted.
    Bytes,
}

/// A document, or the default that stands in for one.
pub(crate) struct Answer {
    body: Body,
    form: Form,
    attempts: u32,
    value: OnceLock<minijinja::Value>,
}

enum Body {
    Document(Document),
    Default { json: String, error: codap::Error },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Text,
    Bytes,
}

impl Answer {
    /// The document that came with the `attempts`-th attempt.
    pub(crate) fn read(document: Document, reading: Reading, attempts: u32) -> Result<Self, Error> {
        let form = match reading {
            Reading::Bytes => Form::Bytes,
            Reading::Json => json(&document)?,
            Reading::ByType => match kind(document.content_type()) {
                Kind::Json => json(&document)?,
                Kind::Unknown if document.text().is_ok_and(is_json) => Form::Json,
                Kind::Unknown | Kind::Other if document.text().is_ok() => Form::Text,
                Kind::Unknown | Kind::Other => Form::Bytes,
            },
        };
        Ok(Self { body: Body::Document(document), form, attempts, value: OnceLock::new() })
    }

    /// `json`, in the place of an entry that ended with `error`.
    pub(crate) fn default(json: String, error: codap::Error) -> Self {
        let attempts = error.attempts();
        let body = Body::Default { json, error };
        Self { body, form: Form::Json, attempts, value: OnceLock::new() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Document(document) => document.bytes(),
            Body::Default { json, .. } => json.as_bytes(),
        }
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why a default stands here, if one does.
    pub(crate) fn stands_in_for(&self) -> Option<&codap::Error> {
        match &self.body {
            Body::Document(_) => None,
            Body::Default { error, .. } => Some(error),
        }
    }

    /// Where it came from, without secrets.
    pub(crate) fn uri(&self) -> Option<String> {
        match &self.body {
            Body::Document(document) => Some(document.uri().to_string()),
            Body::Default { .. } => None,
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).expect("JSON and text were found to be UTF-8")
    }

    /// As JSON in one line.
    pub(crate) fn push_line(&self, out: &mut Vec<u8>) {
        match self.form {
            Form::Json => push_line(self.text(), out),
            Form::Text => push_json(&self.text(), out),
            Form::Bytes => push_json(&Base64::of(self.bytes()), out),
        }
    }

    /// As JSON in lines, inside of `depth` levels.
    pub(crate) fn push_indented(&self, depth: usize, out: &mut Vec<u8>) {
        match self.form {
            Form::Json => push_indented(self.text(), depth, out),
            Form::Text | Form::Bytes => self.push_line(out),
        }
    }

    /// What a template sees.
    pub(crate) fn value(&self) -> &minijinja::Value {
        self.value.get_or_init(|| match self.form {
            Form::Json => {
                let value: Option<serde_json::Value> = serde_json::from_str(self.text()).ok();
                minijinja::value::Serde(value.expect("JSON was found to be JSON")).into()
            }
            Form::Text => self.text().into(),
            Form::Bytes => minijinja::Value::from_bytes(self.bytes().to_vec()),
        })
    }
}

/// For templates, which ask for this at every touch: the value is made once.
impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// Without the document: it may be large, and secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("form", &self.form).finish_non_exhaustive()
    }
}

fn json(document: &Document) -> Result<Form, Error> {
    if document.text().is_ok_and(is_json) {
        return Ok(Form::Json);
    }
    // It says where the document stops being JSON.
    document.text()?;
    document.json().map(|_| Form::Json)
}

/// What a media type says about whether a document is JSON.
enum Kind {
    Json,
    Other,
    Unknown,
}

fn kind(content_type: Option<&str>) -> Kind {
    let Some(content_type) = content_type else { return Kind::Unknown };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match &*essence {
        "" | "application/octet-stream" | "binary/octet-stream" => Kind::Unknown,
        "application/json" | "text/json" => Kind::Json,
        other if other.ends_with("+json") => Kind::Json,
        _ => Kind::Other,
    }
}

/// Writes any value as JSON in one line.
pub(crate) fn push_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("texts and numbers can be written as JSON");
}

/// Bytes that are no text, as JSON holds them.
#[derive(Serialize)]
struct Base64 {
    base64: String,
}

impl Base64 {
    fn of(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut base64 = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for three in bytes.chunks(3) {
            let bits = three.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
            let bits = bits << (8 * (3 - three.len()));
            for at in 0..4 {
                let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
                base64.push(if at > three.len() { '=' } else { digit.into() });
            }
        }
        Self { base64 }
    }
}

#[cfg(test)]
mod tests {
    use super::Base64;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(Base64::of(bytes.as_bytes()).base64, text);
        }
    }
}
