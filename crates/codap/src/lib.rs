//! codap
#![cfg_attr(docsrs, feature(doc_cfg))]

mod board;
mod builder;
mod chunk;
mod contain;
mod crowd;
mod current;
mod deadline;
mod drain;
mod entry;
mod error;
mod event;
mod fetch;
mod first_reply;
mod group;
mod kv;
mod limiter;
mod ordered;
mod outcome;
mod owner;
#[cfg(feature = "page")]
mod page;
mod pool;
mod push;
mod redact;
mod reply;
mod runtime;
mod slot;
mod sync;
mod threads;
mod timer;
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
pub use reply::{Get, Reply};
#[cfg(feature = "smol")]
pub use runtime::Smol;
#[cfg(feature = "tokio")]
pub use runtime::background;
pub use runtime::{BoxFuture, Runtime, Threads};
pub use slot::{External, Pause, Slot};
