//! codap
#![cfg_attr(docsrs, feature(doc_cfg))]

mod board;
mod builder;
mod chunk;
mod contain;
mod crowd;
mod current;
mod deadline;
mod entry;
mod error;
mod event;
mod first_reply;
mod group;
mod kv;
mod limiter;
mod ordered;
mod outcome;
mod owner;
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
pub use error::{BoxError, Ending, Error, Errors};
pub use event::{Event, Waiter, What};
pub use first_reply::{FirstReply, FirstReplyHandle, Nth};
pub use group::Key;
pub use kv::{Kv, KvHandle};
pub use ordered::{Ordered, OrderedHandle, Range};
pub use outcome::{Outcome, ok};
pub use owner::{Arrivals, Finished, Keyed, Missing, Owner, Why};
pub use push::Pusher;
pub use reply::{Get, Reply};
#[cfg(feature = "smol")]
pub use runtime::Smol;
#[cfg(feature = "tokio")]
pub use runtime::background;
pub use runtime::{BoxFuture, Runtime, Threads};
pub use slot::{External, Pause, Slot};
