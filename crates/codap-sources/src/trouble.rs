//! Why a request came to nothing, in words that say what to do.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use crate::address::Private;
use crate::error::{Error, Kind};
use crate::job::Job;
use crate::tls;

/// A failure before it is known of which document.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) transient: bool,
    /// What goes on after the URI.
    pub(crate) what: String,
    pub(crate) retry_after: Option<Duration>,
    cause: Option<std::sync::Arc<reqwest::Error>>,
}

impl Trouble {
    /// Trouble of a kind that is passing, or is not, as that kind mostly is.
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        let (transient, what) = (kind.is_transient(), what.into());
        Self { kind, transient, what, retry_after: None, cause: None }
    }

    pub(crate) fn transient(mut self, transient: bool) -> Self {
        self.transient = transient;
        self
    }

    /// Trouble with a request, before there was a reply.
    pub(crate) fn of_request(error: reqwest::Error) -> Self {
        let host = error.url().and_then(place).unwrap_or_else(|| "the server".to_owned());
        let error = error.without_url();
        let trouble = explain(&error, &host).unwrap_or_else(|| {
            let kind = if error.is_connect() { Kind::Connect } else { Kind::Failed };
            Self::new(kind, format!("no reply from {host}: {}", innermost(&error)))
        });
        Self { cause: Some(std::sync::Arc::new(error)), ..trouble }
    }

    /// A body that broke off, as the text of the reason.
    pub(crate) fn of_body(error: &reqwest::Error) -> String {
        match find::<io::Error>(error).map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionReset) => "the connection was reset".to_owned(),
            Some(io::ErrorKind::UnexpectedEof) => "the connection was closed".to_owned(),
            _ => innermost(error),
        }
    }

    pub(crate) fn into_error(self, job: &Job) -> Error {
        let error =
            job.error(self.kind, self.what).transient(self.transient).after(self.retry_after);
        match self.cause {
            None => error,
            Some(cause) => error.because(&*cause),
        }
    }
}

/// Host and port.
fn place(url: &url::Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn explain(error: &reqwest::Error, host: &str) -> Option<Trouble> {
    let refused = |what: String| Trouble::new(Kind::Connect, what).transient(false);
    if let Some(private) = find::<Private>(error) {
        return Some(refused(private.to_string()));
    }
    if let Some(why) = find::<rustls::Error>(error) {
        return Some(refused(tls::explain(why, host)));
    }
    if let Some(told) = of_name(error, host) {
        return Some(told);
    }
    if error.is_connect() {
        return find::<io::Error>(error)
            .map(|io| Trouble::new(Kind::Connect, of_connection(io, host)));
    }
    let http = find::<hyper::Error>(error);
    if let Some(http) = http {
        if http.is_parse() {
            let what = format!("{host} did not answer in HTTP: {http}");
            return Some(Trouble::new(Kind::Invalid, what));
        }
        if http.is_incomplete_message() {
            let what = format!("{host} closed the connection before it had answered; try again");
            return Some(Trouble::new(Kind::Incomplete, what));
        }
    }
    // What HTTP/2 says of a stream that was refused, or of a connection that goes away.
    let why = find::<io::Error>(error).map(io::Error::to_string).or(http.map(|it| innermost(it)))?;
    let what = format!("the connection to {host} broke before it had answered: {why}; try again");
    Some(Trouble::new(Kind::Incomplete, what))
}

/// A name that no address belongs to.
fn of_name(error: &reqwest::Error, host: &str) -> Option<Trouble> {
    let text = chain(error);
    if !text.contains("failed to lookup address") && !text.contains("dns error") {
        return None;
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    // What getaddrinfo says when the server of names could not be asked.
    let passing = text.contains("emporary failure");
    let what = if passing {
        format!("the name {name} could not be looked up just now; check the network or try again")
    } else {
        format!("the name {name} is not known; check its spelling")
    };
    Some(Trouble::new(Kind::Connect, what).transient(passing))
}

fn of_connection(error: &io::Error, host: &str) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("{host} refused the connection; check the port, and that the server runs")
        }
        io::ErrorKind::TimedOut => {
            format!("{host} does not answer; check the address, and firewalls between")
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            format!("there is no way to {host}; check the network")
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
            format!("{host} broke the connection off while it was made; try again")
        }
        _ => format!("no connection to {host}: {error}"),
    }
}

/// The first error of type `T` in the chain. An `io::Error` hides what it wraps from `source`.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            // An io::Error that wraps another one: the inner one knows.
            let inner = (error.downcast_ref::<io::Error>().and_then(io::Error::get_ref))
                .and_then(|inner| find::<T>(inner));
            return inner.or(Some(found));
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(below) = error.source() {
        error = below;
    }
    error.to_string()
}

/// What all of them said.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let (mut text, mut next) = (String::new(), Some(error));
    while let Some(error) = next {
        text.push_str(&error.to_string());
        text.push('\n');
        next = error.source();
    }
    text
}
