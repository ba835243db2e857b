//! The HTTP client that the adapters share: reqwest without its policies.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Request, Response};
use rustls::ClientConfig;

use crate::address::{self, PublicOnly};
use crate::error::Kind;
use crate::settings::Environment;
use crate::tls;
use crate::trouble::Trouble;

/// One pool of connections for all origins. Redirects, retries, decoding and timeouts of reqwest
/// are off: these are codap's.
#[derive(Debug)]
pub(crate) struct Client {
    public_only: bool,
    environment: Environment,
    inner: OnceLock<Result<reqwest::Client, Trouble>>,
}

/// An idle connection is let go before most servers do, so that few requests meet one that is
/// just being closed.
const IDLE: Duration = Duration::from_secs(30);

impl Client {
    /// Nothing is made before the first request: reading the certificates takes milliseconds.
    pub(crate) fn new(public_only: bool, environment: &Environment) -> Self {
        Self { public_only, environment: environment.clone(), inner: OnceLock::new() }
    }

    fn connect(&self) -> Result<reqwest::Client, Trouble> {
        let failed = |why: String| {
            Trouble::new(Kind::Failed, format!("no HTTP client could be set up: {why}"))
        };
        let mut tls = ClientConfig::clone(&*tls::config(&self.environment).map_err(failed)?);
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("codap/", env!("CARGO_PKG_VERSION")));
        if self.public_only {
            client = client.dns_resolver(Arc::new(PublicOnly)).no_proxy();
        }
        client.build().map_err(|error| failed(error.to_string()))
    }

    /// Sends `request`, to the first byte of the body.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Trouble> {
        if self.public_only {
            address::check(request.url())
                .map_err(|it| Trouble::new(Kind::Connect, it.to_string()).transient(false))?;
        }
        let client = self.inner.get_or_init(|| self.connect()).as_ref();
        let client = client.map_err(Clone::clone)?;
        client.execute(request).await.map_err(Trouble::of_request)
    }
}
