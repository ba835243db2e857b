//! Ordinary containers whose values are on their way: put everything at once, wait only for what
//! you touch.
//!
//! ```
//! # async fn find_user(_: u32) -> Result<String, std::io::Error> { Ok("ada".to_owned()) }
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use codap::Kv;
//!
//! let page = Kv::<_, String>::new();
//! page.put("user", find_user(1));                          // a future: starts now
//! page.put_blocking("host", || "gaia".to_owned());         // a function, on a thread: starts now
//! page.insert("title", "Home".to_owned());                 // a value
//! assert_eq!(page.get("user").await?, "ada");              // waits for this one only
//! while let Some((key, reply)) = page.next().await {       // as they arrive, each once
//!     println!("{key}: {}", reply?);
//! }                                                        // dropping it cancels what is pending
//! # Ok(()) }
//! ```
//!
//! | | [`Kv`] | [`Ordered`] | [`FirstReply`] | [`drain`](drain()) |
//! |---|---|---|---|---|
//! | read by | key: `kv["k"]` | position: `list[3]` | arrival: `fr[0]` is the first reply | stream, by arrival |
//! | order of `join`, `iter` | of the puts | of the pushes | of the pushes | – |
//! | order of `into_results` | of the puts | of the pushes | of arrival | – |
//! | a failed entry | is an error where its key is read | is an error at its position | is a reply like any other; [`first_ok`](Owner::first_ok) passes it over | is an `Err` in the stream |
//! | dropping it | cancels what is pending | cancels what is pending | cancels what is pending | cancels what is in flight |
//! | a read waits until | this entry has ended | this entry has ended | `n` + 1 entries have ended | the next one has ended |
//! | values | stay, lent out as `&V` | stay, lent out as `&V` | stay, lent out as `&V` | are moved out |
//!
//! In all of them: work runs from the put on, whoever reads or does not. A failed entry (an error,
//! a panic, a timeout) harms no other. `get(..).await` waits, `get_blocking(..)` and the index
//! block the thread, `try_get(..)` never waits. Dropping the future of a read gives the wait up
//! and touches no entry. **There is no deadline unless you set one**, by
//! [`deadline`](Builder::deadline) for all entries or by [`timeout`](Fetch::timeout) for one: until
//! then an entry that never ends keeps its readers waiting.
//!
//! # Where things are
//!
//! - The containers: [`Kv`], [`Ordered`], [`FirstReply`]; with feature `page`, `Page`, whose
//!   entries have types of their own and which a template or a serialiser reads. Each owns its
//!   entries and derefs to [`Owner`], which is what waits for many: [`join`](Owner::join),
//!   [`try_join`](Owner::try_join), [`first_ok`](Owner::first_ok),
//!   [`finish_by`](Owner::finish_by), [`next`](Owner::next), [`arrivals`](Owner::arrivals).
//! - What entries may hold: [`KvHandle`], [`OrderedHandle`], [`FirstReplyHandle`] (cloneable,
//!   `'static`, without the power to keep the work alive), and [`Reply`], which every put answers
//!   and which reads one entry.
//! - Entries that something else completes: [`Slot`] is filled by hand, [`External`] is work
//!   outside of codap that keeps to the limit.
//! - How a container behaves: [`Builder`]. How one entry behaves: [`fetch`](fetch()).
//! - More work than fits: [`drain`](drain()), at most so many in flight, memory given back as
//!   results are taken.
//!
//! # Runtimes
//!
//! The first put decides where the entries of a container run: on the tokio runtime that it is made
//! in; else on smol's global executor, if built with feature `smol`; else on threads of codap's
//! own, which need no runtime at all. `Kv::on(&runtime)` chooses: a tokio `Handle`, [`Threads`],
//! `codap::Smol`, `codap::background()` (one shared tokio runtime, for programs that have none), or
//! a [`Runtime`] of your own. Functions run on one pool of threads on every runtime, and deadlines
//! on one timer thread; both start when they are first needed. Nothing is started by importing or
//! by building a container.
//!
//! The meaning of everything is the same everywhere but for what a runtime forces:
//!
//! | | tokio, multi-thread | tokio, current-thread | smol | [`Threads`] | your own |
//! |---|---|---|---|---|---|
//! | entries run | on its workers | while somebody drives it (`block_on`) | on its one thread, or as many as `SMOL_THREADS` says | on up to 512 threads | as it does |
//! | an entry that computes delays | nobody, while a worker is free | all the others | the others of its thread | nobody, while a thread is free | as it does |
//! | a blocking read inside of it | works, at some 40 times the cost of `.await` | is an error | is an error | works, and the pool grows for it | asks [`Runtime::block`] |
//! | tokio's sockets and timers in a future | work | work | are an error that says so | are an error that says so | as it does |
//! | pending entries when it shuts down | end as cancelled | end as cancelled | never | never | end as cancelled, if it drops them |
//! | time, for deadlines and timeouts | real, also while tokio's clock is paused | real, also while tokio's clock is paused | real | real | [`Runtime::now`] |
//! | a future's first poll, from the 17th entry on | in a task shared with other new entries, the further ones in its own | the same | the same | the same | in its own task |
//! | allocations for a future, from the 17th entry on | 1, or 2 if its first poll is pending | the same | the same | the same | 2 |
//!
//! # Limits, deadlines, policies
//!
//! `Kv::builder().limit(16).deadline(d)`: at most 16 entries run at once, started in the order of
//! their puts, and each ends within `d` of its put, the time in the queue included. Without a limit
//! futures are unlimited and functions have up to 512 threads. [`fetch`](fetch()) is the policy of
//! one entry: timeout, retry, default. Nothing is retried unless you ask for it.
//!
//! # Entries that wait for entries
//!
//! An entry may put into, and wait for entries of, its own and other containers, at any depth and
//! under any limit: while it waits it gives its permit back, and afterwards goes before entries
//! that have not started. "At most 16" thus counts entries that run, not those that wait for others. A
//! wait that could never end because the entries wait for each other in a circle is an error
//! ([`is_cycle`](Error::is_cycle)) for the one that would close it, also where a timeout around
//! that wait would have broken the circle. All this holds in the entry's own future or function; a
//! task that it spawns belongs to it if it is wrapped in [`carry`]. A circle may lead through a wait
//! for an arrival: that wait, whoever closed the circle, is told that nothing more will come.
//!
//! # Errors
//!
//! There is one type, [`Error`], cheap to clone. Its text tells in one line which entry, how it
//! ended, after how long and why, without the secrets of URLs;
//! [`source`](std::error::Error::source) is the work's own error, to downcast. (What went through
//! `anyhow::Error` does not downcast any more, unless turned into a box by
//! `reallocate_into_boxed_dyn_error_without_backtrace`.) Every entry ends in exactly one way, its
//! [`Ending`]. A read can also be answered with an error of its
//! own: missing, would block, cycle.
//!
//! Panics are contained in their entry: in its work, in `Drop` of its future and its value, in
//! callbacks. This needs `panic = "unwind"`, the default of Rust. One thing nobody can contain: a
//! second panic, out of a `Drop` of something that the work holds, while the first still unwinds the
//! work's own stack. There Rust itself ends the process.
//!
//! # Events
//!
//! `Kv::builder().record(true)` keeps a record of what happened: queued, started, attempts, how it
//! ended, and who waited for which entry from when to when; [`Owner::events`] reads it.
//!
//! # Blocking reads: what is detected and what is not
//!
//! A blocking read works on threads of your own, in functions of codap's pool, in futures on
//! [`Threads`] and on a multi-thread tokio runtime. Where it would stop the runtime that it waits
//! for (a current-thread runtime, a `LocalSet`, a thread of smol) it is an error that names the
//! awaitable form, instead of a hang. What nothing tells beforehand:
//!
//! - A thread of tokio's `spawn_blocking` under a *current-thread* runtime looks like the runtime's
//!   own: the read is an error although it could wait. A function put by `put_blocking` can.
//! - A current-thread runtime that nobody drives while you wait for its entries from outside: a
//!   hang.
//! - A multi-thread tokio runtime whose only worker blocks while all its `max_blocking_threads` are
//!   taken: a hang.
//! - smol is known by the names of its threads. A read on an executor of your own, which has no
//!   other thread to run the entry on, is a hang, unless its [`Runtime::block`] says that it would.
//! - In a `join!` or `select!` a blocking read stops the other branches of the same task.
//!
//! To be free of all this in async code: `.get(..).await`, or `join().await` before the first
//! index.
//!
//! # Features
//!
//! - `tokio` (default): entries run on the tokio runtime that the first put is made in; adds
//!   `codap::background()` and `Runtime` for tokio's `Handle`.
//! - `smol`: entries run on smol's global executor where there is no tokio runtime; adds
//!   `codap::Smol`.
//! - `page`: `Page`, entries of different types under one key space, serialised as they are read.
//! - `minijinja`: `Page` as the context of a template, which waits only for what it touches.
//! - `conformance`: the suite of tests that every runtime passes, to run it on your own.
//!
//! Without any, nothing asynchronous is in the dependency tree but futures-core.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod board;
mod builder;
mod chunk;
// Not in the unit tests: they do not run it, and it would take longer to build than they do.
#[cfg(all(feature = "conformance", not(test)))]
pub mod conformance;
mod contain;
mod current;
mod deadline;
mod drain;
mod entry;
mod error;
mod event;
mod fetch;
mod first_reply;
mod group;
#[cfg(all(test, not(codap_loom)))]
mod in_small;
mod kv;
#[cfg(test)]
#[path = "../tests/it/leaks.rs"]
#[expect(dead_code, reason = "the integration tests count more")]
mod leaks;
mod limiter;
#[cfg(all(test, codap_loom))]
mod loom_models;
mod ordered;
mod outcome;
mod owner;
#[cfg(feature = "page")]
mod page;
mod pool;
mod push;
mod ready;
mod record;
mod redact;
mod reply;
mod runtime;
mod seat;
mod slot;
mod sync;
mod threads;
mod timer;
mod until;
mod waiters;
mod waits;
mod work;

pub use builder::Builder;
pub use current::{Carry, carry};
pub use drain::{Drain, Iter, drain, drain_stream};
pub use error::{BoxError, Ending, Error, Errors};
pub use event::{Event, Waiter, What};
pub use fetch::{Fetch, fetch};
pub use first_reply::{FirstReply, FirstReplyHandle, Nth};
pub use group::Key;
pub use kv::{Kv, KvHandle};
pub use ordered::{Ordered, OrderedHandle, Range};
pub use outcome::{Outcome, ok};
pub use owner::{Arrivals, Finished, Keyed, Missing, Owner, Why};
#[cfg(feature = "page")]
pub use page::{Page, PageReply, Piece};
pub use push::Pusher;
pub use redact::redact;
pub use reply::{Get, Reply};
#[cfg(feature = "smol")]
pub use runtime::Smol;
#[cfg(feature = "tokio")]
pub use runtime::background;
pub use runtime::{BoxFuture, Runtime, Threads};
pub use slot::{External, Pause, Slot};

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
