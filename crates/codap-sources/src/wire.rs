//! A connection to a database, byte by byte: TCP or TLS, and a meter on what comes in.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Kind};
use crate::job::Job;
use crate::tls;

/// A connection on which nothing has been said yet.
pub(crate) struct Wire {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) meter: Arc<Meter>,
}

/// What a client reads from and writes to.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Wire {
    /// Connects over TCP. For a start, `allowed` bytes may come in.
    pub(crate) async fn connect(
        job: &Job,
        (host, port): (&str, u16),
        allowed: u64,
    ) -> Result<Self, Error> {
        let tcp = TcpStream::connect((host, port)).await.map_err(|error| {
            let what = format!(
                "cannot connect to {host}:{port}: {error}; check the address, and whether the \
                 server runs"
            );
            job.error(Kind::Connect, what).because(&error)
        })?;
        // A request is a small packet, and nothing follows that it could wait for.
        let _ = tcp.set_nodelay(true);
        let meter = Arc::new(Meter::default());
        meter.allow(allowed);
        Ok(Self { stream: Box::new(Metered { tcp, meter: meter.clone() }), meter })
    }

    /// The same connection under TLS. The certificate must be for `host`.
    pub(crate) async fn under_tls(self, job: &Job, host: &str) -> Result<Self, Error> {
        let failed = |error: io::Error| {
            let why = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
            match why {
                // The same certificate will not do a little later either.
                Some(why @ rustls::Error::InvalidCertificate(_)) => {
                    job.error(Kind::Connect, tls::explain(why, host)).transient(false)
                }
                _ => {
                    let what = format!("no TLS connection to {host}: {error}");
                    job.error(Kind::Connect, what).because(&error)
                }
            }
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other);
        let tls = TlsConnector::from(
            tls::config(job.environment()).map_err(io::Error::other).map_err(failed)?,
        );
        // A server that does not speak TLS may take it for a beginning and wait for the rest.
        job.waits("TLS was not answered: does the server speak it?");
        let stream = tls.connect(name.map_err(failed)?, self.stream).await.map_err(failed)?;
        job.has_waited();
        Ok(Self { stream: Box::new(stream), meter: self.meter })
    }
}

/// How much came in on a connection, and how much still may. Once more comes, the connection ends:
/// whatever length the other side promised, no client underneath gets to store it.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    came: AtomicU64,
    may: AtomicU64,
}

impl Meter {
    /// From now on, so many bytes may come and no more.
    pub(crate) fn allow(&self, bytes: u64) {
        self.may.store(self.came().saturating_add(bytes), Ordering::Relaxed);
    }

    /// The bytes that came so far.
    pub(crate) fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    /// Whether more came than was allowed.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.came() > self.may.load(Ordering::Relaxed)
    }
}

struct Metered {
    tcp: TcpStream,
    meter: Arc<Meter>,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        let came = (buf.filled().len() - before) as u64;
        self.meter.came.fetch_add(came, Ordering::Relaxed);
        if self.meter.is_exceeded() {
            return Poll::Ready(Err(io::Error::other("more came than max_size allows")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// Host and port of one server, as `host`, `host:port`, `[::1]:port`.
pub(crate) fn host_and_port<'a>(
    job: &Job,
    host: &'a str,
    usual_port: u16,
) -> Result<(&'a str, u16), Error> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => {
            let port = port.parse().map_err(|_| {
                job.error(Kind::Invalid, format!("{port:?} is no port; write host:{usual_port}"))
            })?;
            (name, port)
        }
        _ => (host, usual_port),
    };
    Ok((name.trim_start_matches('[').trim_end_matches(']'), port))
}
