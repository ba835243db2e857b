//! Where work runs, and for how long.

use std::future::Future;
#[cfg(any(feature = "file", feature = "s3", feature = "gs", feature = "az"))]
use std::future::ready;
use std::pin::Pin;

use codap::Runtime;

use crate::error::{Error, Kind};
use crate::job::Job;
use crate::uri::Uri;

/// Does `work` on the runtime that polls it, or on one of codap's.
#[cfg(any(feature = "file", feature = "s3", feature = "gs", feature = "az"))]
pub(crate) async fn anywhere<T: Send + 'static>(
    about: &Uri,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    if has_runtime() {
        return work.await;
    }
    elsewhere(about.clone(), async { (work.await, ready(())) }).await
}

pub(crate) fn has_runtime() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

/// Runs `work` on a runtime of codap's, and then what it leaves behind. It is dropped with the
/// future that waits for its reply.
pub(crate) async fn elsewhere<T, W>(
    about: Uri,
    work: impl Future<Output = (Result<T, Error>, W)> + Send + 'static,
) -> Result<T, Error>
where
    T: Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let (mut send, receive) = tokio::sync::oneshot::channel();
    codap::background().spawn(Box::pin(async move {
        let (reply, after) = tokio::select! {
            worked = work => worked,
            () = send.closed() => return,
        };
        if send.send(reply).is_ok() {
            after.await;
        }
    }));
    receive.await.unwrap_or_else(|_| {
        Err(Error::new(Kind::Failed, &about, "the fetch panicked: a bug of codap-sources"))
    })
}

/// Ends `work` at the deadline of `job`. It is several kilobytes, and those around it would be moved
/// about with it: hence the box.
pub(crate) async fn within<T>(
    job: &Job,
    work: Pin<Box<impl Future<Output = Result<T, Error>>>>,
) -> Result<T, Error> {
    let Some(deadline) = job.deadline() else { return work.await };
    if job.timeout().is_zero() {
        return Err(job.timed_out());
    }
    tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| Err(job.timed_out()))
}
