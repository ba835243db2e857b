//! From a request and its reply to bytes: the head, the body in its frame, and what is marked where.

use std::time::Duration;

use crate::{
    coding::Payload,
    draw::Draw,
    fault::{At, Stall},
    latency::Latency,
    ranges::Part,
    raw::Raw,
    reply::{Framing, Reply},
    request::Request,
    sink::{Act, Kind, Marks, Sink, Stop},
};

/// What a reply becomes for one request.
pub(crate) struct Answer<'a> {
    reply: &'a Reply,
    payload: Payload<'a>,
    part: Option<Part>,
    /// Not for HEAD, nor for a status that has none.
    has_body: bool,
    /// After it the connection is closed.
    pub(crate) closes: bool,
}

/// What makes a byte range of several out of one.
const BOUNDARY: &str = "codap-fault-part";

impl<'a> Answer<'a> {
    /// The answer to `request`, which came after one for `before`.
    pub(crate) fn new(reply: &'a Reply, request: &'a Request, before: &'a str) -> Self {
        let content = reply.body.content(&request.target, before);
        let mut payload = Payload::new(content, reply.coding);
        let etag = reply.etag.as_deref();
        let part = match reply.status {
            200 => reply.ranges.part(request, etag, payload.len()),
            _ => None,
        };
        if let Some(part) = &part {
            payload.narrow(part.range.clone());
        }
        let has_body = request.method != "HEAD" && !matches!(reply.status, 100..=199 | 204 | 304);
        let asked = request.says("connection", "close")
            || request.old && !request.says("connection", "keep-alive");
        let bare = has_body && reply.framing == Framing::Bare;
        let closes = asked || bare || reply.close || reply.raw.is_some();
        Self { reply, payload, part, has_body, closes }
    }

    /// What is marked where, drawn for this request.
    pub(crate) fn marks(&self, latency: Option<&Latency>, draw: Draw) -> Marks {
        let mut marks = Marks::default();
        if let Some(latency) = self.reply.latency.as_ref().or(latency) {
            marks.wire.push((0, Act::Wait(latency.draw(draw.of(1)))));
        }
        let length = self.payload.len();
        let mut mark = |at, act, draw: Draw| match at {
            At::Head => marks.wire.push((0, act)),
            At::Wire(place) => marks.wire.push((place, act)),
            At::Body(place) => marks.body.push((place, act)),
            At::Anywhere => marks.body.push((draw.of(0).below(length), act)),
            At::End => marks.end.push(act),
        };
        for (index, stall) in self.reply.stall.iter().enumerate() {
            let draw = draw.of(3 + index as u64);
            if let Some(time) = drawn(stall, draw) {
                mark(stall.at, Act::Stall(time), draw);
            }
        }
        if let Some(cut) = self.reply.cut {
            mark(cut.at, Act::Cut(cut.how), draw.of(2));
        }
        // Stable: what is marked for the same place keeps its order.
        marks.wire.sort_by_key(|(place, _)| *place);
        marks.body.sort_by_key(|(place, _)| *place);
        marks
    }

    /// The places in the body that are corrupted.
    pub(crate) fn corrupt(&self) -> Vec<u64> {
        let place = |at: &i64| match u64::try_from(*at) {
            Ok(at) => Some(at),
            Err(_) => self.payload.len().checked_sub(at.unsigned_abs()),
        };
        self.reply.corrupt.iter().filter_map(place).collect()
    }

    /// Everything up to the last byte.
    pub(crate) async fn send(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if let Some(raw) = &self.reply.raw {
            send_raw(sink, raw).await?;
            return sink.begin_body().await;
        }
        if let Some(raw) = &self.reply.before {
            send_raw(sink, raw).await?;
        }
        let head = self.head();
        sink.put(Kind::Frame, head.as_bytes()).await?;
        sink.begin_body().await?;
        if self.has_body {
            self.send_body(sink).await?;
        }
        Ok(())
    }

    async fn send_body(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let chunked = match &self.reply.framing {
            Framing::Chunked => Some((1 << 16, "")),
            Framing::Chunks { size, extension, .. } => Some((*size, extension.as_str())),
            _ => None,
        };
        let (before, after) = self.wrapping();
        sink.put(Kind::Frame, before.as_bytes()).await?;
        let (mut left, mut in_chunk) = (self.payload.len(), 0);
        let mut bytes = Vec::new();
        while self.payload.next(&mut bytes) {
            let Some((size, extension)) = chunked else {
                sink.put(Kind::Body, &bytes).await?;
                continue;
            };
            let mut bytes = bytes.as_slice();
            while !bytes.is_empty() {
                if in_chunk == 0 {
                    in_chunk = size.min(left);
                    let line = format!("{in_chunk:x}{extension}\r\n");
                    sink.put(Kind::Frame, line.as_bytes()).await?;
                }
                let here = bytes.len().min(usize::try_from(in_chunk).unwrap_or(usize::MAX));
                sink.put(Kind::Body, &bytes[..here]).await?;
                bytes = &bytes[here..];
                in_chunk -= here as u64;
                left -= here as u64;
                if in_chunk == 0 {
                    sink.put(Kind::Frame, b"\r\n").await?;
                }
            }
        }
        sink.put(Kind::Frame, after.as_bytes()).await?;
        match &self.reply.framing {
            Framing::Chunked => sink.put(Kind::Frame, b"0\r\n\r\n").await,
            Framing::Chunks { open: false, trailers, .. } => {
                sink.put(Kind::Frame, format!("0\r\n{}\r\n", lines(trailers)).as_bytes()).await
            }
            _ => Ok(()),
        }
    }

    /// What stands around the one part of a multipart body.
    fn wrapping(&self) -> (String, String) {
        match &self.part {
            Some(Part { multipart: true, content_range: Some(range), .. }) => (
                format!("--{BOUNDARY}\r\nContent-Range: {range}\r\n\r\n"),
                format!("\r\n--{BOUNDARY}--\r\n"),
            ),
            _ => (String::new(), String::new()),
        }
    }

    fn head(&self) -> String {
        let reply = self.reply;
        let status = self.part.as_ref().map_or(reply.status, |p| p.status);
        let reason = reply.reason.as_deref().unwrap_or_else(|| reason(status));
        let mut head = String::with_capacity(256);
        head.push_str("HTTP/1.1 ");
        head.push_str(&status.to_string());
        head.push(' ');
        head.push_str(reason);
        head.push_str("\r\n");
        head.push_str(&lines(&reply.headers));
        let mut add = |name: &str, value: &str| {
            if !reply.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
                head.push_str(name);
                head.push_str(": ");
                head.push_str(value);
                head.push_str("\r\n");
            }
        };
        let multipart = self.part.as_ref().is_some_and(|p| p.multipart);
        if multipart {
            add("Content-Type", &format!("multipart/byteranges; boundary={BOUNDARY}"));
        } else if let Some(kind) = reply.body.content_type() {
            add("Content-Type", kind);
        }
        if let Some(coding) = reply.coding {
            add("Content-Encoding", coding.name());
        }
        if let Some(etag) = &reply.etag {
            add("ETag", etag);
        }
        if reply.ranges != crate::ranges::Ranges::Ignore {
            add("Accept-Ranges", "bytes");
        }
        if let Some(range) = self.part.as_ref().and_then(|p| p.content_range.as_ref())
            && !multipart
        {
            add("Content-Range", range);
        }
        match &reply.framing {
            _ if matches!(reply.status, 100..=199 | 204 | 304) => {}
            Framing::Length => {
                let (before, after) = self.wrapping();
                let length = before.len() as u64 + self.payload.len() + after.len() as u64;
                add("Content-Length", &length.to_string());
            }
            Framing::Claim(length) => add("Content-Length", &length.to_string()),
            Framing::Bare => {}
            Framing::Chunked | Framing::Chunks { .. } => add("Transfer-Encoding", "chunked"),
        }
        if self.closes {
            add("Connection", "close");
        }
        head.push_str("\r\n");
        head
    }
}

/// Whether a stall happens, and how long it lasts.
fn drawn(stall: &Stall, draw: Draw) -> Option<Option<Duration>> {
    let happens = draw.of(1).unit() < stall.share;
    happens.then(|| stall.last.as_ref().map(|l| l.draw(draw.of(2))))
}

pub(crate) async fn send_raw(sink: &mut Sink<'_>, raw: &Raw) -> Result<(), Stop> {
    const STRETCH: u64 = 1 << 16;
    let mut bytes = Vec::new();
    for piece in &raw.pieces {
        let (content, times) = piece.parts();
        let mut sent = 0;
        while times.is_none_or(|times| sent < times) {
            let mut at = 0;
            while at < content.len() {
                let end = content.len().min(at + STRETCH);
                bytes.clear();
                content.fill(at..end, &mut bytes);
                sink.put(Kind::Frame, &bytes).await?;
                at = end;
            }
            sent += 1;
        }
    }
    Ok(())
}

fn lines(headers: &[(String, String)]) -> String {
    headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
