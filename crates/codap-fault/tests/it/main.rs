//! The server, seen from raw sockets: one file for each theme.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

// Status, headers, bodies, redirects.
mod basics;
// Shares, and that they repeat.
mod chance;
// gzip, zstd, br; bombs.
mod codings;
// Counters, the log, waiting for them.
mod counting;
// Cuts, resets, greetings.
mod endings;
// How a body tells where it ends; which connections go on.
mod framings;
// Which rule is for which request.
mod matching;
// Stalls, releases, trickles, latencies.
mod pauses;
// The client.
mod peer;
// The program, also with 10,000 connections.
#[cfg(all(feature = "cli", unix))]
mod program;
// Right and wrong answers to Range.
mod ranges;
// Bytes that are no HTTP.
mod raw;
// Files.
mod scripts;
// Good and bad certificates.
#[cfg(feature = "tls")]
mod tls;
