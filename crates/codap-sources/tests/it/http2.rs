//! HTTP/2 servers that refuse, reset, go away and fall silent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use codap_sources::{Error, Sources};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::conformance::{By, check_error, uri};
use crate::tls::Authority;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The stream is refused before anything was done.
    Refused,
    /// The stream is reset with half of the body sent.
    ResetHalfway,
    /// The stream ends with half of the body sent.
    EndsHalfway,
    /// Half of the body is sent, and nothing more.
    SilentHalfway,
    /// The connection is told to go away, and closed.
    GoAway,
    /// The same, with half of the body sent.
    GoAwayHalfway,
}

const BODY: &[u8] = &[7; 1000];

struct Server {
    url: String,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(authority: &Authority, fault: Fault) -> Server {
    let (certificate, key) = authority.certify("127.0.0.1", |_| {});
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { talk(&acceptor, stream, fault).await });
        }
    });
    Server { url, serving }
}

async fn talk(acceptor: &TlsAcceptor, stream: TcpStream, fault: Fault) -> Option<()> {
    let stream = acceptor.accept(stream).await.ok()?;
    let mut connection = h2::server::handshake(stream).await.ok()?;
    // What is not to end is kept here.
    let mut kept = Vec::new();
    while let Some(request) = connection.accept().await {
        let (request, reply) = request.ok()?;
        assert_eq!(request.version(), http::Version::HTTP_2);
        if let Some(body) = answer(&request, reply, fault) {
            kept.push(body);
        }
        if matches!(fault, Fault::GoAway | Fault::GoAwayHalfway) {
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        }
    }
    Some(())
}

fn answer(
    _: &Request<RecvStream>,
    mut reply: SendResponse<Bytes>,
    fault: Fault,
) -> Option<h2::SendStream<Bytes>> {
    match fault {
        Fault::Refused => reply.send_reset(Reason::REFUSED_STREAM),
        Fault::GoAway => {}
        _ => {
            let head = Response::builder().header("content-length", BODY.len());
            let mut body = reply.send_response(head.body(()).unwrap(), false).ok()?;
            let is_whole = fault == Fault::None;
            let sent = if is_whole { BODY } else { &BODY[..BODY.len() / 2] };
            let ends = is_whole || fault == Fault::EndsHalfway;
            body.send_data(Bytes::from_static(sent), ends).ok()?;
            match fault {
                Fault::ResetHalfway => body.send_reset(Reason::INTERNAL_ERROR),
                Fault::SilentHalfway | Fault::GoAwayHalfway => return Some(body),
                _ => {}
            }
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_http_2_passes_for_a_document() {
    let authority = Authority::new("http2");
    let timeout = Duration::from_secs(1);
    let patient = authority.trusted().build().unwrap();
    let hasty = authority.trusted().timeout(timeout).build().unwrap();
    let is_broken: fn(&Error) -> bool = |it| it.is_incomplete() && it.is_transient();
    for (fault, is) in [
        (Fault::None, None),
        (Fault::Refused, Some(is_broken)),
        (Fault::ResetHalfway, Some(is_broken)),
        (Fault::EndsHalfway, Some(is_broken)),
        (Fault::SilentHalfway, Some(Error::is_timeout as fn(&Error) -> bool)),
        (Fault::GoAway, Some(is_broken)),
        (Fault::GoAwayHalfway, Some(is_broken)),
    ] {
        let server = serve(&authority, fault).await;
        for by in [By::Fetch, By::Open] {
            let sources = if fault == Fault::SilentHalfway { &hasty } else { &patient };
            let got = get(by, sources, &server.url).await;
            match (got, is) {
                (Ok(bytes), None) => assert_eq!(bytes, BODY, "{fault:?}, {by:?}"),
                (Err(error), Some(is)) => {
                    check_error(&error, &server.url);
                    assert!(is(&error), "{fault:?}, {by:?}: {error:?}");
                }
                (got, _) => panic!("{fault:?}, {by:?}: {got:?}"),
            }
        }
    }
}

async fn get(by: By, sources: &Sources, url: &str) -> Result<Bytes, Error> {
    let getting = by.get(sources.clone(), uri(url));
    let got = tokio::time::timeout(Duration::from_secs(60), getting).await.expect("it ends");
    got.map(|got| got.bytes)
}
