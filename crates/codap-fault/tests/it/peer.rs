//! A client on a raw socket: what it does not send is not sent, what it reads is what came.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use codap_fault::{On, Reply, Script, Server};

/// No wait of a test is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Peer {
    stream: TcpStream,
    ahead: Vec<u8>,
}

/// How a connection ended for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed,
    Reset,
}

/// One reply, read by its own framing.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }
}

impl Peer {
    pub(crate) fn new(server: &Server) -> Self {
        Self::at(server.address())
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
        Self { stream, ahead: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    pub(crate) fn ask(&mut self, path: &str) {
        self.ask_with(path, "");
    }

    /// With more header lines, each with its end.
    pub(crate) fn ask_with(&mut self, path: &str, headers: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n"));
    }

    pub(crate) fn get(&mut self, path: &str) -> Got {
        self.ask(path);
        self.reply()
    }

    pub(crate) fn get_with(&mut self, path: &str, headers: &str) -> Got {
        self.ask_with(path, headers);
        self.reply()
    }

    /// Reads up to the end of a head, and leaves the rest.
    pub(crate) fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.ahead.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = self.ahead.drain(..end + 4).collect();
                return String::from_utf8(head).expect("the head is text");
            }
            assert!(self.more(), "ended within a head: {:?}", String::from_utf8_lossy(&self.ahead));
        }
    }

    pub(crate) fn reply(&mut self) -> Got {
        let head = self.head();
        let status = head[9..12].parse().expect("a status has three digits");
        let mut got = Got { status, head, body: Vec::new() };
        got.body = if got.header("transfer-encoding") == Some("chunked") {
            self.chunks()
        } else if let Some(length) = got.header("content-length") {
            self.bytes(length.parse().expect("a length is a number"))
        } else {
            self.rest().0
        };
        got
    }

    /// Exactly so many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.ahead.len() < count {
            assert!(self.more(), "ended after {} of {count} bytes", self.ahead.len());
        }
        self.ahead.drain(..count).collect()
    }

    /// All that comes until the connection ends, and how it does.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Ending) {
        let mut all = std::mem::take(&mut self.ahead);
        let mut buffer = [0; 1 << 16];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return (all, Ending::Closed),
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return (all, Ending::Reset),
                Err(e) => panic!("after {} bytes: {e}", all.len()),
            }
        }
    }

    /// That nothing has come, and nothing is on its way as far as the system knows.
    pub(crate) fn nothing(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("can be set");
        let read = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("can be set");
        self.ahead.is_empty() && read.is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|w| w == b"\r\n") {
                let line = self.ahead.drain(..end + 2).collect();
                return String::from_utf8(line).expect("a line is text");
            }
            assert!(self.more(), "ended within a line");
        }
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.line();
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).expect("a chunk has a size");
            if size == 0 {
                while self.line() != "\r\n" {}
                return body;
            }
            body.extend(self.bytes(size));
            assert_eq!(self.bytes(2), b"\r\n");
        }
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 1 << 16];
        let read = self.stream.read(&mut buffer).expect("something comes, or the end");
        self.ahead.extend_from_slice(&buffer[..read]);
        read > 0
    }
}

/// One request on a connection of its own.
pub(crate) fn get(server: &Server, path: &str) -> Got {
    Peer::new(server).get(path)
}

/// A server with this reply for everything.
pub(crate) fn always(reply: Reply) -> Server {
    serve(Script::new().rule(On::any(), reply))
}

pub(crate) fn serve(script: Script) -> Server {
    script.start_blocking().expect("the server starts")
}
