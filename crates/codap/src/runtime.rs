//! Where entries run: tokio, smol, plain threads, or a runtime of the caller's own.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::{pool, threads, timer};

/// What a runtime of one's own must be able to do: run futures in the background.
///
/// tokio's `Handle` and `codap::background()` (feature `tokio`), `codap::Smol` (feature `smol`) and
/// [`Threads`] are runtimes; hand any of them to [`Kv::on`](crate::Kv::on). For another one
/// implement [`spawn`](Runtime::spawn); the other methods have defaults that are right
/// for most. Each entry is spawned here as a future of its own.
///
/// ```
/// use codap::{BoxFuture, Kv, Runtime};
///
/// /// Runs every entry on a thread of its own.
/// #[derive(Clone)]
/// struct ThreadEach;
///
/// impl Runtime for ThreadEach {
///     fn spawn(&self, work: BoxFuture) {
///         std::thread::spawn(move || futures_util::future::FutureExt::now_or_never(work));
///     }
/// }
///
/// let kv = Kv::<_, u32>::on(&ThreadEach);
/// kv.put("answer", async { 42 });
/// assert_eq!(kv["answer"], 42);
/// ```
pub trait Runtime: Send + Sync + 'static {
    /// Runs `work` in the background, on whatever thread, and returns at once. The work catches
    /// its own panics. A runtime that shuts down drops it: its entry then ends as cancelled.
    ///
    /// Under a limit this is called where a permit comes free: on any thread, also while the
    /// runtime polls or drops other work, so that it must hold no lock of its own then. A panic in
    /// here ends the entry, too. To cancel an entry codap wakes its work, which then drops its future
    /// and is ready. Cost: one box for each entry, and what the runtime adds.
    fn spawn(&self, work: BoxFuture);

    /// Calls `wait`, which blocks the current thread, if that is allowed here, and answers
    /// whether it was. A runtime that would be stopped by it answers `false` without a call. Called for
    /// each blocking read that has to wait.
    fn block(&self, wait: &mut dyn FnMut()) -> bool {
        wait();
        true
    }

    /// The time by which deadlines and timeouts of entries here are measured. Called once for each
    /// entry, and for each event that its container records.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// A future that is ready at `at` by this runtime's clock, never before.
    /// By default it waits for codap's own timer thread. Dropping it takes the sleep back.
    fn sleep_until(&self, at: Instant) -> BoxFuture {
        Box::pin(timer::sleep_until(at))
    }
}

/// A future to be run in the background.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Plain threads: what runs entries where there is no runtime.
///
/// Futures are polled, and functions called, on one pool of at most 512 running threads, which is
/// started by the first entry, grows when its threads block, and shrinks when idle. A future that
/// needs the reactor of a runtime (tokio's sockets and timers) fails here with an error that says
/// so. The value itself is nothing, and costs nothing.
///
/// ```
/// let kv = codap::Kv::<_, u32>::on(&codap::Threads);
/// kv.put("answer", async { 42 });
/// assert_eq!(kv["answer"], 42);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Threads;

impl Runtime for Threads {
    fn spawn(&self, work: BoxFuture) {
        threads::spawn(work);
    }
}

/// smol's global executor.
///
/// It has one thread unless the environment variable `SMOL_THREADS` says more: an entry that
/// computes then delays the others, and a blocking read in a smol task is an error. smol starts its
/// threads with the first entry, and they live as long as the process.
#[cfg(feature = "smol")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Smol;

#[cfg(feature = "smol")]
impl Runtime for Smol {
    fn spawn(&self, work: BoxFuture) {
        smol::spawn(work).detach();
    }
}

#[cfg(feature = "tokio")]
impl Runtime for tokio::runtime::Handle {
    fn spawn(&self, work: BoxFuture) {
        drop(Self::spawn(self, work));
    }
}

/// A tokio runtime shared by everything in the process that asks for it: for programs that have
/// none of their own and put futures that need one (reqwest, sqlx, mongodb).
///
/// It starts with the first call, with one worker per core and what drivers the tokio in the
/// build has, and lives as long as the process.
///
/// # Panics
/// If the operating system refuses to start its threads.
///
/// ```
/// let kv = codap::Kv::<_, u32>::on(&codap::background());
/// kv.put("late", async {
///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///     42
/// });
/// assert_eq!(kv["late"], 42);
/// ```
#[cfg(feature = "tokio")]
pub fn background() -> impl Runtime + Clone {
    static BACKGROUND: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    BACKGROUND
        .get_or_init(|| {
            tokio::runtime::Builder::new_multi_thread()
                .thread_name("codap-background")
                .enable_all()
                .build()
                .expect("the operating system starts the threads of the background runtime")
        })
        .handle()
        .clone()
}

/// The runtime of one container.
#[derive(Clone)]
pub(crate) enum Home {
    Threads,
    #[cfg(feature = "tokio")]
    Tokio(tokio::runtime::Handle),
    #[cfg(feature = "smol")]
    Smol,
    Custom(Arc<dyn Runtime>),
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Home {
    /// The best runtime at hand: the tokio runtime that the caller is in, else smol's global
    /// executor if built with it, else plain threads.
    pub(crate) fn here() -> Self {
        #[cfg(feature = "tokio")]
        if let Ok(handle) = tokio::runtime::Handle::try_current() {
            return Self::Tokio(handle);
        }
        #[cfg(feature = "smol")]
        return Self::Smol;
        #[cfg(not(feature = "smol"))]
        Self::Threads
    }

    pub(crate) fn of<R: Runtime + Clone>(runtime: &R) -> Self {
        let any = runtime as &dyn Any;
        #[cfg(feature = "tokio")]
        if let Some(handle) = any.downcast_ref::<tokio::runtime::Handle>() {
            return Self::Tokio(handle.clone());
        }
        #[cfg(feature = "smol")]
        if any.is::<Smol>() {
            return Self::Smol;
        }
        if any.is::<Threads>() {
            return Self::Threads;
        }
        #[cfg(feature = "conformance")]
        if let Some(home) = any.downcast_ref::<Self>() {
            return home.clone();
        }
        Self::Custom(Arc::new(runtime.clone()))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Threads => "threads",
            #[cfg(feature = "tokio")]
            Self::Tokio(_) => "tokio",
            #[cfg(feature = "smol")]
            Self::Smol => "smol",
            Self::Custom(_) => "custom",
        }
    }

    /// Makes a future a task of its own.
    pub(crate) fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio(handle) => drop(handle.spawn(future)),
            #[cfg(feature = "smol")]
            Self::Smol => smol::spawn(future).detach(),
            Self::Threads | Self::Custom(_) => self.spawn_boxed(Box::pin(future)),
        }
    }

    /// The same, of a future that is boxed already.
    pub(crate) fn spawn_boxed(&self, future: BoxFuture) {
        match self {
            Self::Threads => threads::spawn(future),
            Self::Custom(runtime) => runtime.spawn(future),
            #[cfg(any(feature = "tokio", feature = "smol"))]
            _ => self.spawn(future),
        }
    }

    /// Whether the task that a thread spawned last may wait for that thread, while others idle.
    pub(crate) fn keeps_the_last(&self) -> bool {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio(handle) => {
                handle.runtime_flavor() != tokio::runtime::RuntimeFlavor::CurrentThread
            }
            _ => false,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::Custom(runtime) => runtime.now(),
            _ => Instant::now(),
        }
    }

    pub(crate) fn sleep_until(&self, at: Instant) -> Nap {
        match self {
            Self::Custom(runtime) => Nap::Custom(runtime.sleep_until(at)),
            _ => Nap::Timer(timer::sleep_until(at)),
        }
    }

    /// Keeps what the runtime lends to a function that runs on a pool thread: tokio's context,
    /// so that `Handle::current()` and its sockets work in there too.
    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tokio")]
        if let Self::Tokio(handle) = self {
            let _context = handle.enter();
            return f();
        }
        f()
    }
}

/// Any of them behind the public trait: what the conformance suite runs on.
#[cfg(feature = "conformance")]
impl Runtime for Home {
    fn spawn(&self, work: BoxFuture) {
        self.spawn_boxed(work);
    }

    fn block(&self, wait: &mut dyn FnMut()) -> bool {
        block(Some(self), wait).is_ok()
    }

    fn now(&self) -> Instant {
        Self::now(self)
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture {
        Box::pin(Self::sleep_until(self, at))
    }
}

/// A sleep by the clock of the runtime.
pub(crate) enum Nap {
    Timer(timer::Sleep),
    Custom(BoxFuture),
}

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::Timer(sleep) => Pin::new(sleep).poll(cx),
            Self::Custom(sleep) => sleep.as_mut().poll(cx),
        }
    }
}

/// Runs `wait`, which blocks this thread, or says why it may not be blocked.
pub(crate) fn block(home: Option<&Home>, wait: &mut dyn FnMut()) -> Result<(), &'static str> {
    if pool::on_pool_thread() {
        return pool::wait(wait).map_err(|pool::Exhausted| {
            "every thread of the pool waits for another entry already and no more can be started; \
             nest less deep, or use `.get(..).await` in futures"
        });
    }
    #[cfg(feature = "tokio")]
    if let Ok(handle) = tokio::runtime::Handle::try_current() {
        return block_in_tokio(&handle, wait);
    }
    #[cfg(feature = "smol")]
    if std::thread::current().name().is_some_and(|name| name.starts_with("smol-")) {
        return Err("this is a thread of smol, which runs the entry too; use `.get(..).await`");
    }
    match home {
        Some(Home::Custom(runtime)) => match runtime.block(wait) {
            true => Ok(()),
            false => Err("the runtime does not allow to block here; use `.get(..).await`"),
        },
        _ => {
            wait();
            Ok(())
        }
    }
}

#[cfg(feature = "tokio")]
fn block_in_tokio(
    handle: &tokio::runtime::Handle,
    wait: &mut dyn FnMut(),
) -> Result<(), &'static str> {
    if handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::CurrentThread {
        return Err("this thread belongs to a current-thread runtime, which would stop; \
                    use `.get(..).await`, or read from `spawn_blocking` with a container that \
                    runs elsewhere");
    }
    // In a `LocalSet` tokio panics before it calls the closure; nothing tells beforehand.
    let mut waited = false;
    let outcome = crate::contain::catch(|| {
        tokio::task::block_in_place(|| {
            waited = true;
            wait();
        });
    });
    match outcome {
        Ok(()) => Ok(()),
        Err(_) if !waited => {
            Err("tokio does not allow to block here (inside of a `LocalSet`); use `.get(..).await`")
        }
        Err(_) => Err("the wait was broken off by a panic of the runtime"),
    }
}
