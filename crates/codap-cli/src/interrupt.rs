//! Ctrl-C: the first ends the run in order, the second at once.

use std::time::Duration;

#[cfg(not(unix))]
use tokio::signal::ctrl_c;
use tokio::sync::watch;

use crate::exit::Exit;
use crate::progress;
use crate::stop::Stop;

/// A run that has not ended so long after Ctrl-C (its output is a pipe that nobody reads, say) is
/// ended.
const ORDERLY: Duration = Duration::from_millis(800);

/// Tells of Ctrl-C.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// From now on Ctrl-C is told here, and kills no more.
    pub(crate) fn listen() -> Result<Self, Stop> {
        let (tell, told) = watch::channel(false);
        let mut signals = Signals::new()?;
        tokio::spawn(async move {
            signals.next().await;
            // Whoever is told may have gone, with nothing left to do but to exit.
            let _ = tell.send(true);
            drop(tokio::time::timeout(ORDERLY, signals.next()).await);
            at_once();
        });
        Ok(Self(told))
    }

    /// Waits for Ctrl-C, or for ever.
    pub(crate) async fn wait(&self) {
        let mut told = self.0.clone();
        if told.wait_for(|told| *told).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// `work`, unless Ctrl-C comes first.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            () = self.wait() => Err(Stop::Interrupted),
            done = work => Ok(done),
        }
    }
}

#[expect(clippy::exit, reason = "whoever presses Ctrl-C twice waits for nothing any more")]
fn at_once() {
    progress::clear();
    std::process::exit(Exit::Interrupted as i32);
}

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self, Stop> {
        let kind = tokio::signal::unix::SignalKind::interrupt();
        let refused = |error| Stop::fatal(format!("cannot listen for Ctrl-C: {error}"));
        tokio::signal::unix::signal(kind).map(Self).map_err(refused)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self, Stop> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
