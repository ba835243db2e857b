//! Documents by URI: one call for a file, a web service, an object store, a database.
//!
//! ```no_run
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use codap::Kv;
//! use codap_sources::{Document, Error, Sources, Uri};
//!
//! let sources = Sources::new();
//! let page = Kv::<_, Document>::new();
//! page.put("user", sources.fetch(&"https://api.example.org/users/7".parse()?)); // starts now
//! let photos: Uri = "s3://photos/7.json".parse()?;
//! let again = sources.clone();
//! let backoff = [100, 200, 400].map(std::time::Duration::from_millis);
//! page.put(
//!     "photos",
//!     codap::fetch(move || again.fetch(&photos))
//!         .retry(backoff)
//!         .retry_if(Error::is_transient)
//!         .retry_after(Error::retry_after),
//! );
//! println!("{}", page.get("user").await?.json()?["name"]);
//! # Ok(()) }
//! ```
//!
//! | URI | what comes | feature |
//! |---|---|---|
//! | `dir/file`, `file:///dir/file` | the file | `file` (default) |
//! | `http://…`, `https://…` | the body of a GET, decoded | `http` (default) |
//! | `s3://bucket/key` | the object | `s3` |
//! | `gs://bucket/key` | the object | `gs` |
//! | `az://container/key` | the object | `az` |
//! | `mongodb://host/db/collection/id` | one document as JSON | `mongodb` |
//! | `sqlite:path?query=select…&param=…` | the rows as a JSON array of objects | `sqlite` |
//! | `postgres://host/db?query=select…&param=…` | the same | `postgres` |
//! | `redis://host/key` | the string as it is; a hash, list or set as JSON | `redis` |
//!
//! [`Sources::fetch`] holds a document whole. For what is large there is [`Sources::open`], which is
//! pulled a chunk at a time under the same promises; [`Sources::list`] has the documents of a bucket,
//! a prefix or a folder; `Sources::upload` writes an object in parts.
//!
//! What the URIs of databases may say, and what becomes of each of their types in JSON, stands in
//! the modules that are called as their features.
//!
//! # What holds for all of them
//!
//! - **A document is whole, or it is an error.** The length and the hash that the other side
//!   promised are checked here. Where it promised none, [`Document::is_length_verified`] says so.
//! - **A fetch ends**: after at most 30 s in all ([`Builder::timeout`]), everything included.
//! - **A document fits**: in at most 64 MiB, decoded ([`Builder::max_size`]). What is opened has no
//!   bound but [`Builder::max_streamed_size`]: nothing is held there but a chunk.
//! - **Nothing is tried twice below you.** The retries of the clients underneath are switched off;
//!   `codap::fetch(..).retry(..).retry_if(Error::is_transient)` is the one layer. What a broken
//!   body has already brought is not fetched again, though: the fetch goes on where it broke, if
//!   the other side can show that it is still the same document.
//! - **Secrets are not shown**, neither by [`Uri`] nor by [`Error`], in `Display` or `Debug`.
//! - **Dropping the future ends the fetch**, and gives up its connection if a reply was under way.
//!
//! # Why not sqlx
//!
//! SQLite and PostgreSQL are read by rusqlite and tokio-postgres. sqlx 0.9 needs Rust 1.94 where this
//! crate builds with 1.88. sqlx 0.8 stores a message of PostgreSQL at whatever length the server
//! claims before anything can refuse it, so that one lie costs gigabytes, and panics on some
//! malformed ones. tokio-postgres reads from a connection of ours, which ends once more comes than
//! was allowed (`wire`); rusqlite lets a value's size be bounded and a query be interrupted.
//!
//! # Credentials
//!
//! Credentials come from where each ecosystem keeps them (`AWS_*` and `~/.aws`, `GOOGLE_*`,
//! `AZURE_*`, `PG*`, …), or from the user-info of the URI.

mod adapter;
#[cfg(feature = "http")]
mod address;
#[cfg(feature = "s3")]
mod aws_profile;
mod body;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
mod bucket;
mod builder;
#[cfg(feature = "http")]
mod client;
#[cfg(feature = "http")]
mod decode;
#[cfg(feature = "http")]
mod digest;
mod document;
#[cfg(feature = "http")]
mod download;
mod error;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "file")]
mod folder;
#[cfg(feature = "http")]
mod head;
#[cfg(feature = "http")]
mod http;
mod job;
#[cfg(feature = "postgres")]
mod json_names;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod lease;
mod listed;
mod listing;
#[cfg(feature = "mongodb")]
mod mongodb;
mod name;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
mod object;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
mod page;
#[cfg(feature = "postgres")]
mod pgpass;
#[cfg(any(
    feature = "s3",
    feature = "gs",
    feature = "az",
    feature = "mongodb",
    feature = "postgres",
    feature = "redis"
))]
mod pools;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "http")]
mod refusal;
mod run;
mod secret;
mod settings;
mod sources;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod step;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
mod store;
#[cfg(any(feature = "http", feature = "postgres", feature = "redis"))]
mod tls;
#[cfg(feature = "http")]
mod trouble;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
mod upload;
mod uri;
mod way;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod wire;

pub use body::Body;
pub use builder::Builder;
pub use document::Document;
pub use error::Error;
pub use listed::Listed;
pub use listing::Listing;
pub use sources::Sources;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
pub use upload::{Upload, UploadOptions};
pub use uri::Uri;
