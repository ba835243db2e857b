//! The behaviours that every runtime gives to every container, as checks that a runtime of one's
//! own can be put to (feature `conformance`).
//!
//! A runtime that passes [`run`] keeps codap's promises: every entry ends, limits hold, arrivals
//! are in order, nesting does not deadlock, dropping cancels, no panic gets out. The checks are
//! deterministic and need no clock but for deadlines; each has a minute, after which it fails by
//! its name instead of hanging.
//!
//! ```
//! use std::sync::Arc;
//! use std::task::{Context, Poll, Wake, Waker};
//! use std::thread::{self, Thread};
//!
//! use codap::{BoxFuture, Runtime, conformance};
//!
//! /// Runs every entry on a thread of its own.
//! #[derive(Clone)]
//! struct ThreadEach;
//!
//! struct Unpark(Thread);
//!
//! impl Wake for Unpark {
//!     fn wake(self: Arc<Self>) {
//!         self.0.unpark();
//!     }
//! }
//!
//! impl Runtime for ThreadEach {
//!     fn spawn(&self, mut work: BoxFuture) {
//!         thread::spawn(move || {
//!             let waker = Waker::from(Arc::new(Unpark(thread::current())));
//!             while work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
//!                 thread::park();
//!             }
//!         });
//!     }
//! }
//!
//! conformance::run(&ThreadEach);
//! ```
#![expect(clippy::unwrap_used, reason = "these are tests, and fail by a panic")]

mod arrival;
mod check;
mod endings;
mod first_reply;
mod kit;
mod kv;
mod lifetime;
mod limits;
mod nesting;
mod ordered;
mod outside;
mod panics;
mod reading;

pub use check::{Check, Failure, checks, run};
