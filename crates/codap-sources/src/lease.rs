//! Connections that are lent to one fetch at a time.
//!
//! 1. A connection is in use by at most one fetch, so no reply has two who could take it.
//! 2. It comes back only after a whole reply. A fetch that is dropped, or that fails, takes its
//!    connection along: what is still to arrive on it nobody will read.
//! 3. What drives a connection is polled by the fetch that has it. There is no task behind it, so
//!    it needs no runtime to be dropped, and one that is dropped is closed.
//! 4. An idle connection may have died unseen. If it has ended before it is asked, or ends before the
//!    first byte of a reply, the fetch goes on with another one; on a new one the same is an error.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::Semaphore;

use crate::document::Document;
use crate::error::Error;
use crate::job::Job;

/// A connection that can be asked for one document after the other.
pub(crate) trait Connection: Sized + Send {
    /// Where and as whom it connects.
    type Target: Sync;

    /// As many of them are open at once for one target.
    const LIMIT: usize;

    fn open(job: &Job, target: &Self::Target) -> impl Future<Output = Result<Self, Error>> + Send;

    fn ask(&mut self, job: &Job) -> impl Future<Output = Result<Document, Error>> + Send;

    /// How it was left by what was last asked.
    fn left(&self) -> Left;
}

/// How a connection is left by a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// The whole reply was read, whatever it says: the next fetch may have it.
    Whole,
    /// It had ended before the first byte of a reply.
    Dead,
    /// Anything else.
    Midway,
}

/// What moves a connection: it writes what was asked and hands on what comes, until both end.
pub(crate) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether a connection at rest has ended. Its driver is not to be polled again then.
pub(crate) async fn has_ended(driver: &mut Driver) -> bool {
    poll_fn(|cx| Poll::Ready(driver.as_mut().poll(cx).is_ready())).await
}

/// The connections to one target.
pub(crate) struct Lease<C: Connection> {
    target: C::Target,
    idle: Mutex<Vec<C>>,
    places: Semaphore,
}

impl<C: Connection> Lease<C> {
    pub(crate) fn new(target: C::Target) -> Arc<Self> {
        Arc::new(Self { target, idle: Mutex::default(), places: Semaphore::new(C::LIMIT) })
    }

    /// Fetches over an idle connection, or a new one; waits for a place if there are too many.
    pub(crate) async fn fetch(&self, job: &Job) -> Result<Document, Error> {
        job.waits("all connections were in use by other fetches");
        let _place = self.places.acquire().await.expect("it is never closed");
        job.has_waited();
        while let Some(mut connection) = self.take() {
            let reply = connection.ask(job).await;
            if connection.left() != Left::Dead {
                self.keep(connection);
                return reply;
            }
        }
        let mut connection = C::open(job, &self.target).await?;
        let reply = connection.ask(job).await;
        self.keep(connection);
        reply
    }

    fn take(&self) -> Option<C> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: C) {
        if connection.left() == Left::Whole {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
