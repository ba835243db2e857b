//! For tests of many steps: the runtimes to run them on, and a watch that says at which step one
//! hangs and how to replay it.

use std::fmt::Debug;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use codap::{Builder, Runtime};
use tokio::sync::{oneshot, watch};

use crate::crew::{Crew, Hand};
use crate::leaks::Watch;

/// A runtime to run a test on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    #[cfg(feature = "tokio")]
    TokioMulti,
    #[cfg(feature = "tokio")]
    TokioCurrent,
    #[cfg(feature = "smol")]
    Smol,
    Threads,
    Custom,
}

impl On {
    const ALL: &[Self] = &[
        #[cfg(feature = "tokio")]
        Self::TokioMulti,
        #[cfg(feature = "tokio")]
        Self::TokioCurrent,
        #[cfg(feature = "smol")]
        Self::Smol,
        Self::Threads,
        Self::Custom,
    ];

    /// Every runtime; only the one that `CODAP_ON` names, if it is set.
    pub(crate) fn all() -> Vec<Self> {
        let Ok(name) = std::env::var("CODAP_ON") else { return Self::ALL.to_vec() };
        let one: Vec<_> =
            Self::ALL.iter().copied().filter(|on| format!("{on:?}") == name).collect();
        assert!(!one.is_empty(), "CODAP_ON={name} is none of {:?}", Self::ALL);
        one
    }

    /// Runs a test's main future. A runtime of tokio's, or a custom one, lives exactly as long as
    /// this call.
    pub(crate) fn run<T>(self, future: impl Future<Output = T>) -> T {
        match self {
            #[cfg(feature = "tokio")]
            Self::TokioMulti => crate::stage::multi_thread().block_on(future),
            #[cfg(feature = "tokio")]
            Self::TokioCurrent => crate::stage::current_thread().block_on(future),
            #[cfg(feature = "smol")]
            Self::Smol => block_on(future),
            Self::Threads => block_on(future),
            Self::Custom => Crew::new(2).block_on(future),
        }
    }

    /// A container on this runtime, to be called inside of [`run`](Self::run).
    pub(crate) fn build<C>(self, builder: Builder<C>) -> C {
        match self {
            #[cfg(feature = "tokio")]
            Self::TokioMulti | Self::TokioCurrent => {
                builder.on(&tokio::runtime::Handle::current()).build()
            }
            #[cfg(feature = "smol")]
            Self::Smol => builder.on(&codap::Smol).build(),
            Self::Threads => builder.on(&codap::Threads).build(),
            Self::Custom => builder.on(&Hand::current()).build(),
        }
    }

    /// Runs a future as a task that codap knows nothing of.
    pub(crate) fn spawn<T: Send + 'static>(
        self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let (sender, receiver) = oneshot::channel();
        let task = async move {
            // A receiver that has gone wants to know nothing.
            let _ = sender.send(future.await);
        };
        match self {
            #[cfg(feature = "tokio")]
            Self::TokioMulti | Self::TokioCurrent => drop(tokio::spawn(task)),
            #[cfg(feature = "smol")]
            Self::Smol => smol::spawn(task).detach(),
            Self::Threads => codap::Threads.spawn(Box::pin(task)),
            Self::Custom => Hand::current().spawn(Box::pin(task)),
        }
        async { receiver.await.expect("a subtask is not lost") }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Drives a future on this thread, which is no runtime's.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Closed until it is opened once and for all.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn passed(&self) {
        let mut open = self.0.subscribe();
        open.wait_for(|open| *open).await.expect("a gate that is waited at is there");
    }
}

/// What a watched test is doing.
pub(crate) struct Doing<T>(Mutex<(u64, Option<T>)>);

impl<T: Debug + Clone> Doing<T> {
    /// The next step, which may take as long as [`watched`] was told.
    pub(crate) fn step(&self, what: T) {
        let mut doing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *doing = (doing.0 + 1, Some(what));
    }

    fn now(&self) -> (u64, Option<T>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs `test` under the guard against leaks, and fails with what it was doing if one step takes
/// longer than `patience`.
pub(crate) fn watched<T: Debug + Clone + Send + 'static>(
    patience: Duration,
    test: impl FnOnce(&Doing<T>) + Send + 'static,
) {
    let _watch = Watch::new();
    let doing = Arc::new(Doing(Mutex::new((0, None))));
    let (running, ended) = channel::<()>();
    let body = {
        let doing = doing.clone();
        thread::spawn(move || {
            let _running = running;
            test(&doing);
        })
    };
    let mut last = doing.now();
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(patience) {
        let now = doing.now();
        assert_ne!(now.0, last.0, "hung for {patience:?} at {:?}", now.1);
        last = now;
    }
    if let Err(payload) = body.join() {
        report(format_args!("while at {:?}", doing.now().1));
        resume_unwind(payload);
    }
}

/// Says what was measured, for who runs the test with `--nocapture`, or sees it fail.
#[expect(clippy::print_stdout, reason = "what a test prints is shown if it fails")]
pub(crate) fn report(what: std::fmt::Arguments<'_>) {
    println!("{what}");
}

/// How the messages of panics begin that are part of a test.
pub(crate) const DELIBERATE: &str = "deliberate";

/// A payload whose own drop panics.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{DELIBERATE}: drop of a payload");
    }
}

/// A number from the environment, for longer runs and for replays.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}
