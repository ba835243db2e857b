//! `http://` and `https://`.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap};

use crate::document::Document;
use crate::error::{Error, Kind};
use crate::job::Job;
use crate::settings::Settings;

/// One pool of connections for all origins.
pub(crate) struct Client {
    inner: reqwest::Client,
}

impl Client {
    pub(crate) fn new(_settings: &Settings) -> Result<Self, Error> {
        use rustls_platform_verifier::BuilderVerifierExt;
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|tls| tls.with_platform_verifier())
            .map_err(|error| Error::new(Kind::Failed, &"", "TLS").because(&error))?
            .with_no_client_auth();
        let inner = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::new(Kind::Failed, &"", "client").because(&error))?;
        Ok(Self { inner })
    }
}

pub(crate) async fn fetch(client: &Client, job: &Job<'_>) -> Result<Document, Error> {
    let failed = |error: reqwest::Error| {
        let kind = if error.is_connect() { Kind::Connect } else { Kind::Incomplete };
        job.error(kind, format!("no reply: {error}")).because(&error)
    };
    let mut response = client.inner.get(job.uri().text()).send().await.map_err(failed)?;
    let status = response.status();
    let kind = match status {
        StatusCode::OK => None,
        StatusCode::NOT_FOUND | StatusCode::GONE => Some(Kind::NotFound),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(Kind::Unauthorized),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some(Kind::Busy),
        _ => Some(Kind::Failed),
    };
    if let Some(kind) = kind {
        return Err(job.error(kind, format!("the server answered {status}")));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        job.received(chunk.len());
        job.check_size((bytes.len() + chunk.len()) as u64)?;
        bytes.extend_from_slice(&chunk);
    }
    let headers: &HeaderMap = response.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    Ok(Document::new(job.uri(), bytes.into())
        .with_content_type(text(CONTENT_TYPE))
        .with_version(text(ETAG)))
}
