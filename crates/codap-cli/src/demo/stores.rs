//! The stores of the demo, each real and small: two web services and an object store over HTTP on
//! the loopback, with latencies; a database in a file; and a document store, a real one if given.

use std::io;
use std::time::Duration;

use codap_sources::Sources;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::document_store::DocumentStore;
use super::latency::Latency;
use super::photo::landscape;
use super::server::{Reply, Server};
use super::site;
use crate::stop::Stop;

const fn around(millis: u64) -> Latency {
    Latency { median: Duration::from_millis(millis), spread: 0.35 }
}

/// Where a kind of thing is kept, and how long it takes to say so.
const DOCUMENTS: Latency = around(28);
const OBJECTS: Latency = around(75);

/// The parts of the web service, and how slow each is.
fn part(path: &str) -> Option<(Value, Latency)> {
    Some(match path {
        "/friends" => (site::friends(), around(70)),
        "/comments" => (site::comments(), around(85)),
        "/weather" => (site::weather(), around(120)),
        "/news" => (site::news(), around(95)),
        "/trending" => (site::trending(), around(150)),
        _ => return None,
    })
}

/// All stores, until it is dropped.
pub(super) struct Stores {
    web: Server,
    objects: Server,
    folder: TempDir,
    pub(super) documents: DocumentStore,
}

impl Stores {
    pub(super) async fn start(seed: u64, mongodb: Option<&str>) -> Result<Self, Stop> {
        let refused = |error: io::Error| Stop::fatal(format!("cannot start a store: {error}"));
        let web = Server::start(move |target| web(seed, target)).await.map_err(refused)?;
        let objects = Server::start(move |target| object(seed, target)).await.map_err(refused)?;
        let folder = tempfile::tempdir().map_err(refused)?;
        database(&folder)
            .map_err(|error| Stop::fatal(format!("cannot make the database: {error}")))?;
        let documents = match mongodb {
            Some(uri) => DocumentStore::real(uri).await?,
            None => {
                let server = Server::start(move |target| document(seed, target)).await;
                DocumentStore::Embedded(server.map_err(refused)?)
            }
        };
        Ok(Self { web, objects, folder, documents })
    }

    pub(super) fn web(&self) -> &str {
        self.web.origin()
    }

    pub(super) fn objects(&self) -> &str {
        self.objects.origin()
    }

    /// The path of the database.
    pub(super) fn database(&self) -> String {
        self.folder.path().join("site.db").display().to_string()
    }

    /// Sources that know these stores, with no connection open.
    pub(super) fn sources(&self) -> Result<Sources, Stop> {
        let unset = [
            "AWS_ENDPOINT_URL_S3",
            "AWS_SESSION_TOKEN",
            "AWS_SKIP_SIGNATURE",
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        ];
        let builder = unset.iter().fold(Sources::builder(), |builder, name| builder.env(*name, ""));
        builder
            .env("AWS_ENDPOINT_URL", self.objects())
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "demo")
            .env("AWS_SECRET_ACCESS_KEY", "demo")
            .build()
            .map_err(|error| Stop::fatal(error.to_string()))
    }
}

fn json(value: &Value, after: Duration) -> Reply {
    let body = value.to_string().into_bytes();
    Reply { status: "200 OK", content_type: "application/json", body, after }
}

fn not_found(content_type: &'static str, body: &str) -> Reply {
    let (body, after) = (body.as_bytes().to_vec(), Duration::ZERO);
    Reply { status: "404 Not Found", content_type, body, after }
}

fn web(seed: u64, target: &str) -> Reply {
    match part(target.split('?').next().unwrap_or_default()) {
        Some((value, latency)) => json(&value, latency.of(seed, target)),
        None => not_found("application/json", "{}"),
    }
}

fn document(seed: u64, target: &str) -> Reply {
    let value = match target {
        "/users/7" => site::user(),
        "/albums?owner=7" => site::albums(),
        _ => return not_found("application/json", "{}"),
    };
    json(&value, DOCUMENTS.of(seed, target))
}

/// S3 as a client that reads sees it: `/bucket/key`.
fn object(seed: u64, target: &str) -> Reply {
    let key = target.split('?').next().and_then(|path| path.strip_prefix("/photos/"));
    let nth = key.and_then(|key| site::PHOTOS.iter().position(|photo| photo.0 == key));
    match nth {
        Some(nth) => Reply {
            status: "200 OK",
            content_type: "image/svg+xml",
            body: landscape(seed, nth, site::PHOTOS[nth].0).into_bytes(),
            after: OBJECTS.of(seed, target),
        },
        None => not_found(
            "application/xml",
            "<Error><Code>NoSuchKey</Code><Message>There is no such key.</Message></Error>",
        ),
    }
}

fn database(folder: &TempDir) -> rusqlite::Result<()> {
    let database = Connection::open(folder.path().join("site.db"))?;
    database.execute_batch(
        "create table photos (key text, title text, place text, owner integer, likes integer)",
    )?;
    for ((key, title, place), likes) in site::PHOTOS.iter().zip(site::LIKES) {
        database.execute(
            "insert into photos values (?1, ?2, ?3, 7, ?4)",
            rusqlite::params![key, title, place, likes],
        )?;
    }
    Ok(())
}
