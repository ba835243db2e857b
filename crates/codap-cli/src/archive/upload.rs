//! The archive's parts, sent to an object store as they are cut. Completing the upload is what puts
//! the archive in its place, so that comes last, and every other end aborts it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use codap_archive::{Part, Parts};
use codap_sources::{Sources, Uri};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use crate::interrupt::Interrupt;
use crate::say::say;
use crate::stop::Stop;

/// As many parts are on their way at once; each is held in memory.
const AT_ONCE: usize = 2;

/// After Ctrl-C the store has so long to confirm that an upload is aborted: the second that an end may
/// take is nearly over then.
const PATIENCE: Duration = Duration::from_millis(500);

/// An upload under way.
pub(crate) struct Upload {
    upload: Arc<codap_sources::Upload>,
    /// Until it is waited for.
    sending: Option<JoinHandle<Result<(), Stop>>>,
}

impl Upload {
    /// Begins it, and sends parts from then on.
    pub(crate) async fn begin(
        sources: &Sources,
        uri: &Uri,
        parts: Parts,
        interrupt: &Interrupt,
    ) -> Result<Self, Stop> {
        let mut beginning = pin!(sources.upload(uri, codap_sources::UploadOptions::new()));
        let stop = match interrupt.during(&mut beginning).await {
            Ok(begun) => {
                let upload = Arc::new(begun.map_err(failed)?);
                let sending = tokio::spawn(send(upload.clone(), parts));
                return Ok(Self { upload, sending: Some(sending) });
            }
            Err(stop) => stop,
        };
        // The store may have begun it, and only its reply says what there is to abort.
        if let Ok(Ok(upload)) = tokio::time::timeout(PATIENCE / 2, beginning).await {
            abort(&upload, Some(PATIENCE / 2)).await;
        }
        Err(stop)
    }

    /// Everything has been taken, and there is an archive: makes it the object.
    pub(crate) async fn complete(mut self, interrupt: &Interrupt) -> Result<(), Stop> {
        let sent = interrupt.during(self.sent()).await.and_then(|it| it);
        if let Err(stop) = sent {
            return Err(self.give_up(stop).await);
        }
        let completed = interrupt.during(self.upload.complete()).await;
        let stop = match completed {
            Ok(Ok(_size)) => return Ok(()),
            Ok(Err(error)) => failed(error),
            Err(stop) => {
                let (uri, what) = (self.upload.uri(), "interrupted while it was being completed");
                say(&format!("{uri}: {what}: it is there whole, or as it was before"));
                stop
            }
        };
        Err(self.give_up(stop).await)
    }

    /// Takes back what was sent. If a part could not be sent, that is why there is no archive.
    pub(crate) async fn give_up(mut self, why: Stop) -> Stop {
        let has_ended = self.sending.as_ref().is_some_and(JoinHandle::is_finished);
        let sent = if has_ended { self.sent().await } else { Ok(()) };
        let patience = matches!(why, Stop::Interrupted).then_some(PATIENCE);
        self.abort(patience).await;
        sent.err().unwrap_or(why)
    }

    async fn sent(&mut self) -> Result<(), Stop> {
        let Some(sending) = &mut self.sending else { return Ok(()) };
        // It stays there until it has ended: who is interrupted here still has to end it.
        let sent = sending.await.unwrap_or_else(lost);
        self.sending = None;
        sent
    }

    async fn abort(&mut self, patience: Option<Duration>) {
        if let Some(sending) = self.sending.take() {
            // No part may arrive behind it.
            sending.abort();
            drop(sending.await);
        }
        abort(&self.upload, patience).await;
    }
}

/// Ends an upload that is not completed, or says that it is still open.
async fn abort(upload: &codap_sources::Upload, patience: Option<Duration>) {
    let aborting = upload.abort();
    let aborted = match patience {
        Some(patience) => tokio::time::timeout(patience, aborting).await,
        None => Ok(aborting.await),
    };
    let why = match aborted {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the store did not confirm it in time".to_owned(),
    };
    let (uri, id) = (upload.uri(), upload.id());
    say(&format!("{uri}: its upload {id} is still open, abort it by hand: {why}"));
}

fn failed(error: codap_sources::Error) -> Stop {
    Stop::fatal(error.to_string())
}

fn lost(error: JoinError) -> Result<(), Stop> {
    Err(Stop::fatal(format!("a part was not sent: {error}")))
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
