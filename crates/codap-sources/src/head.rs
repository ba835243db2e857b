//! What the head of a reply says about the document to come.

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use reqwest::{Response, StatusCode, Version};

use crate::decode::Coding;
use crate::error::Kind;
use crate::trouble::Trouble;

/// The head of a reply that is a whole document.
pub(crate) struct Head {
    /// The length of the body as it is sent.
    pub(crate) length: Option<u64>,
    /// Whether the end of the body will be told from a cut.
    pub(crate) has_end: bool,
    pub(crate) coding: Coding,
    /// What proves that a later part is of the same document: a strong `ETag`.
    pub(crate) validator: Option<HeaderValue>,
    pub(crate) version: Option<Box<str>>,
    pub(crate) content_type: Option<Box<str>>,
}

impl Head {
    pub(crate) fn of(response: &Response) -> Result<Self, Trouble> {
        let headers = response.headers();
        let invalid = |what: String| Trouble::new(Kind::Invalid, what);
        let is_chunked = match headers.get(TRANSFER_ENCODING) {
            None => false,
            Some(it) if it.as_bytes().eq_ignore_ascii_case(b"chunked") => true,
            Some(it) => {
                let what = format!("came with Transfer-Encoding {it:?}, which was not asked for");
                return Err(invalid(what));
            }
        };
        if is_chunked && headers.contains_key(CONTENT_LENGTH) {
            // Two ideas of where it ends are how replies are smuggled into each other.
            return Err(invalid("came with two ideas of its length (chunked and a number)".into()));
        }
        // The client's own reading of the header, which refuses contradictions.
        let length = response.content_length();
        let etag = headers.get(ETAG);
        Ok(Self {
            length,
            has_end: is_chunked || length.is_some() || response.version() >= Version::HTTP_2,
            coding: coding(response)?,
            validator: etag.filter(|it| it.as_bytes().starts_with(b"\"")).cloned(),
            version: etag.and_then(|it| it.to_str().ok()).map(Into::into),
            content_type: text(response, CONTENT_TYPE),
        })
    }
}

fn text(response: &Response, name: HeaderName) -> Option<Box<str>> {
    response.headers().get(name).and_then(|it| it.to_str().ok()).map(Into::into)
}

fn coding(response: &Response) -> Result<Coding, Trouble> {
    let mut coding = Coding::Identity;
    for value in response.headers().get_all(CONTENT_ENCODING) {
        for name in value.to_str().unwrap_or("?").split(',') {
            match Coding::named(name) {
                Some(Coding::Identity) => {}
                Some(it) if coding == Coding::Identity => coding = it,
                _ => {
                    let what = format!("is packed as {value:?}, which was not asked for");
                    return Err(Trouble::new(Kind::Unsupported, what));
                }
            }
        }
    }
    Ok(coding)
}

/// From where a broken body is to go on.
#[derive(Debug, Clone)]
pub(crate) struct Resume {
    pub(crate) offset: u64,
    pub(crate) validator: HeaderValue,
}

/// What came in reply to the wish to go on.
pub(crate) enum Part {
    /// The rest, of a document of this many bytes as sent.
    Rest(u64),
    /// Everything from the start: it has changed, or nobody cares for ranges there.
    Whole,
}

impl Resume {
    /// Whether `response` is the rest of the document that `head` began.
    pub(crate) fn check(&self, head: &Head, response: &Response) -> Result<Part, String> {
        if response.status() == StatusCode::OK {
            return Ok(Part::Whole);
        }
        if response.headers().get(ETAG) != Some(&self.validator) {
            return Err("the rest is of another version".to_owned());
        }
        if coding(response).ok() != Some(head.coding) {
            return Err("the rest is packed otherwise".to_owned());
        }
        let range = text(response, CONTENT_RANGE).unwrap_or_default();
        let Some((start, end, total)) = parse_range(&range) else {
            return Err(format!("the rest has no proper Content-Range ({range:?})"));
        };
        let rest = response.content_length();
        let fits = start == self.offset
            && end.checked_add(1) == Some(total)
            && head.length.is_none_or(|length| length == total)
            && rest.is_none_or(|rest| rest == total - start);
        if !fits {
            return Err(format!("another part came ({range}) than was asked for"));
        }
        Ok(Part::Rest(total))
    }
}

/// `bytes 2-4/10` as (2, 4, 10).
fn parse_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let number = |text: &str| {
        // "+1" is a number to Rust, not to HTTP.
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let (start, end, total) = (number(start)?, number(end)?, number(total)?);
    (start <= end && end < total).then_some((start, end, total))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_read_strictly() {
        assert_eq!(parse_range("bytes 2-4/10"), Some((2, 4, 10)));
        for text in [
            "",
            "bytes",
            "bytes 2-4",
            "bytes 2-4/*",
            "bytes */10",
            "bytes 4-2/10",
            "bytes 2-10/10",
            "bytes +2-4/10",
            "bytes 2-4/10 ",
            "items 2-4/10",
            "bytes -4/10",
            "bytes 0-18446744073709551616/18446744073709551617",
        ] {
            assert_eq!(parse_range(text), None, "of {text:?}");
        }
    }
}
