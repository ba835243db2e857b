//! A loopback HTTP/1.1 server that fails as its script says, and counts what it sees.
//!
//! ```
//! # tokio_test(async {
//! use codap_fault::{On, Reply, Script};
//!
//! let server = Script::new()
//!     .rule(On::path("/photo").nth(1), Reply::ok("twelve bytes").cut(5))
//!     .rule(On::path("/photo"), Reply::ok("twelve bytes"))
//!     .start()
//!     .await?;
//!
//! // … a client under test gets server.url("/photo"), and tries again …
//! # let get = || {
//! #     use std::io::{Read, Write};
//! #     let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
//! #     stream.write_all(b"GET /photo HTTP/1.0\r\n\r\n").unwrap();
//! #     stream.read_to_string(&mut String::new()).unwrap();
//! # };
//! # get();
//! # get();
//! let counters = server.wait_for(|c| c.requests == 2).await?;
//! assert_eq!((counters.cut, counters.complete), (1, 1));
//! # Ok::<(), codap_fault::Error>(())
//! # });
//! # fn tokio_test(test: impl Future<Output = Result<(), codap_fault::Error>>) {
//! #     tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test).unwrap();
//! # }
//! ```
//!
//! - A [`Script`] is a list of rules. Each has the requests that it is for ([`On`]) and what they
//!   get ([`Reply`]); the first that fits decides.
//! - A [`Reply`] is an ordinary one but for what is said about it: its [`Framing`], its
//!   [`Ranges`], its [`Coding`], where it is [cut](Reply::cut), where it [stalls](Stall), how it
//!   trickles, or [`Raw`] bytes instead of all that.
//! - A [`Greeting`] is for connections that are not even to ask.
//! - A [`Server`] runs a script until it is dropped. Its [`Counters`] and the [`Request`]s that it
//!   keeps are the judge: they never lag behind what a client can know.
//!
//! # Chance
//!
//! [`Latency`], [`Stall::share`], [`On::share`] and [`At::Anywhere`] are drawn from the script's
//! seed, the request's target and how often that target has been asked for. Two runs of the same
//! requests meet the same faults, whatever the order in which they arrive.
//!
//! # Cost
//!
//! A server is one thread, which sends 60,000 small replies a second to 64 connections (with its
//! client on the other of two cores; `cargo bench -p codap-fault` measures it) and holds 10,000
//! connections. Bodies are made while they are sent, so gigabytes take no memory, nor do
//! their coded forms. What stays is one entry per target in the counters and the latest requests
//! ([`Script::log`]).
//!
//! # Script files
//!
//! A script reads and writes itself as TOML or JSON, with the names of the builder methods. This one
//! says everything that can be said:
//!
//! ```toml
#![doc = include_str!("../script.toml")]
//! ```

mod answer;
mod body;
mod coding;
mod connection;
mod content;
mod counters;
mod draw;
mod error;
mod fault;
mod hex;
mod inbound;
mod latency;
mod ledger;
mod millis;
mod on;
mod ranges;
mod raw;
mod reply;
mod request;
mod script;
mod server;
mod sink;
mod stream;
#[cfg(feature = "tls")]
mod tls;

pub use crate::{
    body::Body,
    coding::Coding,
    content::generated,
    counters::Counters,
    error::Error,
    fault::{At, Cut, How, Stall, Trickle},
    latency::Latency,
    on::{Nth, On},
    ranges::Ranges,
    raw::Raw,
    reply::{Framing, Reply},
    request::Request,
    script::{Greeting, Script},
    server::Server,
};
