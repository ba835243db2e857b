//! One bad peer: what it does, and what has to become of a fetch from it.

use std::time::{Duration, Instant};

use codap_fault::{Body, On, Reply, Script, Server};
use codap_sources::{Builder, Error, Sources};
use futures_util::{StreamExt, stream};

use crate::canary::{self, SECRET};
use crate::conformance::{By, Got, check_error, uri};

/// What speaks HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Http,
    #[cfg(feature = "s3")]
    S3,
}

impl Source {
    /// Sources whose every credential is a canary.
    pub(crate) fn builder(self, server: &Server) -> Builder {
        let origin = server.url("/");
        let builder = Sources::builder().max_size(MAX_SIZE).timeout(TIMEOUT);
        let builder = builder.max_streamed_size(MAX_SIZE);
        match self {
            Self::Http => builder.header(origin, "x-api-key", SECRET),
            #[cfg(feature = "s3")]
            Self::S3 => builder
                .env("AWS_ENDPOINT_URL", origin.trim_end_matches('/'))
                .env("AWS_ALLOW_HTTP", "true")
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", SECRET)
                .env("AWS_SECRET_ACCESS_KEY", SECRET)
                .env("AWS_SESSION_TOKEN", SECRET),
        }
    }

    /// The document that the server has at `/case/NAME`.
    pub(crate) fn uri(self, server: &Server, name: &str) -> String {
        match self {
            Self::Http => server
                .url(&format!("/case/{name}?token={SECRET}"))
                .replace("http://", &format!("http://ada:{SECRET}@")),
            #[cfg(feature = "s3")]
            Self::S3 => format!("s3://case/{name}"),
        }
    }
}

pub(crate) const MAX_SIZE: u64 = 300_000;
const TIMEOUT: Duration = Duration::from_secs(60);
/// For peers that never come to an end.
const SHORT: Duration = Duration::from_secs(1);
/// How much later than its deadline a fetch may end here, on a machine that does other things too.
const LATE: Duration = Duration::from_secs(10);

/// The document that the peers promise, and its bytes.
pub(crate) const SIZE: u64 = 100_000;
pub(crate) fn body() -> Body {
    Body::Generated { size: SIZE, seed: 7 }
}
pub(crate) fn bytes() -> Vec<u8> {
    codap_fault::generated(7, 0..SIZE)
}

/// A reply that is as it should be.
pub(crate) fn good() -> Reply {
    Reply::ok(body())
}

pub(crate) enum Expect {
    Whole,
    /// The start of it, so many bytes: all that was promised.
    Start(u64),
    /// What is there, marked as not known to be all.
    Unverified,
    Refused(fn(&Error) -> bool),
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    script: Script,
    expect: Expect,
    /// What becomes of it when it is opened, if that is something else.
    opened: Option<Expect>,
    /// How many requests it takes.
    requests: u64,
    /// It ends by the deadline.
    never_ends: bool,
    /// A stream of it has no end of its own.
    fetch_only: bool,
    /// Not for S3, whose client follows no redirects.
    http_only: bool,
}

impl Case {
    pub(crate) fn new(name: &'static str, reply: Reply, expect: Expect) -> Self {
        let script = Script::new().rule(On::any(), reply);
        Self::scripted(name, script, expect)
    }

    /// A peer whose reply no client should take.
    pub(crate) fn refused(name: &'static str, reply: Reply, how: fn(&Error) -> bool) -> Self {
        Self::new(name, reply, Expect::Refused(how))
    }

    /// A peer of more than one rule.
    pub(crate) fn scripted(name: &'static str, script: Script, expect: Expect) -> Self {
        let (never_ends, fetch_only, http_only) = (false, false, false);
        Self { name, script, expect, opened: None, requests: 1, never_ends, fetch_only, http_only }
    }

    /// Opened, it ends like this.
    pub(crate) fn opened(self, expect: Expect) -> Self {
        Self { opened: Some(expect), ..self }
    }

    pub(crate) fn requests(self, requests: u64) -> Self {
        Self { requests, ..self }
    }

    pub(crate) fn never_ends(self) -> Self {
        Self { never_ends: true, ..self }
    }

    pub(crate) fn fetch_only(self) -> Self {
        Self { fetch_only: true, ..self }
    }

    pub(crate) fn http_only(self) -> Self {
        Self { http_only: true, ..self }
    }

    async fn run(self, source: Source, by: By) -> Result<(), String> {
        let (expect, never_ends) = match self.opened {
            // It may still end, or at another time.
            Some(opened) if by == By::Open => (opened, false),
            _ => (self.expect, self.never_ends),
        };
        let server = self.script.start().await.map_err(|error| error.to_string())?;
        let timeout = if self.never_ends { SHORT } else { TIMEOUT };
        let patience = if never_ends || by == By::Fetch { timeout } else { TIMEOUT };
        let sources = source.builder(&server).timeout(timeout).build().unwrap();
        let text = source.uri(&server, self.name);
        let began = Instant::now();
        let fetching = tokio::time::timeout(patience + LATE, by.get(sources, uri(&text)));
        let reply = fetching.await.map_err(|_| "hangs past its deadline".to_owned())?;
        if never_ends && began.elapsed() < timeout {
            return Err(format!("ended before its time: {:?}", reply.err()));
        }
        judge(&expect, &reply)?;
        if let Err(error) = &reply {
            check_error(error, &text);
            if never_ends && !error.is_timeout() {
                return Err(format!("is no timeout: {error}"));
            }
        }
        let requests = server.counters().requests;
        // One that is never answered may, on a busy machine, not have been read either.
        let unread = never_ends && requests == 0;
        if requests != self.requests && !unread {
            return Err(format!("{requests} requests, not {}: {:?}", self.requests, reply.err()));
        }
        Ok(())
    }
}

fn judge(expect: &Expect, reply: &Result<Got, Error>) -> Result<(), String> {
    let good = bytes();
    let right = match (expect, reply) {
        (Expect::Refused(how), Err(error)) => how(error),
        (Expect::Whole, Ok(got)) => got.bytes == good && got.is_length_verified,
        (Expect::Start(size), Ok(got)) => {
            got.bytes.len() as u64 == *size && good.starts_with(&got.bytes)
        }
        (Expect::Unverified, Ok(got)) => good.starts_with(&got.bytes) && !got.is_length_verified,
        _ => false,
    };
    if right {
        Ok(())
    } else {
        Err(format!("gave {:?}", reply.as_ref().map(|got| got.bytes.len())))
    }
}

/// Runs them all, some at a time; what failed, by name.
pub(crate) async fn run_all(source: Source, by: By, cases: Vec<Case>) -> Vec<String> {
    canary::watch();
    let cases = cases.into_iter().filter(|case| source == Source::Http || !case.http_only);
    let cases = cases.filter(|case| by == By::Fetch || !case.fetch_only);
    let runs = cases.map(|case| async move {
        let name = case.name;
        // In a task of its own, so that a panic is that case's failure.
        match tokio::spawn(case.run(source, by)).await {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(format!("{name}: {why}")),
            Err(panic) => Some(format!("{name}: {panic}")),
        }
    });
    let failures = stream::iter(runs).buffer_unordered(8).filter_map(std::future::ready);
    let failures = failures.collect().await;
    canary::check_logs();
    failures
}
