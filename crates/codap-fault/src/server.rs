//! A running server.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::{
    connection::{self, Shared},
    counters::Counters,
    error::Error,
    ledger::Ledger,
    request::Request,
    script::Script,
};

/// How long [`Server::wait_for`] waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// Connections that the system holds until the server takes them.
const BACKLOG: u32 = 4096;

/// A server on a free port of 127.0.0.1. Dropping it closes its connections and frees the port
/// before the drop returns.
///
/// It has a thread and a clock of its own: it depends on no runtime of the test, and goes on while
/// one is blocked or its time is paused.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Script {
    /// Starts a server that does as this script says. It accepts connections when this returns.
    ///
    /// # Errors
    ///
    /// The script makes no sense (which the message explains), or the system refuses a port or a
    /// thread.
    pub async fn start(self) -> Result<Server, Error> {
        self.start_blocking()
    }

    /// As [`start`](Self::start), for tests without a runtime: it takes well under a millisecond
    /// either way.
    ///
    /// # Errors
    ///
    /// See [`start`](Self::start).
    pub fn start_blocking(self) -> Result<Server, Error> {
        self.start_at(0)
    }

    /// Starts on this port, 0 for a free one.
    ///
    /// # Errors
    ///
    /// See [`start`](Self::start); also if the port is taken.
    pub fn start_at(self, port: u16) -> Result<Server, Error> {
        self.check()?;
        Server::new(self, port)
    }
}

impl Server {
    fn new(script: Script, port: u16) -> Result<Self, Error> {
        let shared = Arc::new(shared(script)?);
        let (started, start) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let serving = shared.clone();
        let run = move || match prepare(port) {
            Ok((runtime, listener)) => {
                let ready = listener.local_addr().map(|at| (at, runtime.handle().clone()));
                if started.send(ready).is_ok() {
                    runtime.block_on(async {
                        tokio::select! {
                            _ = stopped => {}
                            () = accept(listener, serving) => {}
                        }
                    });
                }
            }
            // A starter that has gone wants to know nothing.
            Err(e) => drop(started.send(Err(e))),
        };
        let refused = |e: io::Error| Error::new(format!("cannot serve on 127.0.0.1:{port}: {e}"));
        let thread =
            thread::Builder::new().name("codap-fault".into()).spawn(run).map_err(refused)?;
        let start = start.recv().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        let (address, handle) = start.map_err(refused)?;
        Ok(Self { address, shared, handle, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT` and this path; a missing `/` is added.
    pub fn url(&self, path: &str) -> String {
        self.url_at("127.0.0.1", path)
    }

    /// The same under another name of this machine, `localhost`: another origin for clients.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        let scheme = if self.shared.script.tls.is_some() { "https" } else { "http" };
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{scheme}://{host}:{}{slash}{path}", self.address.port())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has counted so far.
    pub fn counters(&self) -> Counters {
        self.shared.ledger.lock().counters.clone()
    }

    /// The latest requests in the order in which they came, at most as many as
    /// [`Script::log`] says.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.ledger.lock().log.iter().cloned().collect()
    }

    /// Lets go of every stall that waits for it now; later ones wait for the next release. To be
    /// sure that a stall has begun, wait for [`stalled`](Counters::stalled).
    pub fn release(&self) {
        self.shared.ledger.released().notify_waiters();
    }

    /// Waits until `condition` holds, for 30 seconds at most, and returns the counters as they were
    /// then. Works on any runtime. The condition is looked at after every change, so a state is not
    /// missed however short it is; it runs under the server's lock and must not call the server.
    ///
    /// # Errors
    ///
    /// The time is up; the message has the counters.
    pub async fn wait_for(
        &self,
        condition: impl Fn(&Counters) -> bool + Send + 'static,
    ) -> Result<Counters, Error> {
        self.wait_within(PATIENCE, condition).await
    }

    /// As [`wait_for`](Self::wait_for), with a limit of one's own.
    ///
    /// # Errors
    ///
    /// The time is up; the message has the counters.
    pub async fn wait_within(
        &self,
        limit: Duration,
        condition: impl Fn(&Counters) -> bool + Send + 'static,
    ) -> Result<Counters, Error> {
        let (told, answer) = oneshot::channel();
        self.watch(limit, condition, |counters| drop(told.send(counters)));
        answer.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// As [`wait_for`](Self::wait_for), for tests without a runtime: blocks the thread.
    ///
    /// # Errors
    ///
    /// The time is up; the message has the counters.
    pub fn wait_for_blocking(
        &self,
        condition: impl Fn(&Counters) -> bool + Send + 'static,
    ) -> Result<Counters, Error> {
        let (told, answer) = mpsc::sync_channel(1);
        self.watch(PATIENCE, condition, move |counters| drop(told.send(counters)));
        answer.recv().unwrap_or_else(|_| Err(panicked()))
    }

    fn watch(
        &self,
        limit: Duration,
        condition: impl Fn(&Counters) -> bool + Send + 'static,
        tell: impl FnOnce(Result<Counters, Error>) + Send + 'static,
    ) {
        let told = self.shared.ledger.watch(condition);
        let shared = self.shared.clone();
        self.handle.spawn(async move {
            tell(match timeout(limit, told).await {
                Ok(told) => told.map_err(|_| panicked()),
                Err(_) => {
                    let counters = &shared.ledger.lock().counters;
                    Err(Error::new(format!("not so within {limit:?}: {counters:?}")))
                }
            });
        });
    }
}

fn panicked() -> Error {
    Error::new("the condition that was waited for panicked")
}

fn prepare(port: u16) -> io::Result<(runtime::Runtime, TcpListener)> {
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let listener = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        socket.listen(BACKLOG)
    })?;
    Ok((runtime, listener))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let number = shared.ledger.connected();
                tokio::spawn(connection::serve(stream, number, shared.clone()));
            }
            // No file left to open, most likely: some will be closed.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

#[cfg(feature = "tls")]
fn shared(script: Script) -> Result<Shared, Error> {
    let tls = script.tls.as_ref().map(crate::tls::acceptor).transpose()?;
    let ledger = Ledger::new(script.kept(), script.rules.len());
    Ok(Shared { script, ledger, tls })
}

#[cfg(not(feature = "tls"))]
fn shared(script: Script) -> Result<Shared, Error> {
    if script.tls.is_some() {
        return Err(Error::new(
            "the script has a certificate, but codap-fault was built without its feature `tls`",
        ));
    }
    let ledger = Ledger::new(script.kept(), script.rules.len());
    Ok(Shared { script, ledger })
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been told on stderr.
            drop(thread.join());
        }
    }
}
