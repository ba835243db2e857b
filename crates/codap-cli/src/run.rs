//! The runtime around a verb, and the end of the program.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::say::say;
use crate::stop::Stop;

/// Work that nobody waits for any more, as a read that blocks a thread, gets this long to end.
const GRACE: Duration = Duration::from_millis(100);

/// Runs a verb on a runtime of its own, which can be interrupted. As a task: every reply wakes it,
/// which costs less among workers than to wake this thread.
pub(crate) fn run<F>(verb: impl FnOnce(Interrupt) -> F + Send + 'static) -> Result<Exit, Stop>
where
    F: Future<Output = Result<Exit, Stop>> + Send + 'static,
{
    let threads = available_parallelism().map_or(1, NonZero::get);
    let runtime = Builder::new_multi_thread()
        // One may be held up by whoever does not read our output; another hears Ctrl-C.
        .worker_threads(threads.max(2))
        .enable_all()
        .build()
        .map_err(|error| Stop::fatal(format!("cannot start threads: {error}")))?;
    let running = runtime.spawn(async {
        let interrupt = Interrupt::listen()?;
        verb(interrupt).await
    });
    let ended = runtime.block_on(running);
    runtime.shutdown_timeout(GRACE);
    ended.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// Says what there is to say at the end.
pub(crate) fn exit(ended: Result<Exit, Stop>) -> Exit {
    ended.unwrap_or_else(|stop| {
        if let Some(message) = stop.message() {
            say(message);
        }
        stop.exit()
    })
}
