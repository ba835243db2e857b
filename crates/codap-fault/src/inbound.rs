//! The reading half: requests one after another, and the news that the peer has gone.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{request::Request, stream::Stream};

/// A request's head ends within so many bytes.
const HEAD: usize = 1 << 20;
/// What is read ahead while a reply is on its way.
const AHEAD: usize = 1 << 16;
const HEADERS: usize = 128;

/// A connection and what has been read of it but not been used.
pub(crate) struct Inbound {
    pub(crate) stream: Stream,
    buffer: Vec<u8>,
}

/// What came next.
pub(crate) enum Next {
    Request(Request),
    /// The peer closed the connection, and no request had begun.
    Closed,
    /// What came is no request, or the connection ended within one.
    Bad,
}

impl Inbound {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Reads one head. The request has no numbers so far.
    pub(crate) async fn head(&mut self) -> Next {
        loop {
            match parse(&self.buffer) {
                Parsed::Whole(request, length) => {
                    self.buffer.drain(..length);
                    return Next::Request(request);
                }
                Parsed::Garbage => return Next::Bad,
                Parsed::Part if self.buffer.len() >= HEAD => return Next::Bad,
                Parsed::Part => {}
            }
            match self.more().await {
                Ok(true) => {}
                Ok(false) | Err(_) if self.buffer.is_empty() => return Next::Closed,
                Ok(false) | Err(_) => return Next::Bad,
            }
        }
    }

    /// Reads the request's body and throws it away; how long it was, or `None` if it did not end.
    pub(crate) async fn body(&mut self, request: &Request) -> Option<u64> {
        let chunked = request.says("transfer-encoding", "chunked");
        let length = match request.header("content-length") {
            Some(length) => length.trim().parse().ok()?,
            None => 0,
        };
        if (chunked || length > 0) && request.says("expect", "100-continue") {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
        }
        if chunked { self.chunks().await } else { self.discard(length).await.map(|()| length) }
    }

    async fn chunks(&mut self) -> Option<u64> {
        let mut sum = 0;
        loop {
            let (taken, size) = loop {
                match httparse::parse_chunk_size(&self.buffer).ok()? {
                    httparse::Status::Complete(found) => break found,
                    httparse::Status::Partial if self.more().await.ok()? => {}
                    httparse::Status::Partial => return None,
                }
            };
            self.buffer.drain(..taken);
            if size == 0 {
                return self.trailers().await.map(|()| sum);
            }
            self.discard(size.checked_add(2)?).await?;
            sum += size;
        }
    }

    /// Lines up to an empty one.
    async fn trailers(&mut self) -> Option<()> {
        loop {
            match self.buffer.windows(2).position(|w| w == b"\r\n") {
                Some(end) => {
                    self.buffer.drain(..end + 2);
                    if end == 0 {
                        return Some(());
                    }
                }
                None if self.buffer.len() < AHEAD && self.more().await.ok()? => {}
                None => return None,
            }
        }
    }

    async fn discard(&mut self, length: u64) -> Option<()> {
        let mut left = length;
        loop {
            let here = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.buffer.drain(..here);
            left -= here as u64;
            if left == 0 {
                return Some(());
            }
            if !self.more().await.ok()? {
                return None;
            }
        }
    }

    /// Comes back when the peer has closed the connection. Until then it reads what comes, a little
    /// ahead, so that nothing is lost.
    pub(crate) async fn gone(&mut self) {
        loop {
            if self.buffer.len() >= AHEAD {
                return self.stream.left().await;
            }
            if !matches!(self.more().await, Ok(true)) {
                return;
            }
        }
    }

    async fn more(&mut self) -> io::Result<bool> {
        self.buffer.reserve(1024);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

enum Parsed {
    Whole(Request, usize),
    Part,
    Garbage,
}

fn parse(buffer: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Parsed::Part,
        Err(_) => return Parsed::Garbage,
    };
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let mut request = Request {
        method: head.method.unwrap_or_default().into(),
        target: head.path.unwrap_or_default().into(),
        headers: head.headers.iter().map(|h| (h.name.to_owned(), text(h.value))).collect(),
        ..Request::default()
    };
    request.old = head.version == Some(0);
    Parsed::Whole(request, length)
}
