//! How a container is to behave, said before its first entry.

use std::time::Duration;

use crate::board::Config;
use crate::runtime::{Home, Runtime};

/// How a container is to behave: from [`Kv::builder`](crate::Kv::builder) and its like.
///
/// ```
/// use std::time::Duration;
///
/// let page = codap::Kv::<&str, u32>::builder()
///     .limit(16)
///     .deadline(Duration::from_secs(2))
///     .build();
/// page.put("answer", async { 42 });
/// assert_eq!(page["answer"], 42);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder<C> {
    config: Config,
    home: Option<Home>,
    make: fn(Config, Option<Home>) -> C,
}

impl<C> Builder<C> {
    pub(crate) fn new(make: fn(Config, Option<Home>) -> C) -> Self {
        Self { config: Config::default(), home: None, make }
    }

    /// At most `limit` entries run at once; the others start in the order of their puts. An entry
    /// that waits for another one does not count meanwhile, a hand-filled or ready one never. A
    /// function that was cancelled while it ran counts until it returns.
    ///
    /// Default: futures unlimited, functions as many as the pool has threads, which is 512. Cost: the
    /// container's lock once more for each put.
    ///
    /// # Panics
    /// If `limit` is 0: nothing could ever run.
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "a limit of 0 would let no entry run; leave `limit` out for no limit");
        self.config.limit = Some(limit);
        self
    }

    /// Every entry ends at most this long after its put, the time in the queue included: as timed
    /// out, if it is still pending. Default: none. A deadline beyond the end of time
    /// (`Duration::MAX`) is none. Its work is left as by a cancel. Cost: one sleep on the timer
    /// thread for the whole container.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.config.deadline = std::time::Instant::now().checked_add(after).map(|_| after);
        self
    }

    /// Records what happens, for [`events`](crate::Owner::events). Default: off, at no cost; on,
    /// it costs three looks at the clock and three records of 56 bytes for each entry.
    pub fn record(mut self, on: bool) -> Self {
        self.config.record = on;
        self
    }

    /// Runs the entries on `runtime`, wherever they are put. Default: the tokio runtime that the
    /// first put is made in, else smol if built with it, else plain threads. Costs nothing but what
    /// the runtime does: one of your own takes a second allocation for each entry.
    pub fn on(mut self, runtime: &(impl Runtime + Clone)) -> Self {
        self.home = Some(Home::of(runtime));
        self
    }

    /// The container. Nothing is started yet. Cost: four small allocations.
    pub fn build(self) -> C {
        (self.make)(self.config, self.home)
    }
}
