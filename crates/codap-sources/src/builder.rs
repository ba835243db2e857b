//! How sources are to behave, said before the first fetch.

use std::time::Duration;

use crate::error::Error;
#[cfg(feature = "http")]
use crate::error::Kind;
#[cfg(feature = "http")]
use crate::settings::Header;
use crate::settings::Settings;
use crate::sources::Sources;
#[cfg(feature = "http")]
use crate::uri::Uri;

impl Sources {
    /// Sources with other bounds than the defaults, or with headers.
    pub fn builder() -> Builder {
        Builder { settings: Settings::default() }
    }
}

/// How sources are to behave: from [`Sources::builder`].
///
/// ```
/// use std::time::Duration;
/// use codap_sources::Sources;
///
/// let sources = Sources::builder()
///     .max_size(1 << 20)
///     .timeout(Duration::from_secs(2))
///     .header("https://api.example.org", "authorization", "Bearer 123")
///     .build()?;
/// # Ok::<(), codap_sources::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    settings: Settings,
}

impl Builder {
    /// The most bytes that a document may have, decoded: a larger one is an error,
    /// [`is_too_large`](Error::is_too_large), as soon as that is known. Default: 64 MiB.
    ///
    /// A fetch holds at most this much and a few buffers; `n` at once hold `n` times as much.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.settings.max_size = bytes;
        self
    }

    /// The same for [`open`](Sources::open), which holds a chunk at a time whatever this is.
    /// Default: no bound. What a database gives comes whole, within [`max_size`](Self::max_size).
    pub fn max_streamed_size(mut self, bytes: u64) -> Self {
        self.settings.max_streamed_size = bytes;
        self
    }

    /// The longest that a fetch may take, everything included: resolving, connecting, redirects,
    /// the whole body. After that it is an error, [`is_timeout`](Error::is_timeout). Default: 30 s.
    /// Beyond the end of time (`Duration::MAX`) is never. For a [`Body`](crate::Body) it is the
    /// longest that its first byte may take, and then each next one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sends a header with every HTTP request to `origin` (`https://host` or `https://host:port`),
    /// and to nobody else: it is left out once a redirect leads away from there. Its value is
    /// treated as a secret. The same name once more adds a second value.
    #[cfg(feature = "http")]
    pub fn header(
        mut self,
        origin: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        let (origin, name, value) = (origin.into(), name.into(), value.into());
        self.settings.headers.push(Header { origin, name, value });
        self
    }

    /// Whether to refuse to connect to addresses that are not public: loopback, private, link-local
    /// (the cloud's metadata service) and so on, by name, by number or by redirect. A name is
    /// resolved once, and its checked address is the one that is connected to. A proxy of the
    /// environment, which would do the resolving, is not used then. For programs that fetch what
    /// strangers tell them to; it holds for http(s), and not for object stores, whose endpoints come from
    /// the environment. Default: no.
    #[cfg(feature = "http")]
    pub fn refuse_private_addresses(mut self, refuse: bool) -> Self {
        self.settings.refuse_private_addresses = refuse;
        self
    }

    /// Stands in for an environment variable, in these sources only: two accounts in one program,
    /// or credentials from elsewhere. An empty value is as if the variable were not set.
    ///
    /// ```
    /// # use codap_sources::Sources;
    /// let sources = Sources::builder()
    ///     .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    ///     .env("AWS_ALLOW_HTTP", "true")
    ///     .build()?;
    /// # Ok::<(), codap_sources::Error>(())
    /// ```
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.environment.set(name.into(), value.into());
        self
    }

    /// The sources. Nothing is connected to yet.
    ///
    /// # Errors
    /// If a header's origin is not one of http or https, or its name or value cannot be sent.
    pub fn build(self) -> Result<Sources, Error> {
        #[cfg(feature = "http")]
        let settings = with_origins(self.settings)?;
        #[cfg(not(feature = "http"))]
        let settings = self.settings;
        Sources::with(settings)
    }
}

/// The headers' origins as URIs have them.
#[cfg(feature = "http")]
fn with_origins(mut settings: Settings) -> Result<Settings, Error> {
    for header in &mut settings.headers {
        let uri: Uri = header.origin.parse()?;
        if !matches!(uri.scheme(), "http" | "https") {
            let what = "cannot get a header: only http and https have them";
            return Err(Error::new(Kind::Unsupported, &uri, what));
        }
        uri.origin().clone_into(&mut header.origin);
    }
    Ok(settings)
}
