//! The server, seen from raw sockets: one file for each theme.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails its test")]

mod basics; // status, headers, bodies
mod chance; // shares and latencies, and that they repeat
mod codings; // gzip, zstd, br; bombs
mod counting; // counters, the log, waiting for them
mod endings; // cuts, resets, greetings
mod framings; // how a body tells where it ends; which connections go on
mod matching; // which rule is for which request
mod pauses; // stalls, releases, trickles
mod peer; // the client
#[cfg(feature = "cli")]
mod program; // the program, also with 10,000 connections
mod ranges; // right and wrong answers to Range
mod raw; // bytes that are no HTTP
mod scripts; // files
#[cfg(feature = "tls")]
mod tls; // good and bad certificates
