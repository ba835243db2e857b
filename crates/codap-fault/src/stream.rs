//! A connection's bytes, plain or over TLS, and the ways to end it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;

#[cfg(feature = "tls")]
type Encrypted = tokio_rustls::server::TlsStream<TcpStream>;

pub(crate) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<Encrypted>),
}

impl Stream {
    fn tcp(self) -> TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.into_inner().0,
        }
    }

    /// Comes back when the peer has closed its side; what it sends is not read.
    pub(crate) async fn left(&self) {
        left(match self {
            Self::Plain(tcp) => tcp,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.get_ref().0,
        })
        .await;
    }

    /// Ends it with a reset.
    pub(crate) fn reset(self) {
        reset(self.tcp());
    }

    /// Ends it with a FIN, and over TLS without a word before.
    pub(crate) async fn hang_up(self) {
        hang_up(self.tcp()).await;
    }

    /// Ends it as it should be.
    pub(crate) async fn close(mut self) {
        if self.shutdown().await.is_ok() {
            discard(&self.tcp());
        }
    }
}

pub(crate) fn reset(tcp: TcpStream) {
    // A socket that cannot be told so is gone already.
    drop(tcp.set_zero_linger());
    drop(tcp);
}

pub(crate) async fn hang_up(mut tcp: TcpStream) {
    discard(&tcp);
    drop(tcp.shutdown().await);
}

/// Comes back when the peer has closed its side; what it sends is not read.
pub(crate) async fn left(tcp: &TcpStream) {
    while let Ok(ready) = tcp.ready(Interest::READABLE).await {
        if ready.is_read_closed() {
            return;
        }
        // Says that nothing more is to be read, and so waits for the next news.
        let _: io::Result<()> =
            tcp.try_io(Interest::READABLE, || Err(io::ErrorKind::WouldBlock.into()));
    }
}

/// Takes what has come in: the system resets a socket that is closed with unread bytes.
fn discard(tcp: &TcpStream) {
    let mut rest = [0; 4096];
    while tcp.try_read(&mut rest).is_ok_and(|read| read > 0) {}
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
