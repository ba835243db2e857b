//! Where a work runs and who reads: runtime and caller.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Runtime};

static MULTI: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).build().expect("two threads start")
});

static SINGLE: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("it starts nothing"));

/// One whole life of a container with so many entries: made, filled, read, dropped.
pub(crate) type Work = fn(u64) -> BoxFuture<'static, ()>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// tokio, two workers; a task puts and reads.
    MultiTask,
    /// tokio, two workers; the thread of `block_on` puts and reads.
    MultiMain,
    /// tokio, one thread.
    Single,
    /// smol's global executor, which has one thread by default; a task puts and reads.
    SmolTask,
    /// The same; the thread of `block_on` puts and reads.
    SmolMain,
    /// No runtime: a thread puts, and blocks for what it reads.
    Thread,
}

impl Place {
    pub(crate) fn is_multi(self) -> bool {
        matches!(self, Self::MultiTask | Self::MultiMain)
    }

    /// How long `work` takes, done so many times in a row.
    pub(crate) fn time(self, work: Work, n: u64, times: u32) -> Duration {
        self.run(async move {
            let start = Instant::now();
            for _ in 0..times {
                work(n).await;
            }
            start.elapsed()
        })
    }

    /// Where nothing is a runtime's, the works block for what they read.
    pub(crate) fn run<T: Send + 'static>(self, lap: impl Future<Output = T> + Send + 'static) -> T {
        match self {
            Self::MultiTask => MULTI.block_on(MULTI.spawn(lap)).expect("no work panics"),
            Self::MultiMain => MULTI.block_on(lap),
            Self::Single => SINGLE.block_on(lap),
            Self::SmolTask => smol::block_on(smol::spawn(lap)),
            Self::SmolMain | Self::Thread => smol::block_on(lap),
        }
    }

    /// A container whose entries run here, to be called inside of [`run`](Self::run).
    pub(crate) fn build<C>(self, builder: codap::Builder<C>) -> C {
        match self {
            Self::Thread => builder.on(&codap::Threads).build(),
            _ => builder.build(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MultiTask => "tokio 2 workers, task",
            Self::MultiMain => "tokio 2 workers, block_on",
            Self::Single => "tokio current-thread",
            Self::SmolTask => "smol, task",
            Self::SmolMain => "smol, block_on",
            Self::Thread => "threads",
        })
    }
}
