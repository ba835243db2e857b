//! Which scheme is whose: the one place that knows.
//!
//! An adapter is a flat file behind a feature, with two things in it:
//!
//! - what gets one document: `async fn fetch(…, job: &Job) -> Result<Document, Error>` where it comes
//!   in one piece, or what opens it and then gives a `Step` at a time, where it may be large: one
//!   attempt to get the document of `job.uri()`, of at most `job.max_size()` bytes, whole or as an
//!   error. It keeps no time (`sources` drops it at the deadline, whoever awaits it may do so
//!   earlier), tries nothing twice, tells `job.received(…)` as bytes come, and makes its errors by
//!   `job.error(kind, what)`: the kind decides what the predicates of [`Error`](crate::Error) say,
//!   `what` goes on after the URI in one line and ends with what to do. Text of a client underneath
//!   goes into `.because(&error)`, or into `what`: both are redacted.
//! - what it connects with, if it connects: a client that is cheap to clone, in
//!   `Pools<TheClient>`, one per origin and credentials.
//!
//! It is plugged in at four places: its dependencies under its feature in `Cargo.toml`, its schemes
//! below, its pools and its arm of `way` in `sources.rs`, and, if it gives steps, its variant in
//! `way.rs`; and it passes `tests/it/conformance.rs`.

/// What fetches: one file of this crate each, but for those that share a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Adapter {
    File,
    Http,
    S3,
    Gs,
    Az,
    Mongodb,
    Sqlite,
    Postgres,
    Redis,
}

/// A scheme, its adapter, the feature that brings it, and whether that is on.
struct Scheme(&'static str, Adapter, &'static str, bool);

const SCHEMES: [Scheme; 13] = [
    Scheme("file", Adapter::File, "file", cfg!(feature = "file")),
    Scheme("http", Adapter::Http, "http", cfg!(feature = "http")),
    Scheme("https", Adapter::Http, "http", cfg!(feature = "http")),
    Scheme("s3", Adapter::S3, "s3", cfg!(feature = "s3")),
    Scheme("gs", Adapter::Gs, "gs", cfg!(feature = "gs")),
    Scheme("az", Adapter::Az, "az", cfg!(feature = "az")),
    Scheme("mongodb", Adapter::Mongodb, "mongodb", cfg!(feature = "mongodb")),
    Scheme("mongodb+srv", Adapter::Mongodb, "mongodb", cfg!(feature = "mongodb")),
    Scheme("sqlite", Adapter::Sqlite, "sqlite", cfg!(feature = "sqlite")),
    Scheme("postgres", Adapter::Postgres, "postgres", cfg!(feature = "postgres")),
    Scheme("postgresql", Adapter::Postgres, "postgres", cfg!(feature = "postgres")),
    Scheme("redis", Adapter::Redis, "redis", cfg!(feature = "redis")),
    Scheme("rediss", Adapter::Redis, "redis", cfg!(feature = "redis")),
];

/// Whether this is a scheme of ours, in this build or another.
pub(crate) fn knows(scheme: &str) -> bool {
    SCHEMES.iter().any(|it| it.0 == scheme)
}

/// The adapter of `scheme`, or what to do about there being none.
pub(crate) fn of(scheme: &str) -> Result<Adapter, String> {
    match SCHEMES.iter().find(|it| it.0 == scheme) {
        Some(Scheme(_, adapter, _, true)) => Ok(*adapter),
        Some(Scheme(_, _, feature, false)) => Err(format!(
            "{scheme}: is not in this build; build codap-sources with feature \"{feature}\""
        )),
        None => {
            let list = |on| {
                let names = SCHEMES.iter().filter(|it| it.3 == on).map(|it| it.0);
                names.collect::<Vec<_>>().join(", ")
            };
            let mut text = format!("there is no source for {scheme}:; known are {}", list(true));
            let off = list(false);
            if !off.is_empty() {
                text.push_str(&format!(" (not in this build: {off})"));
            }
            Err(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_lists_the_known_ones() {
        let told = of("ftp").expect_err("there is no ftp");
        assert!(told.contains("ftp") && told.contains("https") && told.contains("redis"), "{told}");
    }
}
