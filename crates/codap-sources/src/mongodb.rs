//! `mongodb://host/db/collection/ID`, or `…/collection?filter={…}`; `mongodb+srv://…` too.
//!
//! `ID` is that of the document's `_id`: 24 hexadecimal digits are an ObjectId, digits alone an
//! integer, everything else a string. A filter is extended JSON, as `{"age":{"$gt":30}}`
//! (percent-encoded as far as need be); the first document that fits is fetched, or, with
//! `&many=true`, all of them as an array. What else is in the query are options of the driver
//! (`replicaSet`, `authSource`, `tls`, …). User and password stand in the URI; without `authSource`
//! they are looked up in `db`.
//!
//! A document comes as [relaxed extended JSON][json]: numbers are numbers, and so are those of 64
//! bits; a date is `{"$date":"…Z"}`, an ObjectId `{"$oid":"…"}`, a decimal
//! `{"$numberDecimal":"…"}`, binary `{"$binary":{"base64":"…","subType":"00"}}`, NaN
//! `{"$numberDouble":"NaN"}`.
//!
//! Cost: one round trip, and one more for every batch of many. The driver has tasks of its own on
//! the runtime, so there is one client for each origin and runtime. The rest of the time goes along
//! with the query, so the server ends it, too.
//!
//! [json]: https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/

use std::time::Duration;

use bson::raw::{RawBsonRef, RawDocument, RawDocumentBuf};
use bson::{Bson, Document as Filter, doc, oid::ObjectId};
use mongodb::action::Action;
use mongodb::error::ErrorKind;
use mongodb::options::{ClientOptions, ServerAddress};
use mongodb::{Client as Driver, Collection};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::document::Document;
use crate::error::{Error, Kind};
use crate::job::Job;
use crate::pools::Pools;

/// The driver waits so long for a server that went away before it says so; what has not answered
/// by then is for the one layer that tries again.
const SELECT_WITHIN: Duration = Duration::from_secs(5);
/// How deep a document may be nested: as deep as one of JSON, deeper than MongoDB stores.
const DEPTH_MAX: usize = 128;

pub(crate) type Client = Pools<Driver>;

pub(crate) async fn fetch(client: &Client, job: &Job) -> Result<Document, Error> {
    let Wanted { options, db, collection, filter, many } = Wanted::of(job)?;
    let pool = format!("{options} {}", Handle::current().id());
    let driver = client.get(&pool, connect(job, &options)).await?;
    let documents: Collection<RawDocumentBuf> = driver.database(&db).collection(&collection);
    let time = job.deadline().map(|at| at.saturating_duration_since(Instant::now()));
    let failed = |error: mongodb::error::Error| failed(job, &error);
    if !many {
        let found = documents.find_one(filter.clone()).optional(time, |it, time| it.max_time(time));
        let Some(found) = found.await.map_err(failed)? else {
            return Err(missing(job, &documents).await);
        };
        job.received(found.as_bytes().len());
        job.check_size(found.as_bytes().len() as u64 / 2)?;
        check_id(job, &filter, &found)?;
        let document = Document::of_json(job.uri(), &json(job, &found)?);
        job.check_size(document.len() as u64)?;
        return Ok(document);
    }
    let found = documents.find(filter).optional(time, |it, time| it.max_time(time));
    let mut found = found.await.map_err(failed)?;
    let mut array = "[".to_owned();
    while found.advance().await.map_err(failed)? {
        let document = found.current();
        job.received(document.as_bytes().len());
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(&json(job, document)?.to_string());
        job.check_size(array.len() as u64 + 1)?;
    }
    array.push(']');
    let document = Document::new(job.uri(), array.into());
    Ok(document.with_content_type(Some("application/json")))
}

/// What a URI asks for.
struct Wanted {
    /// A connection string: secrets included.
    options: String,
    db: String,
    collection: String,
    filter: Filter,
    many: bool,
}

impl Wanted {
    fn of(job: &Job) -> Result<Self, Error> {
        let invalid = |what: &str| job.error(Kind::Invalid, what);
        let (mut filter, mut many, mut options) = (None, false, Vec::new());
        for (name, value) in job.uri().query() {
            match (&*name, &*value) {
                ("filter", text) => filter = Some(parse_filter(job, text)?),
                ("many", "true") => many = true,
                ("many", "false") => {}
                ("many", _) => return Err(invalid("has another many than true or false")),
                _ => options.push(format!("{}={}", encoded(&name), encoded(&value))),
            }
        }
        let segments = job.uri().segments();
        let (db, collection, filter) = match (&segments[..], filter) {
            ([db, collection], Some(filter)) => (db, collection, filter),
            ([db, collection, id @ ..], None) if id.iter().any(|it| !it.is_empty()) => {
                (db, collection, doc! { "_id": id_of(&id.join("/")) })
            }
            ([_, _, _, ..], Some(_)) => return Err(invalid("has an id and a filter; give one")),
            _ => {
                return Err(invalid(
                    "names no document; write mongodb://host/db/collection/id, or \
                     …/collection?filter={…}",
                ));
            }
        };
        if db.is_empty() || collection.is_empty() {
            return Err(invalid(
                "has an empty database or collection; write mongodb://host/db/collection/id",
            ));
        }
        let user_info = job.uri().user_info().map(|(user, password)| match password {
            Some(password) => format!("{}:{}@", encoded(&user), encoded(&password)),
            None => format!("{}@", encoded(&user)),
        });
        let options = format!(
            "{}://{}{}/{}?{}",
            job.uri().scheme(),
            user_info.unwrap_or_default(),
            job.uri().host(),
            encoded(db),
            options.join("&"),
        );
        Ok(Self { options, db: db.clone(), collection: collection.clone(), filter, many })
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn id_of(text: &str) -> Bson {
    if let Ok(id) = ObjectId::parse_str(text) {
        return id.into();
    }
    match text.parse::<i64>() {
        // `007` is a name and not a number.
        Ok(number) if number.to_string() == text => number.into(),
        _ => text.into(),
    }
}

fn parse_filter(job: &Job, text: &str) -> Result<Filter, Error> {
    let invalid = |why: String| {
        let what = format!("the filter is not extended JSON: {why}; write {{\"name\":value}}");
        job.error(Kind::Invalid, what)
    };
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    match Bson::try_from(value) {
        Ok(Bson::Document(filter)) => Ok(filter),
        Ok(_) => Err(invalid("it is no object".to_owned())),
        Err(error) => Err(invalid(error.to_string())),
    }
}

async fn connect(job: &Job, options: &str) -> Result<Driver, Error> {
    let failed = |error: mongodb::error::Error| match &*error.kind {
        ErrorKind::InvalidArgument { message, .. }
        | ErrorKind::InvalidTlsConfig { message, .. } => {
            job.error(Kind::Invalid, message).because(&error)
        }
        _ => failed(job, &error),
    };
    let mut options = ClientOptions::parse(options).await.map_err(failed)?;
    reach_one(job, &options.hosts).await?;
    options.app_name.get_or_insert_with(|| "codap".to_owned());
    options.server_selection_timeout.get_or_insert(SELECT_WITHIN);
    // Nothing is tried twice below codap.
    (options.retry_reads, options.retry_writes) = (Some(false), Some(false));
    Driver::with_options(options).map_err(failed)
}

/// Left alone, the driver tries a server that refuses it until its time is over.
async fn reach_one(job: &Job, hosts: &[ServerAddress]) -> Result<(), Error> {
    let mut last = None;
    for host in hosts {
        let ServerAddress::Tcp { host: name, port } = host else { return Ok(()) };
        match TcpStream::connect((&**name, port.unwrap_or(27017))).await {
            Ok(_) => return Ok(()),
            Err(error) => last = Some((host, error)),
        }
    }
    let Some((host, error)) = last else { return Ok(()) };
    let what = format!(
        "cannot connect to {host}: {error}; check the address, and whether the server runs"
    );
    Err(job.error(Kind::Connect, what).because(&error))
}

/// The driver does not look whether a reply is one to its request; the id that was asked for tells.
fn check_id(job: &Job, filter: &Filter, found: &RawDocument) -> Result<(), Error> {
    let (Some(wanted), 1) = (filter.get("_id"), filter.len()) else { return Ok(()) };
    let found = found.get("_id").ok().flatten();
    let same = match (wanted, found) {
        (Bson::Int64(wanted), Some(RawBsonRef::Int32(found))) => *wanted == i64::from(found),
        (Bson::Int64(wanted), Some(RawBsonRef::Int64(found))) => *wanted == found,
        #[expect(clippy::cast_precision_loss, reason = "as MongoDB compares them")]
        (Bson::Int64(wanted), Some(RawBsonRef::Double(found))) => *wanted as f64 == found,
        (Bson::String(wanted), Some(RawBsonRef::String(found))) => wanted == found,
        (Bson::ObjectId(wanted), Some(RawBsonRef::ObjectId(found))) => *wanted == found,
        // A filter of the user's own: an operator, or a type that ids seldom have.
        (Bson::Int64(_) | Bson::String(_) | Bson::ObjectId(_), _) => false,
        _ => true,
    };
    if same {
        return Ok(());
    }
    Err(job.error(Kind::Incomplete, "the server sent another document than was asked for"))
}

fn json(job: &Job, document: &RawDocument) -> Result<serde_json::Value, Error> {
    let invalid = |error: bson::error::Error| {
        let what = format!("a document that came is not BSON: {error}");
        job.error(Kind::Incomplete, what).because(&error)
    };
    // Before it is converted, which goes as deep as it is nested.
    if !is_shallow(document, DEPTH_MAX).map_err(invalid)? {
        let what = format!("is nested more than {DEPTH_MAX} deep");
        return Err(job.error(Kind::Invalid, what));
    }
    let document = Filter::try_from(document).map_err(invalid)?;
    Ok(Bson::from(document).into_relaxed_extjson())
}

fn is_shallow(document: &RawDocument, levels: usize) -> Result<bool, bson::error::Error> {
    for element in document {
        let inner = match element?.1 {
            RawBsonRef::Document(inner) => inner,
            RawBsonRef::Array(inner) => RawDocument::from_bytes(inner.as_bytes())?,
            RawBsonRef::JavaScriptCodeWithScope(code) => code.scope,
            _ => continue,
        };
        if levels == 0 || !is_shallow(inner, levels - 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// MongoDB has no error for a collection that is not there, so that is asked for.
async fn missing(job: &Job, documents: &Collection<RawDocumentBuf>) -> Error {
    let place = documents.namespace();
    let names = documents.client().database(&place.db).list_collection_names().await;
    let what = match names {
        Ok(names) if !names.contains(&place.coll) => {
            format!("there is no collection {:?} in the database {:?}", place.coll, place.db)
        }
        _ => format!("no document of {:?} fits; check the id, its type, or the filter", place.coll),
    };
    job.error(Kind::NotFound, what)
}

fn failed(job: &Job, error: &mongodb::error::Error) -> Error {
    const CREDENTIALS: &str = "write user and password into the URI, and authSource=DB if need be";
    let connect = "check the address, and whether the server runs";
    let (kind, what) = match &*error.kind {
        ErrorKind::Command(told) => {
            let said = format!("the server says: {} ({})", told.message, told.code_name);
            match told.code {
                18 => (Kind::Unauthorized, format!("{said}; {CREDENTIALS}")),
                13 => (Kind::Unauthorized, format!("{said}; the user needs the right to read it")),
                26 => (Kind::NotFound, said),
                // The time that went along with the query.
                50 => return job.timed_out(),
                2 | 9 | 14 | 16_500.. | 168 => (Kind::Invalid, format!("{said}; check the filter")),
                91 | 189 | 11_600 | 11_602 | 13_435 | 13_436 | 10_107 => (Kind::Busy, said),
                _ => (Kind::Failed, said),
            }
        }
        ErrorKind::Authentication { message, .. } => {
            (Kind::Unauthorized, format!("cannot log in: {message}; {CREDENTIALS}"))
        }
        ErrorKind::ServerSelection { message, .. } => {
            (Kind::Connect, format!("no server: {message}; {connect}"))
        }
        ErrorKind::DnsResolve { message, .. } => (Kind::Connect, format!("no address: {message}")),
        ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            (Kind::Connect, format!("cannot connect: {io}; {connect}"))
        }
        ErrorKind::Io(io) => (Kind::Incomplete, format!("the connection broke off: {io}")),
        ErrorKind::ConnectionPoolCleared { .. } => (
            Kind::Incomplete,
            "the connection was given up after another one had failed".to_owned(),
        ),
        // The driver calls a length that makes no sense an argument.
        ErrorKind::InvalidResponse { message, .. } | ErrorKind::InvalidArgument { message, .. } => {
            (Kind::Incomplete, format!("what came makes no sense: {message}"))
        }
        ErrorKind::Bson(_) | ErrorKind::BsonDeserialization(_) => {
            (Kind::Incomplete, format!("what came is not BSON: {}", error.kind))
        }
        other => (Kind::Failed, other.to_string()),
    };
    job.error(kind, what).because(error)
}
