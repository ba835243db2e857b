//! A small HTTP/1.1 server on the loopback: it answers GET, and takes its time for it.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A request's head is not longer.
const HEAD_MAX: usize = 16 << 10;

/// What is answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    /// What it takes until the answer begins.
    pub(super) after: Duration,
}

/// A server on a free port, until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    origin: String,
    task: AbortHandle,
}

impl Server {
    /// Answers each target (path and query) as `reply` says.
    pub(super) async fn start(
        reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let reply = Arc::new(reply);
        let task = tokio::spawn(async move {
            // Without an end: the task is stopped with the server.
            while let Ok((stream, _)) = listener.accept().await {
                let reply = reply.clone();
                // A client that breaks off has what it wanted.
                tokio::spawn(async move { drop(serve(stream, &*reply).await) });
            }
        });
        Ok(Self { origin, task: task.abort_handle() })
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, one request after another.
async fn serve(mut stream: TcpStream, reply: &(impl Fn(&str) -> Reply + Sync)) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::new();
    loop {
        let (target, used) = loop {
            if let Some(found) = head(&read)? {
                break found;
            }
            if read.len() > HEAD_MAX || stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        read.drain(..used);
        let Reply { status, content_type, body, after } = reply(&target);
        tokio::time::sleep(after).await;
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             ETag: \"{:x}\"\r\nLast-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\n\r\n",
            body.len(),
            body.iter().fold(7_u64, |hash, &byte| hash.wrapping_mul(31) ^ u64::from(byte)),
        );
        stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    }
}

/// The target of the request, and its length, once all of it is there. None has a body.
fn head(read: &[u8]) -> io::Result<Option<(String, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(read) {
        Ok(httparse::Status::Complete(used)) => {
            Ok(Some((request.path.unwrap_or_default().to_owned(), used)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}
