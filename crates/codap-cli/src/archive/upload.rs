//! The archive's parts, sent to an object store as they are cut. Completing the upload is what puts
//! the archive in its place, so that comes last, and every other end aborts it.

use std::sync::Arc;

use codap_archive::{Part, Parts};
use codap_sources::{Sources, Uri};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use crate::say::say;
use crate::stop::Stop;

/// As many parts are on their way at once; each is held in memory.
const AT_ONCE: usize = 2;

/// An upload that has begun.
pub(crate) struct Begun(codap_sources::Upload);

/// An upload under way.
pub(crate) struct Upload {
    upload: Arc<codap_sources::Upload>,
    /// Until it is waited for.
    sending: Option<JoinHandle<Result<(), Stop>>>,
}

impl Upload {
    pub(crate) async fn begin(sources: &Sources, uri: &Uri) -> Result<Begun, Stop> {
        let begun = sources.upload(uri, codap_sources::UploadOptions::new()).await;
        begun.map(Begun).map_err(failed)
    }

    /// Everything has been taken, and there is an archive: makes it the object.
    pub(crate) async fn complete(mut self) -> Result<(), Stop> {
        let completed = match self.sent().await {
            Ok(()) => self.upload.complete().await.map(drop).map_err(failed),
            Err(stop) => Err(stop),
        };
        if completed.is_err() {
            self.abort().await;
        }
        completed
    }

    /// Takes back what was sent. If a part could not be sent, that is why there is no archive.
    pub(crate) async fn give_up(mut self, why: Stop) -> Stop {
        let has_ended = self.sending.as_ref().is_some_and(JoinHandle::is_finished);
        let sent = if has_ended { self.sent().await } else { Ok(()) };
        self.abort().await;
        sent.err().unwrap_or(why)
    }

    async fn sent(&mut self) -> Result<(), Stop> {
        match self.sending.take() {
            Some(sending) => sending.await.unwrap_or_else(lost),
            None => Ok(()),
        }
    }

    async fn abort(&mut self) {
        if let Some(sending) = self.sending.take() {
            // No part may arrive behind it.
            sending.abort();
            drop(sending.await);
        }
        if let Err(error) = self.upload.abort().await {
            let (uri, id) = (self.upload.uri(), self.upload.id());
            say(&format!("{uri}: its upload {id} is still open, abort it by hand: {error}"));
        }
    }
}

fn failed(error: codap_sources::Error) -> Stop {
    Stop::fatal(error.to_string())
}

fn lost(error: JoinError) -> Result<(), Stop> {
    Err(Stop::fatal(format!("a part was not sent: {error}")))
}

impl Begun {
    /// Sends parts from now on.
    pub(crate) fn start(self, parts: Parts) -> Upload {
        let upload = Arc::new(self.0);
        let sending = tokio::spawn(send(upload.clone(), parts));
        Upload { upload, sending: Some(sending) }
    }
}

/// Sends all parts. Dropping `parts` early tells the archive that there will be none.
async fn send(upload: Arc<codap_sources::Upload>, mut parts: Parts) -> Result<(), Stop> {
    let mut under_way = JoinSet::new();
    loop {
        let part = tokio::select! {
            Some(sent) = under_way.join_next() => {
                arrived(sent)?;
                continue;
            }
            part = parts.next(), if under_way.len() < AT_ONCE => part,
        };
        let Some(Part { number, bytes, .. }) = part else { break };
        under_way.spawn(upload.put_part(number as usize - 1, bytes.into()));
    }
    while let Some(sent) = under_way.join_next().await {
        arrived(sent)?;
    }
    Ok(())
}

fn arrived(sent: Result<Result<(), codap_sources::Error>, JoinError>) -> Result<(), Stop> {
    sent.map_or_else(lost, |sent| sent.map_err(failed))
}
