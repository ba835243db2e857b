//! Sources as their users see them, against servers that behave and servers that do not.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and say what they found"
)]

#[cfg(all(feature = "s3", feature = "az"))]
mod azure;
#[cfg(feature = "mongodb")]
mod bad_mongodb;
mod bad_peers;
#[cfg(feature = "postgres")]
mod bad_postgres;
#[cfg(feature = "redis")]
mod bad_redis;
#[cfg(target_os = "linux")]
mod bomb;
mod canary;
mod conformance;
mod cost;
mod file;
mod http;
mod http2;
#[cfg(feature = "s3")]
mod list;
#[cfg(feature = "mongodb")]
mod mongodb;
#[cfg(feature = "mongodb")]
mod mongodb_login;
mod open;
#[cfg(all(feature = "s3", feature = "gs", feature = "az"))]
mod other_stores;
#[cfg(any(feature = "s3", feature = "mongodb", feature = "postgres", feature = "redis"))]
mod peer;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "s3")]
mod s3;
#[cfg(any(feature = "s3", feature = "mongodb", feature = "postgres", feature = "redis"))]
mod servers;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "s3")]
mod store;
mod tls;
#[cfg(feature = "s3")]
mod upload;
mod uri;
