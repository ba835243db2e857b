//! The HTTP client that the adapters share: reqwest without its policies.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Request, Response};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::address::{self, PublicOnly};
use crate::error::Kind;
use crate::trouble::Trouble;

/// One pool of connections for all origins. Redirects, retries, decoding and timeouts of reqwest
/// are off: these are codap's.
#[derive(Debug)]
pub(crate) struct Client {
    public_only: bool,
    inner: OnceLock<Result<reqwest::Client, Trouble>>,
}

/// An idle connection is let go before most servers do, so that few requests meet one that is
/// just being closed.
const IDLE: Duration = Duration::from_secs(30);

impl Client {
    /// Nothing is made before the first request: reading the certificates takes milliseconds.
    pub(crate) fn new(public_only: bool) -> Self {
        Self { public_only, inner: OnceLock::new() }
    }

    /// Sends `request`, to the first byte of the body.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Trouble> {
        if self.public_only {
            address::check(request.url())
                .map_err(|it| Trouble::new(Kind::Connect, it.to_string()).transient(false))?;
        }
        let client = self.inner.get_or_init(|| connect(self.public_only)).as_ref();
        let client = client.map_err(Clone::clone)?;
        let url = request.url();
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
        let place = format!("{host}:{}", port.unwrap_or_default());
        client.execute(request).await.map_err(|error| Trouble::of_request(error, &place))
    }
}

fn connect(public_only: bool) -> Result<reqwest::Client, Trouble> {
    let mut client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("codap/", env!("CARGO_PKG_VERSION")));
    if public_only {
        client = client.dns_resolver(Arc::new(PublicOnly)).no_proxy();
    }
    client.build().map_err(|error| failed("no HTTP client", &error))
}

/// TLS with the certificates of the operating system (`SSL_CERT_FILE` and `SSL_CERT_DIR` override
/// them). Where there are none, every `https` fails as signed by nobody known, and `http` works.
fn tls() -> Result<ClientConfig, Trouble> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed("no TLS", &error))
    };
    let builder = match builder()?.with_platform_verifier() {
        Ok(verified) => verified,
        Err(_) => builder()?.with_root_certificates(rustls::RootCertStore::empty()),
    };
    let mut tls = builder.with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

fn failed(what: &str, error: &dyn std::error::Error) -> Trouble {
    Trouble::new(Kind::Failed, format!("{what} could be set up: {error}"))
}
