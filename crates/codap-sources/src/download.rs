//! A body as it comes, checked against all that was promised of it.
//!
//! 1. Bytes are counted, hashed and unpacked as they come; nothing is kept beyond a chunk, and
//!    nothing comes beyond `max_size`.
//! 2. A break after which the other side can prove that it still has the same document (a strong
//!    `ETag`, an exact `Content-Range` that reaches to the end) is gone on from. A reply from the
//!    start instead begins anew, and says so. Everything else is an error: parts are never spliced
//!    on trust.
//! 3. There are at most [`RESUMES`] further requests, each only if the one before brought
//!    something.
//! 4. Only at the end it is a document: length, hashes and packing have all to agree.
//! 5. A step that is dropped loses nothing: the next one goes on from the same place.

use std::future::Future;

use bytes::Bytes;
use reqwest::Response;

use crate::decode::{Coding, Decoder};
use crate::digest::Promises;
use crate::error::{Error, Kind};
use crate::head::{Head, Part, Resume};
use crate::job::Job;
use crate::step::{Facts, Step};
use crate::trouble::Trouble;

/// How often a broken body is gone on from in one fetch.
const RESUMES: u32 = 5;

/// Where a document is asked for.
pub(crate) trait Peer {
    /// So much of the start of a document without a version [`judge`](Self::judge) wants to see.
    const JUDGED: usize;

    /// Asks for the document, or for its rest: a reply that is a success, at the start of its body.
    fn open(
        &self,
        job: &Job,
        resume: Option<&Resume>,
    ) -> impl Future<Output = Result<Response, Error>> + Send;

    /// Whether what begins so, and has no version, is none of this peer's documents.
    fn judge(&self, start: &[u8]) -> Option<Trouble>;
}

/// A document on its way from a peer.
pub(crate) struct Download<P> {
    peer: P,
    flow: Flow,
    transit: Transit,
    resumes: u32,
    resumed_at: u64,
    start: Vec<u8>,
}

enum Flow {
    Coming(Response),
    /// It broke off, and this is why.
    Broken(String),
    /// All came that will.
    Over,
}

impl<P: Peer> Download<P> {
    pub(crate) async fn open(job: &Job, peer: P) -> Result<Self, Error> {
        let response = peer.open(job, None).await?;
        let transit = Transit::new(job, &response)?;
        let (flow, start) = (Flow::Coming(response), Vec::new());
        Ok(Self { peer, flow, transit, resumes: 0, resumed_at: 0, start })
    }

    pub(crate) async fn step(&mut self, job: &Job) -> Result<Step, Error> {
        loop {
            if let Some(bytes) = self.transit.take(job)? {
                let unseen = P::JUDGED.saturating_sub(self.start.len());
                if unseen > 0 && self.transit.head.version.is_none() {
                    self.start.extend_from_slice(&bytes[..bytes.len().min(unseen)]);
                }
                return Ok(Step::Chunk(bytes));
            }
            match &mut self.flow {
                Flow::Coming(response) => match response.chunk().await {
                    Ok(Some(chunk)) => self.transit.give(job, chunk)?,
                    Ok(None) => self.end(job)?,
                    // The connection died after the last byte.
                    Err(_) if self.transit.is_complete() => self.end(job)?,
                    Err(error) => self.flow = Flow::Broken(Trouble::of_body(&error)),
                },
                Flow::Broken(why) => {
                    let why = std::mem::take(why);
                    if self.resume(job, why).await? {
                        return Ok(Step::Anew);
                    }
                }
                Flow::Over => return self.judged(job).map(|()| Step::End),
            }
        }
    }

    /// Gives the connection up, or back.
    pub(crate) fn close(&mut self) {
        self.flow = Flow::Over;
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        let Transit { head, is_verified, .. } = &self.transit;
        Facts {
            length: head.length.filter(|_| head.coding == Coding::Identity),
            content_type: head.content_type.as_deref(),
            version: head.version.as_deref(),
            is_length_verified: *is_verified,
        }
    }

    fn end(&mut self, job: &Job) -> Result<(), Error> {
        self.flow = Flow::Over;
        self.transit.end(job)
    }

    fn judged(&self, job: &Job) -> Result<(), Error> {
        if P::JUDGED == 0 || self.transit.head.version.is_some() {
            return Ok(());
        }
        self.peer.judge(&self.start).map_or(Ok(()), |trouble| Err(trouble.into_error(job)))
    }

    /// Goes on where it broke off; whether it had to begin anew instead.
    async fn resume(&mut self, job: &Job, why: String) -> Result<bool, Error> {
        let Self { peer, transit, .. } = self;
        let resume =
            transit.resume().filter(|it| self.resumes < RESUMES && it.offset > self.resumed_at);
        let Some(resume) = resume else { return Err(transit.broken(job, &why)) };
        // Until there is a reply, it is still broken.
        self.flow = Flow::Broken(why.clone());
        let response = peer.open(job, Some(&resume)).await.map_err(|error| {
            let why = format!("{why}, and going on failed too: {}", error.what());
            transit.broken(job, &why).after(error.retry_after())
        })?;
        (self.resumes, self.resumed_at) = (self.resumes + 1, resume.offset);
        let anew = match resume.check(&transit.head, &response) {
            Ok(Part::Rest(total)) => {
                transit.head.length = Some(total);
                false
            }
            Ok(Part::Whole) => {
                *transit = Transit::new(job, &response)?;
                (self.resumed_at, self.start) = (0, Vec::new());
                true
            }
            Err(reason) => return Err(transit.broken(job, &format!("{why}, and {reason}"))),
        };
        self.flow = Flow::Coming(response);
        Ok(anew)
    }
}

/// What comes, between the connection and whoever takes it.
struct Transit {
    head: Head,
    /// What came and is not taken, where nothing is packed.
    plain: Bytes,
    decoder: Option<Decoder>,
    promises: Promises,
    /// Bytes as they were sent.
    received: u64,
    /// Bytes that were taken.
    taken: u64,
    is_verified: bool,
}

impl Transit {
    fn new(job: &Job, response: &Response) -> Result<Self, Error> {
        let head = Head::of(response).map_err(|trouble| trouble.into_error(job))?;
        let plain = head.coding == Coding::Identity;
        if let Some(length) = head.length.filter(|&length| plain && length > job.max_size()) {
            return Err(job.too_large(Some(length)));
        }
        let decoder = Decoder::new(head.coding).map_err(|error| {
            job.error(Kind::Failed, "its packing cannot be undone here").because(&error)
        })?;
        let (plain, promises) = (Bytes::new(), Promises::of(response.headers()));
        Ok(Self { head, plain, decoder, promises, received: 0, taken: 0, is_verified: false })
    }

    /// Takes in bytes as they were sent.
    fn give(&mut self, job: &Job, chunk: Bytes) -> Result<(), Error> {
        job.received(chunk.len());
        self.received += chunk.len() as u64;
        if self.head.length.is_some_and(|length| self.received > length) {
            let what = "brought more than it promised; the server is at odds with itself";
            return Err(job.error(Kind::Incomplete, what));
        }
        self.promises.update(&chunk);
        match &mut self.decoder {
            Some(decoder) => decoder.give(chunk),
            None => self.plain = chunk,
        }
        Ok(())
    }

    /// Hands out what came, unpacked, a piece at a time.
    fn take(&mut self, job: &Job) -> Result<Option<Bytes>, Error> {
        let bytes = match &mut self.decoder {
            Some(decoder) => decoder.take().map_err(|error| {
                job.error(Kind::Incomplete, format!("came spoilt: it cannot be unpacked: {error}"))
            })?,
            None => Some(std::mem::take(&mut self.plain)).filter(|bytes| !bytes.is_empty()),
        };
        self.taken += bytes.as_ref().map_or(0, Bytes::len) as u64;
        if self.taken > job.max_size() { Err(job.too_large(None)) } else { Ok(bytes) }
    }

    /// Whether all came that was promised.
    fn is_complete(&self) -> bool {
        self.head.length == Some(self.received)
    }

    /// Checks what can be checked at the end. What is packed may still be spoilt: the last pieces
    /// are taken after this.
    fn end(&mut self, job: &Job) -> Result<(), Error> {
        if self.head.length.is_some_and(|length| self.received < length) {
            return Err(self.broken(job, "it ended early"));
        }
        let promised = std::mem::take(&mut self.promises).finish().map_err(|header| {
            let what = format!("came spoilt: it is not what its {header} promised; try again");
            job.error(Kind::Incomplete, what)
        })?;
        // Nothing at all stands for nothing, whatever it is said to be packed in.
        if self.received == 0 && self.head.has_end {
            self.decoder = None;
        }
        if let Some(decoder) = &mut self.decoder {
            decoder.end();
        }
        self.is_verified = self.head.has_end || promised || self.decoder.is_some();
        Ok(())
    }

    /// From where to go on, if the other side can prove that it is the same document.
    fn resume(&self) -> Option<Resume> {
        let validator = self.head.validator.clone()?;
        (self.received > 0).then_some(Resume { offset: self.received, validator })
    }

    fn broken(&self, job: &Job, why: &str) -> Error {
        let of = self.head.length.map(|length| format!(" of {length}")).unwrap_or_default();
        let what = format!("broke off after {}{of} bytes: {why}; try again", self.received);
        job.error(Kind::Incomplete, what)
    }
}
