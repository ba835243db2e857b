//! `redis://host[:port][/db]/key` and `rediss://…`, the same under TLS.
//!
//! The key is what follows: `redis://host/user:7`. A first segment that is a number is the
//! database, if something follows it: `redis://host/2/user:7`. Other slashes belong to the key.
//! Without user-info the password is that of `REDIS_PASSWORD` or `REDISCLI_AUTH`, the user that of
//! `REDIS_USERNAME`.
//!
//! | type | document |
//! |---|---|
//! | string | its bytes, as they are |
//! | hash | a JSON object; a field name must be UTF-8 |
//! | list | a JSON array, in its order |
//! | set | a JSON array, in the order of its members' bytes: that of Redis is by chance |
//! | sorted set | a JSON array of `[member, score]`, in its order; an infinite score is `"inf"`, `"-inf"` |
//!
//! In JSON, a value is a string, or, if it is not UTF-8, `{"base64": "…"}`. Redis has no numbers of
//! its own: `"7"` stays a string. A stream, or the type of a module, is an error.
//!
//! Cost: one round trip for a string, two for the rest. A list, hash, set or sorted set is one
//! reply of the server, as it is at one moment, so the server builds it whole; what is larger than
//! the limit is not read to its end, though.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline, RedisConnectionInfo, RedisError, ServerError, Value};
use serde_json::{Map, json};

use crate::document::Document;
use crate::error::{Error, Kind};
use crate::job::Job;
use crate::lease::{Connection, Driver, Lease, Left, has_ended};
use crate::pools::Pools;
use crate::uri::Uri;
use crate::wire::{Meter, Wire, host_and_port};

const PORT: u16 = 6379;
/// What a reply may have besides its values: lengths, errors, the replies beside it.
const OVERHEAD: u64 = 64 << 10;

const ENDED: &str = "the connection ended before the reply did";

/// Where to connect, and as whom.
pub(crate) struct Target {
    host: String,
    port: u16,
    tls: bool,
    db: i64,
    user: Option<String>,
    password: Option<String>,
}

pub(crate) type Client = Pools<Arc<Lease<Link>>>;

pub(crate) async fn fetch(client: &Client, job: &Job) -> Result<Document, Error> {
    let (db, _) = db_and_key(job.uri());
    let pool = format!("{} {:?} {db}", job.uri().origin(), job.uri().user_info());
    let lease = client.get(&pool, async { target(job).map(Lease::new) }).await?;
    lease.fetch(job).await
}

fn target(job: &Job) -> Result<Target, Error> {
    let (host, port) = host_and_port(job, job.uri().host(), PORT)?;
    let variable = |name| job.environment().get(name);
    let (user, password) = match job.uri().user_info() {
        Some((user, Some(password))) => (Some(user), Some(password)),
        // As redis-cli has it: a lone name is the password of the default user.
        Some((password, None)) => (None, Some(password)),
        None => (
            variable("REDIS_USERNAME"),
            variable("REDIS_PASSWORD").or_else(|| variable("REDISCLI_AUTH")),
        ),
    };
    Ok(Target {
        host: host.to_owned(),
        port,
        tls: job.uri().scheme() == "rediss",
        db: db_and_key(job.uri()).0,
        user: user.filter(|user| !user.is_empty()),
        password,
    })
}

fn db_and_key(uri: &Uri) -> (i64, String) {
    let segments = uri.segments();
    match segments.split_first() {
        Some((db, key)) if !key.is_empty() && db.parse::<u16>().is_ok() => {
            (db.parse().unwrap_or_default(), key.join("/"))
        }
        _ => (0, segments.join("/")),
    }
}

/// One connection. Its `driver` writes what `client` is told and hands it what comes.
pub(crate) struct Link {
    client: MultiplexedConnection,
    driver: Driver,
    meter: Arc<Meter>,
    left: Left,
}

impl Connection for Link {
    type Target = Target;

    const LIMIT: usize = 32;

    async fn open(job: &Job, target: &Target) -> Result<Self, Error> {
        let mut wire = Wire::connect(job, (&target.host, target.port), OVERHEAD).await?;
        if target.tls {
            wire = wire.under_tls(job, &target.host).await?;
        }
        // Logging in is left to us: the client tells one error for all that can go wrong there.
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let connected = MultiplexedConnection::new_with_config(
            &settings,
            wire.stream,
            // The one deadline is that of the fetch.
            AsyncConnectionConfig::new().set_response_timeout(None),
        );
        let (client, driver) = connected.await.map_err(|error| failed(job, &error))?;
        let driver = Box::pin(driver);
        let mut link = Self { client, driver, meter: wire.meter, left: Left::Midway };
        link.log_in(job, target).await?;
        Ok(link)
    }

    async fn ask(&mut self, job: &Job) -> Result<Document, Error> {
        if has_ended(&mut self.driver).await {
            self.left = Left::Dead;
            return Err(job.error(Kind::Incomplete, ENDED));
        }
        let (_, key) = db_and_key(job.uri());
        if key.is_empty() {
            self.left = Left::Whole;
            return Err(job.error(Kind::Invalid, "names no key; write redis://host/key"));
        }
        let mut request = Pipeline::new();
        request.cmd("TYPE").arg(&key);
        // One byte more than allowed, so that what is too large can be told from what just fits.
        request.cmd("GETRANGE").arg(&key).arg(0).arg(job.max_size());
        let [kind, value] = self.round_trip(job, request).await?;
        let kind = text(job, kind)?;
        let command: &[&str] = match (&*kind, &value) {
            ("string", Value::BulkString(bytes)) if !bytes.is_empty() => {
                job.check_size(bytes.len() as u64)?;
                let Value::BulkString(bytes) = value else { unreachable!("it was just seen") };
                return Ok(Document::new(job.uri(), bytes.into()));
            }
            // An empty range is that of an empty string, or of one that is gone by now.
            ("string", _) => &["GET"],
            ("hash", _) => &["HGETALL"],
            ("list", _) => &["LRANGE", "0", "-1"],
            ("set", _) => &["SMEMBERS"],
            ("zset", _) => &["ZRANGE", "0", "-1", "WITHSCORES"],
            ("none", _) => return Err(missing(job, &key)),
            (other, _) => {
                let what = format!(
                    "is of the type {other}; only strings, hashes, lists, sets and sorted sets \
                     can be fetched"
                );
                return Err(job.error(Kind::Unsupported, what));
            }
        };
        let mut request = Pipeline::new();
        let (name, rest) = command.split_first().expect("a command has a name");
        request.cmd(name).arg(&key).arg(rest);
        let [value] = self.round_trip(job, request).await?;
        document(job, &key, name, value)
    }

    fn left(&self) -> Left {
        self.left
    }
}

impl Link {
    async fn log_in(&mut self, job: &Job, target: &Target) -> Result<(), Error> {
        if let Some(password) = &target.password {
            let mut request = Pipeline::new();
            request.cmd("AUTH").arg(&target.user).arg(password);
            let [reply] = self.round_trip(job, request).await?;
            let needless = matches!(&reply, Value::ServerError(it) if wants_no_password(it));
            if !needless {
                accepted(job, reply)?;
            }
        }
        if target.db != 0 {
            let mut request = Pipeline::new();
            request.cmd("SELECT").arg(target.db);
            let [reply] = self.round_trip(job, request).await?;
            accepted(job, reply)?;
        }
        Ok(())
    }

    /// Sends a request of `N` commands, reads their replies.
    ///
    /// The protocol has nothing that says to which request a reply belongs. So an echo goes along:
    /// if it comes back in its place, so did what came before it.
    async fn round_trip<const N: usize>(
        &mut self,
        job: &Job,
        mut request: Pipeline,
    ) -> Result<[Value; N], Error> {
        const REFUSED: [&str; 2] = ["NOPERM", "NOAUTH"];
        static TRIPS: AtomicU64 = AtomicU64::new(0);
        let mark = format!("codap {}", TRIPS.fetch_add(1, Ordering::Relaxed));
        request.cmd("ECHO").arg(&mark);
        self.left = Left::Midway;
        let before = self.meter.came();
        // A value of one byte takes at most seven on the wire, and four as JSON.
        self.meter.allow(job.max_size().saturating_mul(2).saturating_add(OVERHEAD));
        let replies = {
            let mut replies = Box::pin(self.client.send_packed_commands(&request, 0, N + 1));
            tokio::select! {
                biased;
                replies = &mut replies => replies,
                // The driver has ended and tells the reason, or that there is none.
                () = &mut self.driver => replies.await,
            }
        };
        let mut replies = replies.map_err(|error| {
            if self.meter.is_exceeded() {
                return job.too_large(None);
            }
            if self.meter.came() == before {
                self.left = Left::Dead;
            }
            failed(job, &error)
        })?;
        job.received(usize::try_from(self.meter.came() - before).unwrap_or(usize::MAX));
        let echo = replies.pop();
        let echoed = matches!(&echo, Some(Value::BulkString(it)) if it == mark.as_bytes());
        // Who may not have an echo is told so in its place.
        let refused = matches!(&echo, Some(Value::ServerError(it)) if REFUSED.contains(&it.code()));
        match <[Value; N]>::try_from(replies) {
            Ok(replies) if echoed || refused => {
                self.left = Left::Whole;
                Ok(replies)
            }
            _ => Err(job.error(
                Kind::Incomplete,
                "the server's replies do not belong to what was asked; is it a Redis server?",
            )),
        }
    }
}

/// The reply to the second request, as a document.
fn document(job: &Job, key: &str, command: &str, value: Value) -> Result<Document, Error> {
    let values = match value {
        Value::BulkString(bytes) if command == "GET" => {
            job.check_size(bytes.len() as u64)?;
            return Ok(Document::new(job.uri(), bytes.into()));
        }
        Value::Nil => return Err(missing(job, key)),
        Value::ServerError(error) if error.code() == "WRONGTYPE" => {
            let what = "its type was changed while it was read; read it once more";
            return Err(job.error(Kind::Incomplete, what));
        }
        Value::ServerError(error) => return Err(refused(job, &error)),
        Value::Array(values) => values,
        _ => return Err(nonsense(job)),
    };
    if values.is_empty() {
        // There are no empty ones: it went since its type was asked for.
        return Err(missing(job, key));
    }
    let json = match command {
        "HGETALL" => hash(job, values)?,
        "ZRANGE" => sorted_set(job, values)?,
        _ => {
            let mut values =
                values.into_iter().map(|it| bytes(job, it)).collect::<Result<Vec<_>, _>>()?;
            if command == "SMEMBERS" {
                values.sort_unstable();
            }
            values.into_iter().map(json_of).collect()
        }
    };
    let document = Document::of_json(job.uri(), &json);
    job.check_size(document.len() as u64)?;
    Ok(document)
}

fn hash(job: &Job, values: Vec<Value>) -> Result<serde_json::Value, Error> {
    let mut object = Map::new();
    for [field, value] in pairs(job, values)? {
        let field = String::from_utf8(field)
            .map_err(|_| job.error(Kind::Invalid, "has a field whose name is not UTF-8"))?;
        object.insert(field, json_of(value));
    }
    Ok(object.into())
}

fn sorted_set(job: &Job, values: Vec<Value>) -> Result<serde_json::Value, Error> {
    let scored = |[member, score]: [Vec<u8>; 2]| {
        // Infinite ones are no numbers in JSON.
        let score = serde_json::from_slice(&score).unwrap_or_else(|_| json_of(score));
        json!([json_of(member), score])
    };
    Ok(pairs(job, values)?.into_iter().map(scored).collect())
}

fn pairs(job: &Job, values: Vec<Value>) -> Result<Vec<[Vec<u8>; 2]>, Error> {
    let mut values = values.into_iter().map(|it| bytes(job, it));
    let mut pairs = Vec::new();
    while let Some(first) = values.next() {
        pairs.push([first?, values.next().ok_or_else(|| nonsense(job))??]);
    }
    Ok(pairs)
}

fn bytes(job: &Job, value: Value) -> Result<Vec<u8>, Error> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(nonsense(job)),
    }
}

fn json_of(bytes: Vec<u8>) -> serde_json::Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => json!({ "base64": STANDARD.encode(error.as_bytes()) }),
    }
}

fn text(job: &Job, value: Value) -> Result<String, Error> {
    match value {
        Value::SimpleString(text) => Ok(text),
        Value::ServerError(error) => Err(refused(job, &error)),
        _ => Err(nonsense(job)),
    }
}

fn accepted(job: &Job, value: Value) -> Result<(), Error> {
    match value {
        Value::Okay => Ok(()),
        Value::ServerError(error) => Err(refused(job, &error)),
        _ => Err(nonsense(job)),
    }
}

/// Whether the server has no password: one of the environment may be for another.
fn wants_no_password(error: &ServerError) -> bool {
    let told = error.details().unwrap_or_default();
    ["without any password configured", "no password is set"].iter().any(|it| told.contains(it))
}

fn missing(job: &Job, key: &str) -> Error {
    job.error(Kind::NotFound, format!("there is no key {key:?}; check its name and the database"))
}

fn nonsense(job: &Job) -> Error {
    job.error(Kind::Incomplete, "the reply is not of the kind that was asked for")
}

/// An error that the server replied.
fn refused(job: &Job, error: &ServerError) -> Error {
    told(job, error.code(), error.details().unwrap_or_default())
}

fn told(job: &Job, code: &str, details: &str) -> Error {
    const CREDENTIALS: &str = "set REDIS_PASSWORD, or write user and password into the URI";
    let said = format!("the server says: {code} {details}");
    match code {
        "NOAUTH" | "WRONGPASS" => job.error(Kind::Unauthorized, format!("{said}; {CREDENTIALS}")),
        // Of servers before 6.
        "ERR" if details.contains("invalid password") => {
            job.error(Kind::Unauthorized, format!("{said}; {CREDENTIALS}"))
        }
        "NOPERM" => job
            .error(Kind::Unauthorized, format!("{said}; its user needs TYPE and reading commands")),
        "ERR" if details.contains("DB index") => {
            job.error(Kind::NotFound, format!("{said}; check the database's number in the path"))
        }
        "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN" => {
            job.error(Kind::Busy, said)
        }
        "MOVED" | "ASK" => job.error(Kind::Failed, format!("{said}; ask that node of the cluster")),
        _ if details.contains("max number of clients") => job.error(Kind::Busy, said),
        _ => job.error(Kind::Failed, said),
    }
}

/// What ended a connection, or kept it from coming about.
fn failed(job: &Job, error: &RedisError) -> Error {
    if let Some(code) = error.code() {
        return told(job, code, error.detail().unwrap_or_default());
    }
    let what = if error.is_io_error() || error.is_connection_dropped() {
        format!("{ENDED}: {error}")
    } else {
        format!("what came is no reply of a Redis server: {error}")
    };
    job.error(Kind::Incomplete, what).because(error)
}
