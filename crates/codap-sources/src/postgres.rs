//! `postgres://host[:port]/db?query=select …&param=…&param=…`, and `postgresql://…`.
//!
//! The document is a JSON array of the rows, each an object of its columns, made by the server's
//! own [`row_to_json`](https://www.postgresql.org/docs/current/functions-json.html): numbers with
//! all their digits, `NaN` and infinities as strings, dates and times as ISO 8601 strings, arrays
//! and composite values as arrays and objects, JSON as it is, NULL as `null`, `bytea` as a `\x…`
//! string of hexadecimal digits (`encode(column, 'base64')` in the query gives base64), and
//! everything else as its text.
//!
//! The query becomes a part of that of codap, so it is one that gives rows: `select`, `values`,
//! `table` or `with`. Parameters go for `$1`, `$2`, … and are bound as text that the server reads
//! as the type wanted at that place.
//!
//! User, password and database are those of the URI, else of `PGUSER`, `PGPASSWORD` or the file of
//! `PGPASSFILE` (`~/.pgpass`), and `PGDATABASE`. `sslmode` in the URI or `PGSSLMODE`: `disable` is
//! without TLS; `prefer`, the default, with TLS if the server has it and is not on this machine;
//! `require`, `verify-ca` and `verify-full` only with TLS. A certificate is always checked.
//!
//! Cost: one round trip. The rows are one stream, which is left as soon as it is larger than the
//! limit. A fetch that is dropped asks the server to stop the query.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_core::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::{DbError, ErrorPosition};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client as Session, Config, NoTls, RowStream};

use crate::document::Document;
use crate::error::{Error, Kind};
use crate::job::{Job, Purpose};
use crate::json_names;
use crate::lease::{Connection, Driver, Lease, Left, has_ended};
use crate::pgpass;
use crate::pools::Pools;
use crate::settings::{Environment, Settings};
use crate::uri::Uri;
use crate::wire::{Meter, Wire, host_and_port};

const PORT: u16 = 5432;
/// What may come besides rows: the greeting, notices, errors, the frames of the rows.
const OVERHEAD: u64 = 256 << 10;
/// What stands around the query of the URI.
const BEFORE: &str = "select row_to_json(codap)::text from (\n";
const AFTER: &str = "\n) codap";
const ENDED: &str = "the connection ended before the reply did";
/// Asking the server to stop a query takes a connection of its own; for at most this long.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);

pub(crate) type Client = Pools<Arc<Lease<Link>>>;

/// Where to connect, and as whom.
#[derive(Clone)]
pub(crate) struct Target {
    host: String,
    port: u16,
    tls: Tls,
    settings: Config,
    environment: Environment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Never,
    IfOffered,
    Always,
}

pub(crate) async fn fetch(client: &Client, job: &Job) -> Result<Document, Error> {
    let uri = job.uri();
    let pool = format!("{} {:?} {} {:?}", uri.origin(), uri.user_info(), uri.path(), ssl_mode(job));
    let lease = client.get(&pool, async { target(job).map(Lease::new) }).await?;
    lease.fetch(job).await
}

fn target(job: &Job) -> Result<Target, Error> {
    let (host, port) = host_and_port(job, job.uri().host(), PORT)?;
    let variable = |name| job.environment().get(name);
    let (user, password) = match job.uri().user_info() {
        Some((user, password)) => (Some(user).filter(|it| !it.is_empty()), password),
        None => (None, None),
    };
    let user = user.or_else(|| variable("PGUSER")).or_else(|| variable("USER"));
    let user = user.unwrap_or_else(|| "postgres".to_owned());
    let path = job.uri().path();
    let db = Some(path.trim_start_matches('/').to_owned()).filter(|db| !db.is_empty());
    let db = db.or_else(|| variable("PGDATABASE")).unwrap_or_else(|| user.clone());
    let password = password
        .or_else(|| variable("PGPASSWORD"))
        .or_else(|| pgpass::password(job.environment(), host, port, [&db, &user]));
    let mut settings = Config::new();
    settings.user(&user).dbname(&db).application_name("codap").ssl_mode(SslMode::Disable);
    if let Some(password) = password {
        settings.password(password);
    }
    let (host, tls, environment) = (host.to_owned(), tls(job, host)?, job.environment().clone());
    Ok(Target { host, port, tls, settings, environment })
}

fn ssl_mode(job: &Job) -> Option<String> {
    let of_uri = job.uri().query().into_iter().find(|(name, _)| name == "sslmode");
    of_uri.map(|(_, mode)| mode).or_else(|| job.environment().get("PGSSLMODE"))
}

fn tls(job: &Job, host: &str) -> Result<Tls, Error> {
    let address = host.parse::<std::net::IpAddr>();
    let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match ssl_mode(job).as_deref() {
        Some("disable") => Ok(Tls::Never),
        None | Some("allow" | "prefer") if here => Ok(Tls::Never),
        None | Some("allow" | "prefer") => Ok(Tls::IfOffered),
        Some("require" | "verify-ca" | "verify-full") => Ok(Tls::Always),
        Some(other) => {
            let what = format!("has the sslmode {other:?}; it is disable, prefer or verify-full");
            Err(job.error(Kind::Invalid, what))
        }
    }
}

/// One connection. Its `driver` writes what `session` is told and hands it what comes.
pub(crate) struct Link {
    session: Session,
    driver: Driver,
    meter: Arc<Meter>,
    left: Left,
    /// Whether the server may be at work on a query.
    asking: bool,
    uri: Uri,
    target: Target,
}

impl Connection for Link {
    type Target = Target;

    const LIMIT: usize = 16;

    async fn open(job: &Job, target: &Target) -> Result<Self, Error> {
        let wire = connect(job, target).await?;
        let meter = wire.meter;
        let connected = target.settings.connect_raw(wire.stream, NoTls).await;
        let (session, connection) = connected.map_err(|error| failed(job, &meter, &error))?;
        Ok(Self {
            session,
            driver: Box::pin(async {
                // Why it ended is told to the one who waits for its reply.
                let _ = connection.await;
            }),
            meter,
            left: Left::Midway,
            asking: false,
            uri: job.uri().clone(),
            target: target.clone(),
        })
    }

    async fn ask(&mut self, job: &Job) -> Result<Document, Error> {
        if has_ended(&mut self.driver).await {
            self.left = Left::Dead;
            return Err(job.error(Kind::Incomplete, ENDED));
        }
        (self.left, self.asking) = (Left::Midway, true);
        let before = self.meter.came();
        let Self { session, driver, meter, .. } = self;
        let reply = {
            let mut reply = pin!(rows(job, session, meter));
            tokio::select! {
                biased;
                reply = &mut reply => reply,
                // The connection has ended, and so will the reply, by its end or an error.
                () = driver => reply.await,
            }
        };
        self.asking = false;
        self.left = match &reply {
            Ok(_) => Left::Whole,
            Err(_) if self.meter.came() == before => Left::Dead,
            Err(_) => Left::Midway,
        };
        reply
    }

    fn left(&self) -> Left {
        self.left
    }
}

/// Closing a connection does not stop its query, so the server is asked to.
impl Drop for Link {
    fn drop(&mut self) {
        if !self.asking {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let token = self.session.cancel_token();
        let (uri, target) = (self.uri.clone(), self.target.clone());
        runtime.spawn(tokio::time::timeout(CANCEL_WITHIN, async move {
            let environment = target.environment.clone();
            let settings = Settings { timeout: CANCEL_WITHIN, environment, ..Settings::default() };
            let job = Job::new(&uri, &Arc::new(settings), Purpose::Whole);
            if let Ok(wire) = connect(&job, &target).await {
                let _ = token.cancel_query_raw(wire.stream, NoTls).await;
            }
        }));
    }
}

/// Connects, under TLS as far as it is wanted and to be had.
async fn connect(job: &Job, target: &Target) -> Result<Wire, Error> {
    let mut wire = Wire::connect(job, (&target.host, target.port), OVERHEAD).await?;
    if target.tls == Tls::Never {
        return Ok(wire);
    }
    // Length and code of the request for TLS; the answer is one byte.
    let request = async {
        wire.stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await?;
        wire.stream.flush().await?;
        wire.stream.read_u8().await
    };
    match request.await {
        Ok(b'S') => wire.under_tls(job, &target.host).await,
        Ok(b'N') if target.tls == Tls::IfOffered => Ok(wire),
        Ok(b'N') => {
            let what = "the server has no TLS; write sslmode=disable if it can do without";
            Err(job.error(Kind::Connect, what))
        }
        Ok(_) => Err(job.error(Kind::Incomplete, "what answers is not a PostgreSQL server")),
        Err(error) => {
            let what = format!("the connection ended before it began: {error}");
            Err(job.error(Kind::Incomplete, what).because(&error))
        }
    }
}

async fn rows(job: &Job, session: &Session, meter: &Meter) -> Result<Document, Error> {
    let (query, parameters) = query(job)?;
    let typed = parameters.iter().map(|it| (Text(it), Type::UNKNOWN));
    let may = job.max_size().saturating_add(OVERHEAD);
    meter.allow(may);
    let failed = |error| failed(job, meter, &error);
    let mut rows: Pin<&mut RowStream> =
        pin!(session.query_typed_raw(&query, typed).await.map_err(failed)?);
    let (mut json, mut count) = ("[".to_owned(), 0);
    while let Some(row) = poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
        let row = row.map_err(failed)?;
        let row: &str = row.try_get(0).map_err(failed)?;
        check_row(job, row)?;
        if count > 0 {
            json.push(',');
        }
        json.push_str(row);
        job.received(row.len());
        job.check_size(json.len() as u64 + 1)?;
        // What was accepted does not count against what may still come.
        meter.allow(may);
        count += 1;
    }
    if rows.rows_affected() != Some(count) {
        let what = format!("{count} rows came, not as many as the server counted");
        return Err(job.error(Kind::Incomplete, what));
    }
    json.push(']');
    let document = Document::new(job.uri(), json.into());
    Ok(document.with_content_type(Some("application/json")))
}

/// A row must be an object that says each name once.
fn check_row(job: &Job, row: &str) -> Result<(), Error> {
    match json_names::repeated(row) {
        Ok(None) => Ok(()),
        Ok(Some(name)) => {
            let what = format!("two columns of the query are called {name:?}; rename one with AS");
            Err(job.error(Kind::Invalid, what))
        }
        Err(error) => {
            let what = format!("a row that came is not JSON: {error}");
            Err(job.error(Kind::Incomplete, what).because(&error))
        }
    }
}

/// The statement, and what goes for its parameters.
fn query(job: &Job) -> Result<(String, Vec<String>), Error> {
    let (mut query, mut parameters) = (None, Vec::new());
    for (name, value) in job.uri().query() {
        match &*name {
            "query" => query = Some(value),
            "param" => parameters.push(value),
            "sslmode" => {}
            other => {
                let what = format!("has no use for {other:?}; it takes query, param and sslmode");
                return Err(job.error(Kind::Invalid, what));
            }
        }
    }
    let query = query.ok_or_else(|| {
        job.error(Kind::Invalid, "has no query; write postgres://host/db?query=select…&param=…")
    })?;
    let query = query.trim_end().trim_end_matches(';');
    Ok((format!("{BEFORE}{query}{AFTER}"), parameters))
}

/// A parameter as text, of whatever type the query wants there.
#[derive(Debug)]
struct Text<'a>(&'a str);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

fn failed(job: &Job, meter: &Meter, error: &tokio_postgres::Error) -> Error {
    if let Some(told) = error.as_db_error() {
        return refused(job, told);
    }
    if meter.is_exceeded() {
        return job.too_large(None);
    }
    let why = std::error::Error::source(error).map(|source| format!(": {source}"));
    let why = why.unwrap_or_default();
    if let Some(what) = credentials(&why) {
        return job.error(Kind::Unauthorized, what).because(error);
    }
    let what = if error.is_closed() {
        ENDED.to_owned()
    } else {
        format!("{error}{why}; is it a PostgreSQL server?")
    };
    job.error(Kind::Incomplete, what).because(error)
}

/// What the client lacks to log in, told by it and not by the server.
fn credentials(why: &str) -> Option<String> {
    (why.contains("password missing")).then(|| {
        "the server wants a password; set PGPASSWORD, or ~/.pgpass, or write it into the URI"
            .to_owned()
    })
}

/// An error that the server replied, by its code:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn refused(job: &Job, told: &DbError) -> Error {
    let code = told.code().code();
    let mut said = format!("the server says: {}", told.message());
    if let Some(ErrorPosition::Original(at)) = told.position() {
        let at = (*at as usize).saturating_sub(BEFORE.len());
        said.push_str(&format!(" (at character {at} of the query)"));
    }
    if let Some(hint) = told.hint() {
        said.push_str(&format!("; {hint}"));
    }
    let (kind, advice) = match code {
        "28P01" | "28000" => (
            Kind::Unauthorized,
            "; set PGUSER and PGPASSWORD, or ~/.pgpass, or write user and password into the URI",
        ),
        "42501" => (Kind::Unauthorized, "; the user needs the right to read it"),
        "3D000" => (Kind::NotFound, "; check the database's name in the path"),
        "42P01" | "3F000" => (Kind::NotFound, "; check the table's name and schema"),
        "08P01" | "42P18" | "42P02" => {
            (Kind::Invalid, "; give one &param= for each of $1, $2, … in the query, and no more")
        }
        "57P03" | "40001" | "40P01" => (Kind::Busy, ""),
        "57014" => (Kind::Failed, ""),
        _ => match code.get(..2) {
            Some("22" | "26" | "42" | "0A") => (Kind::Invalid, "; check the query"),
            Some("53" | "57") => (Kind::Busy, ""),
            _ => (Kind::Failed, ""),
        },
    };
    job.error(kind, format!("{said}{advice}"))
}
