//! The runtime around a verb, and the end of the program.

use std::time::Duration;

use tokio::runtime::Builder;

use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::say::say;
use crate::stop::Stop;

/// Work that nobody waits for any more, as a read that blocks a thread, gets this long to end.
const GRACE: Duration = Duration::from_millis(100);

/// Runs a verb on a runtime of its own, which can be interrupted.
pub(crate) fn run(verb: impl AsyncFnOnce(Interrupt) -> Result<Exit, Stop>) -> Result<Exit, Stop> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::fatal(format!("cannot start threads: {error}")))?;
    let ended = runtime.block_on(async {
        let interrupt = Interrupt::listen()?;
        verb(interrupt).await
    });
    runtime.shutdown_timeout(GRACE);
    ended
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
