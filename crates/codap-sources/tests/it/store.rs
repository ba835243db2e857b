//! A small store of S3's protocol that fails as it is told, and knows what became of everything.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peer::Peer;

/// What it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Begin,
    Part,
    Complete,
    Abort,
    Head,
}

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is reset, and nothing is done.
    Reset,
    /// It is done, and the connection is reset instead of a reply.
    LostReply,
    /// This status, and nothing is done.
    Refuse(u16, &'static str),
    /// It is done, and this is said all the same.
    RefuseDone(u16),
    /// 200, and an error in the body; nothing is done.
    ErrorUnder200,
    /// It is done, and the reply is 200 with an error in the body.
    ErrorUnder200Done,
    /// It is done, and the reply breaks off in its body.
    CutReply,
    /// Another part than was sent is what arrives.
    Spoil,
}

#[derive(Default)]
pub(crate) struct State {
    /// By id: token and parts.
    pub(crate) uploads: BTreeMap<String, (String, BTreeMap<u32, Vec<u8>>)>,
    /// By path: token and bytes.
    pub(crate) objects: BTreeMap<String, (String, Vec<u8>)>,
    pub(crate) asked: Vec<Op>,
    faults: VecDeque<(Op, Fault)>,
}

pub(crate) struct Store {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
    _peer: Peer,
}

impl Store {
    /// One whose next requests of these kinds fail, each in its turn.
    pub(crate) async fn start(faults: &[(Op, Fault)]) -> Self {
        let state = State { faults: faults.iter().copied().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let peer = Peer::serve(move |stream, _| {
            let state = shared.clone();
            async move {
                let _ = talk(stream, &state).await;
            }
        });
        let peer = peer.await;
        Self { endpoint: format!("http://127.0.0.1:{}", peer.port), state, _peer: peer }
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }
}

async fn talk(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some((head, body)) = request(&mut stream, &mut buffer).await? else { return Ok(()) };
        let (reply, reset) = state.lock().unwrap().answer(&head, body);
        stream.write_all(&reply).await?;
        if reset {
            return stream.set_zero_linger();
        }
    }
}

/// The next request: its head, and its body.
async fn request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let length = header(&head, "content-length").map_or(0, |it| it.parse().unwrap());
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let rest = buffer.split_off(end + length);
    let body = std::mem::replace(buffer, rest).split_off(end);
    Ok(Some((head, body)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn reply(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} It\r\nContent-Length: {length}\r\n{headers}\r\n");
    (head + body).into_bytes()
}

fn error(code: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>It.</Message></Error>")
}

impl State {
    /// The reply, and whether the connection is reset behind it.
    fn answer(&mut self, head: &str, body: Vec<u8>) -> (Vec<u8>, bool) {
        let mut line = head.split_whitespace();
        let (method, target) = (line.next().unwrap(), line.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|pair| pair.0 == name).map(|pair| pair.1.to_owned())
        };
        let id = value("uploadId").unwrap_or_default();
        let op = match method {
            "POST" if id.is_empty() => Op::Begin,
            "POST" => Op::Complete,
            "PUT" => Op::Part,
            "DELETE" => Op::Abort,
            _ => Op::Head,
        };
        self.asked.push(op);
        let at = self.faults.iter().position(|fault| fault.0 == op);
        let fault = at.and_then(|at| self.faults.remove(at)).map(|fault| fault.1);
        match fault {
            Some(Fault::Reset) => return (Vec::new(), true),
            Some(Fault::Refuse(status, code)) => return (reply(status, "", &error(code)), false),
            Some(Fault::ErrorUnder200) => return (reply(200, "", &error("InternalError")), false),
            _ => {}
        }
        let part = value("partNumber").and_then(|it| it.parse().ok()).unwrap_or(0);
        let token = ["x-amz-meta-codap-upload", "x-goog-meta-codap-upload"];
        let token = token.into_iter().find_map(|name| header(head, name)).unwrap_or_default();
        let token = token.to_owned();
        let body = if fault == Some(Fault::Spoil) { b"spoilt".to_vec() } else { body };
        let done = self.done(op, path, &id, part, (token, body));
        match fault {
            Some(Fault::LostReply) => (Vec::new(), true),
            Some(Fault::RefuseDone(status)) => (reply(status, "", &error("InternalError")), false),
            Some(Fault::ErrorUnder200Done) => (reply(200, "", &error("InternalError")), false),
            Some(Fault::CutReply) => (done[..done.len() - 9].to_vec(), true),
            _ => (done, false),
        }
    }

    fn done(
        &mut self,
        op: Op,
        path: &str,
        id: &str,
        part: u32,
        (token, body): (String, Vec<u8>),
    ) -> Vec<u8> {
        let unknown = || reply(404, "", &error("NoSuchUpload"));
        match op {
            Op::Begin => {
                let id = format!("upload-{}", self.uploads.len() + 1);
                self.uploads.insert(id.clone(), (token, BTreeMap::new()));
                let xml = format!("<R><UploadId>{id}</UploadId></R>");
                reply(200, "", &xml)
            }
            Op::Part => {
                let Some((_, parts)) = self.uploads.get_mut(id) else { return unknown() };
                let etag = format!("ETag: \"{}\"\r\n", md5(&body));
                parts.insert(part, body);
                reply(200, &etag, "")
            }
            Op::Complete => {
                let Some((token, parts)) = self.uploads.remove(id) else { return unknown() };
                let bytes = parts.into_values().collect::<Vec<_>>().concat();
                self.objects.insert(path.to_owned(), (token, bytes));
                let xml = "<CompleteMultipartUploadResult><ETag>\"e\"</ETag>\
                           </CompleteMultipartUploadResult>";
                reply(200, "", xml)
            }
            Op::Abort => match self.uploads.remove(id) {
                Some(_) => b"HTTP/1.1 204 It\r\n\r\n".to_vec(),
                None => unknown(),
            },
            Op::Head => match self.objects.get(path) {
                None => b"HTTP/1.1 404 It\r\nContent-Length: 0\r\n\r\n".to_vec(),
                Some((token, bytes)) => format!(
                    "HTTP/1.1 200 It\r\nContent-Length: {}\r\nx-amz-meta-codap-upload: {token}\r\n\
                     x-goog-meta-codap-upload: {token}\r\n\
                     Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nETag: \"e\"\r\n\r\n",
                    bytes.len()
                )
                .into_bytes(),
            },
        }
    }
}

fn md5(bytes: &[u8]) -> String {
    use md5::{Digest, Md5};
    Md5::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
