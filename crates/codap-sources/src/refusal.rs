//! What a reply other than a document means.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::error::Kind;
use crate::trouble::Trouble;

/// What a status says that stands for no document.
pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Trouble {
    let (kind, advice) = match status.as_u16() {
        401 => (Kind::Unauthorized, "give credentials, by a header or user-info"),
        403 => (Kind::Unauthorized, "these credentials are not enough, or missing"),
        407 => (Kind::Unauthorized, "the proxy wants credentials, in the URL of its variable"),
        404 => (Kind::NotFound, "check the path"),
        410 => (Kind::NotFound, "it is gone for good"),
        202 => (Kind::Busy, "it is not ready yet; try again later"),
        408 | 425 | 429 | 503 => (Kind::Busy, "try again later"),
        500 | 502 | 504 => (Kind::Failed, "the server has a problem; try again later"),
        206 => (Kind::Invalid, "a part came that nobody asked for"),
        304 => (Kind::Invalid, "that answers a question nobody asked"),
        _ => (Kind::Failed, "that is no document"),
    };
    let transient = kind.is_transient() || matches!(status.as_u16(), 500 | 502 | 504);
    let mut trouble = Trouble::new(kind, format!("answered {status}: {advice}"));
    trouble.transient = transient;
    trouble.retry_after = retry_after(headers);
    if let Some(delay) = trouble.retry_after {
        trouble.what.push_str(&format!(" (it asks for {} s)", delay.as_secs()));
    }
    trouble
}

/// `Retry-After`: seconds, or a date, which is taken by the server's clock if it tells that. What
/// is neither is no wish at all; a number beyond all bounds stays one.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wish = text(RETRY_AFTER)?;
    if !wish.is_empty() && wish.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(wish.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(wish).ok()?;
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(at.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_be_left_alone_is_read_in_all_its_forms() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (wish, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("1000000000000", Some(1_000_000_000_000)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-5", None),
            ("1e12", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, wish.parse().unwrap());
            headers.insert(DATE, date.parse().unwrap());
            assert_eq!(retry_after(&headers), seconds.map(Duration::from_secs), "of {wish:?}");
        }
    }
}
