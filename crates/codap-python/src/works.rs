//! The list of an archive as works of a drain: each object from its source into the archive, as
//! often as it takes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use codap::BoxError;
use codap_archive::{Archive, Entry};
use codap_sources::{Error, Sources, Uri};
use futures_core::Stream;
use tokio::sync::mpsc::Receiver;

use crate::listing::{Bad, Object};

pub(crate) struct Works<'a> {
    pub(crate) listing: Receiver<Result<Object, Bad>>,
    pub(crate) archive: &'a Archive,
    pub(crate) sources: Sources,
    pub(crate) backoff: Vec<Duration>,
}

/// What came of one.
pub(crate) enum Done {
    Written(Object),
    Failed(Object, codap::Error),
    Bad(Bad),
}

type Work = Pin<Box<dyn Future<Output = Result<Done, BoxError>> + Send>>;

impl Stream for Works<'_> {
    type Item = Work;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Work>> {
        let this = self.get_mut();
        Poll::Ready(ready!(this.listing.poll_recv(cx)).map(|listed| match listed {
            Ok(object) => this.work(object),
            Err(bad) => Box::pin(std::future::ready(Ok(Done::Bad(bad)))),
        }))
    }
}

impl Works<'_> {
    fn work(&self, object: Object) -> Work {
        let entry = self.archive.entry(object.index, &object.uri.to_string(), &*object.name);
        let fetching = fetch(self.sources.clone(), object.uri.clone(), entry, self.backoff.clone());
        Box::pin(async move {
            Ok(match fetching.await {
                Ok(()) => Done::Written(object),
                Err(error) => Done::Failed(object, error),
            })
        })
    }
}

/// Fetches `uri` into `entry`. What has come of an attempt that fails is thrown away.
fn fetch(
    sources: Sources,
    uri: Uri,
    entry: Entry,
    backoff: Vec<Duration>,
) -> impl Future<Output = Result<(), codap::Error>> + Send {
    let entry = Arc::new(entry);
    let attempt = move || {
        let (opening, entry) = (sources.open(&uri), entry.clone());
        async move {
            let mut body = opening.await?;
            // Its memory is asked for once it is known how much, and before any of it is held.
            let mut filling = entry.begin(body.length()).await?;
            while let Some(chunk) = body.next().await? {
                filling.write(&chunk).await?;
            }
            filling.finish().await?;
            Ok::<_, BoxError>(())
        }
    };
    codap::fetch(attempt)
        .retry(backoff)
        .jitter()
        .retry_if(|error| source(error).is_some_and(Error::is_transient))
        .retry_after(|error| source(error).and_then(Error::retry_after))
}

fn source(error: &BoxError) -> Option<&Error> {
    error.downcast_ref()
}

/// What ends the archive and not only this entry, if that is why `error` came.
pub(crate) fn that_ends_all(error: &codap::Error) -> Option<&codap_archive::Error> {
    let error: &codap_archive::Error = std::error::Error::source(error)?.downcast_ref()?;
    (!error.is_about_entry()).then_some(error)
}
