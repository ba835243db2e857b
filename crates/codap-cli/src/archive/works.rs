//! The list as works of a drain: an object that is not there yet is fetched.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use codap::BoxError;
use codap_archive::Archive;
use codap_sources::Sources;
use futures_core::Stream;
use tokio::sync::mpsc::Receiver;

use super::listing::{Listed, Object};
use super::object::{Fetched, fetch};
use crate::policy::Policy;
use crate::stop::Stop;

/// What came of a line, or of one object of it.
pub(crate) enum Done {
    Object { object: Arc<Object>, began: Instant, reply: Result<Fetched, codap::Error> },
    Bad { line: u64, uri: Option<String>, why: String },
}

pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Done, BoxError>> + Send>>;

pub(crate) struct Works {
    pub(crate) listing: Receiver<Result<Listed, Stop>>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) sources: Sources,
    pub(crate) policy: Policy,
    pub(crate) tally: Tally,
}

/// What has begun, and how the list ended: shared with whoever takes the results.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// Objects that are under way, by their place.
    pub(crate) under_way: BTreeMap<u64, (Arc<Object>, Instant)>,
    /// How many objects there are so far, those included that an earlier run has finished.
    pub(crate) listed: u64,
    /// How many bytes they have, as long as the list knows of each.
    pub(crate) listed_bytes: Option<u64>,
    pub(crate) last_line: u64,
    /// An object whose name is not the one that was asked for, since they were told last.
    pub(crate) renamed: Vec<Arc<Object>>,
    pub(crate) ended: Option<Result<(), Stop>>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let tally = Self::default();
        tally.lock().listed_bytes = Some(0);
        tally
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lists(&mut self, object: &Arc<Object>) {
        self.listed += 1;
        self.last_line = object.line;
        self.listed_bytes = self.listed_bytes.zip(object.size).map(|(all, this)| all + this);
        if object.renamed.is_some() {
            self.renamed.push(object.clone());
        }
    }
}

impl Stream for Works {
    type Item = Work;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Work>> {
        let this = self.get_mut();
        loop {
            match ready!(this.listing.poll_recv(cx)) {
                Some(Ok(Listed::Object(object))) => match this.begin(object) {
                    Ok(Some(work)) => return Poll::Ready(Some(work)),
                    Ok(None) => {}
                    Err(stop) => return this.end(Err(stop)),
                },
                Some(Ok(Listed::Bad { line, uri, why })) => {
                    this.tally.lock().last_line = line;
                    let done = Done::Bad { line, uri, why };
                    return Poll::Ready(Some(Box::pin(std::future::ready(Ok(done)))));
                }
                Some(Err(stop)) => return this.end(Err(stop)),
                None => return this.end(Ok(())),
            }
        }
    }
}

impl Works {
    fn end(&self, how: Result<(), Stop>) -> Poll<Option<Work>> {
        self.tally.lock().ended = Some(how);
        Poll::Ready(None)
    }

    /// The work of an object; none if an earlier run has done it.
    fn begin(&self, object: Arc<Object>) -> Result<Option<Work>, Stop> {
        // Without its secrets: a signature may have been renewed since.
        let source = object.uri.to_string();
        let is_done = self.archive.is_done(object.index, &source, &object.name);
        let is_done = is_done.map_err(|error| Stop::fatal(error.to_string()))?;
        let began = Instant::now();
        let mut state = self.tally.lock();
        state.lists(&object);
        if is_done {
            return Ok(None);
        }
        state.under_way.insert(object.index, (object.clone(), began));
        drop(state);
        let mut entry = self.archive.entry(object.index, &source, &*object.name);
        if let Some(size) = object.promised.size {
            entry = entry.size(size);
        }
        if let Some(hash) = object.promised.sha256 {
            entry = entry.sha256(hash);
        }
        let fetching = fetch(self.sources.clone(), object.uri.clone(), entry, &self.policy);
        Ok(Some(Box::pin(async move {
            let reply = fetching.await;
            Ok(Done::Object { object, began, reply })
        })))
    }
}
