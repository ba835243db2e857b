//! What becomes of a `Range` header: the proper answer, and those that clients must not trust.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::request::Request;

/// What becomes of a request's `Range` header.
///
/// All but [`Ignore`](Self::Ignore), [`DespiteIfRange`](Self::DespiteIfRange) and
/// [`Refuse`](Self::Refuse) send the whole body, as 200, where an `If-Range` does not name the
/// reply's entity tag. More than one range in a header is ignored. In a script file: `"serve"`,
/// `{ short = 1 }`, `{ moved = -1 }`, `"as_whole"` and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Ranges {
    /// The whole body, as if the header were not there.
    #[default]
    Ignore,
    /// As the standard has it: 206, or 416 for a range that starts behind the end.
    Serve,
    /// 206 with the range moved by so many bytes, and a `Content-Range` that says so.
    Moved(i64),
    /// 206 with the right bytes under a `Content-Range` that is moved by so many.
    Mislabelled(i64),
    /// 206 with so many bytes less, and a `Content-Range` that says so.
    Short(u64),
    /// 206 with so many bytes less under the `Content-Range` of what was asked for.
    Clipped(u64),
    /// 206 with the right bytes of a whole said to be so many bytes longer.
    WrongTotal(i64),
    /// 206 without a `Content-Range`.
    Unlabelled,
    /// 206 whatever `If-Range` says.
    DespiteIfRange,
    /// The range alone, as 200: it looks like the whole.
    AsWhole,
    /// 206 as `multipart/byteranges`, though one range was asked for.
    Multipart,
    /// 416, always.
    Refuse,
}

/// What is sent of a body of which only a part was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) status: u16,
    pub(crate) range: Range<u64>,
    pub(crate) content_range: Option<String>,
    pub(crate) multipart: bool,
}

impl Ranges {
    /// The part of a body of `total` bytes that `request` gets; `None` is the whole.
    pub(crate) fn part(self, request: &Request, etag: Option<&str>, total: u64) -> Option<Part> {
        if self == Self::Ignore {
            return None;
        }
        let header = request.header("range")?;
        let stale = request
            .header("if-range")
            .is_some_and(|asked| asked.starts_with("W/") || etag != Some(asked));
        if stale && !matches!(self, Self::DespiteIfRange | Self::Refuse) {
            return None;
        }
        let asked = asked(header, total)?;
        if self == Self::Refuse || asked.is_empty() {
            let content_range = Some(format!("bytes */{total}"));
            return Some(Part { status: 416, range: 0..0, content_range, multipart: false });
        }
        Some(self.distort(&asked, total))
    }

    fn distort(self, asked: &Range<u64>, total: u64) -> Part {
        let moved = |by: i64| {
            let start = asked.start.saturating_add_signed(by);
            start..asked.end.saturating_add_signed(by).max(start)
        };
        let shorter = |by| asked.start..asked.end.saturating_sub(by).max(asked.start);
        let (sent, label, of) = match self {
            Self::Moved(by) => {
                let inside = moved(by).start.min(total)..moved(by).end.min(total);
                (inside.clone(), inside, total)
            }
            Self::Mislabelled(by) => (asked.clone(), moved(by), total),
            Self::Short(by) => (shorter(by), shorter(by), total),
            Self::Clipped(by) => (shorter(by), asked.clone(), total),
            Self::WrongTotal(by) => (asked.clone(), asked.clone(), total.saturating_add_signed(by)),
            _ => (asked.clone(), asked.clone(), total),
        };
        // An empty range has no last byte; what stands there then is wrong, as it would be.
        let label = format!("bytes {}-{}/{of}", label.start, label.end.saturating_sub(1));
        Part {
            status: if self == Self::AsWhole { 200 } else { 206 },
            range: sent,
            content_range: (!matches!(self, Self::AsWhole | Self::Unlabelled)).then_some(label),
            multipart: self == Self::Multipart,
        }
    }
}

/// The one range of `bytes=…`, empty if it starts behind the end; `None` for what is no such thing.
fn asked(header: &str, total: u64) -> Option<Range<u64>> {
    let (first, last) = header.strip_prefix("bytes=")?.trim().split_once('-')?;
    if first.is_empty() {
        let count: u64 = last.parse().ok()?;
        return Some(total.saturating_sub(count)..total);
    }
    let first: u64 = first.parse().ok()?;
    let end = if last.is_empty() { total } else { last.parse::<u64>().ok()?.saturating_add(1) };
    if end <= first && !last.is_empty() {
        return None;
    }
    let end = end.min(total);
    Some(first.min(end)..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_and_all_else_is_none() {
        for (header, range) in [
            ("bytes=0-3", 0..4),
            ("bytes=3-", 3..10),
            ("bytes=-4", 6..10),
            ("bytes=-40", 0..10),
            ("bytes=8-99", 8..10),
            ("bytes=10-", 10..10),
            ("bytes=99-100", 10..10),
        ] {
            assert_eq!(asked(header, 10), Some(range), "{header}");
        }
        for header in ["bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=a-b", "bytes="] {
            assert_eq!(asked(header, 10), None, "{header}");
        }
    }
}
