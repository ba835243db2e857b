//! `http://` and `https://`: a GET, and where it leads.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_RANGE, LOCATION, RANGE,
};
use reqwest::{Method, Request, Response, StatusCode};
use url::Url;

use crate::client::Client;
use crate::decode::ACCEPTED;
use crate::download::Peer;
use crate::error::{Error, Kind};
use crate::head::Resume;
use crate::job::Job;
use crate::refusal;
use crate::settings::Settings;
use crate::trouble::Trouble;
use crate::uri::{Uri, strip};

/// As many redirects are followed.
const REDIRECTS: usize = 10;

/// The web: a client, and what each origin is to be told.
#[derive(Debug)]
pub(crate) struct Web {
    client: Client,
    /// By origin. The values are marked as sensitive.
    headers: HashMap<String, HeaderMap>,
}

impl Web {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let mut headers = HashMap::<String, HeaderMap>::new();
        for header in &settings.headers {
            let wrong = |what: &str| {
                let name = &header.name;
                Error::new(Kind::Invalid, &header.origin, format!("header {name:?} {what}"))
            };
            let name: HeaderName =
                header.name.parse().map_err(|_| wrong("has a name that HTTP does not allow"))?;
            let mut value: HeaderValue = (header.value.parse())
                .map_err(|_| wrong("has a value that HTTP does not allow"))?;
            value.set_sensitive(true);
            headers.entry(header.origin.clone()).or_default().append(name, value);
        }
        let client = Client::new(settings.refuse_private_addresses, &settings.environment);
        Ok(Self { client, headers })
    }
}

impl Peer for Arc<Web> {
    const JUDGED: usize = 0;

    fn judge(&self, _: &[u8]) -> Option<Trouble> {
        None
    }

    async fn open(&self, job: &Job, resume: Option<&Resume>) -> Result<Response, Error> {
        let start = job.uri().url().ok_or_else(|| malformed(job))?;
        let mut url = start.clone();
        let mut credentials = self.credentials(job.uri());
        for _ in 0..=REDIRECTS {
            let mut request = Request::new(Method::GET, url);
            let headers = request.headers_mut();
            // The length of what comes packed is not that of the document.
            let accepted = if job.is_streamed() { "identity" } else { ACCEPTED };
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            if let Some(resume) = resume {
                let range = format!("bytes={}-", resume.offset);
                headers.insert(RANGE, range.try_into().map_err(|_| malformed(job))?);
                headers.insert(IF_RANGE, resume.validator.clone());
            }
            for (name, value) in credentials.iter().flatten() {
                headers.append(name, value.clone());
            }
            let response = self.client.send(request).await.map_err(|it| it.into_error(job))?;
            let Some(next) = next(job, &response)? else {
                return checked(job, response, resume.is_some());
            };
            // Once a redirect has led away they stay here, even if another one leads back.
            credentials = credentials.filter(|_| is_same_origin(&next, start));
            url = next;
        }
        Err(job.error(Kind::Failed, format!("redirects more than {REDIRECTS} times; a circle?")))
    }
}

impl Web {
    /// What the origin of `uri` is to be told, of which the URI's own user-info counts most.
    fn credentials(&self, uri: &Uri) -> Option<HeaderMap> {
        // An origin has to be put together first.
        let mut headers = match self.headers.is_empty() {
            true => None,
            false => self.headers.get(uri.origin()).cloned(),
        };
        if let Some((user, password)) = uri.user_info() {
            let pair = STANDARD.encode(format!("{user}:{}", password.unwrap_or_default()));
            let mut value = HeaderValue::try_from(format!("Basic {pair}"))
                .expect("base64 is of letters that headers may hold");
            value.set_sensitive(true);
            headers.get_or_insert_default().insert(AUTHORIZATION, value);
        }
        headers
    }
}

/// A whole document, or a part if one was asked for.
fn checked(job: &Job, response: Response, part: bool) -> Result<Response, Error> {
    match response.status() {
        StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => Ok(response),
        StatusCode::NO_CONTENT => Ok(response),
        StatusCode::PARTIAL_CONTENT if part => Ok(response),
        status => Err(refusal::of(status, response.headers()).into_error(job)),
    }
}

/// Where `response` sends on to.
fn next(job: &Job, response: &Response) -> Result<Option<Url>, Error> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION);
    let location = location.and_then(|it| std::str::from_utf8(it.as_bytes()).ok());
    let Some(Ok(mut url)) = location.map(|location| response.url().join(location)) else {
        let what = format!("answered {} without a proper Location", response.status());
        return Err(job.error(Kind::Invalid, what));
    };
    if !matches!(url.scheme(), "http" | "https") {
        let what =
            format!("redirects to {}:, which is not followed; only http(s) is", url.scheme());
        return Err(job.error(Kind::Unsupported, what));
    }
    // Whoever redirects has no say in who is asked as whom.
    strip(&mut url);
    Ok(Some(url))
}

fn is_same_origin(a: &Url, b: &Url) -> bool {
    let origin = |url: &'_ Url| (url.scheme().to_owned(), url.port_or_known_default());
    origin(a) == origin(b) && a.host() == b.host()
}

fn malformed(job: &Job) -> Error {
    job.error(Kind::Invalid, "is malformed: write https://host/…")
}
