//! A body read to its end, across breaks, and checked against all that was promised of it.
//!
//! 1. Bytes are counted, hashed and unpacked as they come; nothing is kept beyond `max_size`.
//! 2. A break after which the other side can prove that it still has the same document (a strong
//!    `ETag`, an exact `Content-Range` that reaches to the end) is gone on from. A reply from the
//!    start instead begins anew. Everything else is an error: parts are never spliced on trust.
//! 3. There are at most [`RESUMES`] further requests, each only if the one before brought
//!    something, all within the one deadline.
//! 4. Only at the end it is a document: length, hashes and packing have all to agree.

use std::future::Future;

use reqwest::Response;

use crate::decode::{Coding, Decoder, Refused};
use crate::digest::Promises;
use crate::document::Document;
use crate::error::{Error, Kind};
use crate::head::{Head, Part, Resume};
use crate::job::Job;
use crate::trouble::Trouble;

/// How often a broken body is gone on from in one fetch.
const RESUMES: u32 = 5;

/// Where a document is asked for.
pub(crate) trait Peer {
    /// Asks for the document, or for its rest: a reply that is a success, at the start of its body.
    fn open(
        &self,
        job: &Job<'_>,
        resume: Option<&Resume>,
    ) -> impl Future<Output = Result<Response, Error>> + Send;
}

pub(crate) async fn download(job: &Job<'_>, peer: &impl Peer) -> Result<Document, Error> {
    let mut response = peer.open(job, None).await?;
    let mut body = Body::new(job, &response)?;
    let (mut resumes, mut resumed_at) = (0, 0);
    loop {
        let why = match response.chunk().await {
            Ok(Some(chunk)) => {
                job.received(chunk.len());
                body.push(job, &chunk)?;
                continue;
            }
            Ok(None) => return body.finish(job),
            Err(error) => Trouble::of_body(&error),
        };
        // The connection died after the last byte.
        if body.head.length == Some(body.received) {
            return body.finish(job);
        }
        let resume = body.resume().filter(|it| resumes < RESUMES && it.offset > resumed_at);
        let Some(resume) = resume else { return Err(body.broken(job, &why)) };
        (resumes, resumed_at) = (resumes + 1, resume.offset);
        response = peer.open(job, Some(&resume)).await.map_err(|error| {
            let why = format!("{why}, and going on failed too: {}", error.what());
            body.broken(job, &why).after(error.retry_after())
        })?;
        match resume.check(&body.head, &response) {
            Ok(Part::Rest(total)) => body.head.length = Some(total),
            Ok(Part::Whole) => {
                body = Body::new(job, &response)?;
                resumed_at = 0;
            }
            Err(reason) => return Err(body.broken(job, &format!("{why}, and {reason}"))),
        }
    }
}

/// A body on its way.
struct Body {
    head: Head,
    decoder: Decoder,
    promises: Promises,
    /// Bytes as they were sent.
    received: u64,
}

impl Body {
    fn new(job: &Job<'_>, response: &Response) -> Result<Self, Error> {
        let head = Head::of(response).map_err(|trouble| trouble.into_error(job))?;
        let plain = head.coding == Coding::Identity;
        if let Some(length) = head.length.filter(|&length| plain && length > job.max_size()) {
            return Err(job.too_large(Some(length)));
        }
        let expected = head.length.unwrap_or(0);
        let decoder = Decoder::new(head.coding, job.max_size(), expected).map_err(|error| {
            job.error(Kind::Failed, "its packing cannot be undone here").because(&error)
        })?;
        Ok(Self { decoder, promises: Promises::of(response.headers()), received: 0, head })
    }

    fn push(&mut self, job: &Job<'_>, chunk: &[u8]) -> Result<(), Error> {
        self.received += chunk.len() as u64;
        if self.head.length.is_some_and(|length| self.received > length) {
            let what = "brought more than it promised; the server is at odds with itself";
            return Err(job.error(Kind::Incomplete, what));
        }
        self.promises.update(chunk);
        self.decoder.write(chunk).map_err(|refused| unpacked(job, refused))
    }

    fn finish(self, job: &Job<'_>) -> Result<Document, Error> {
        if self.head.length.is_some_and(|length| self.received < length) {
            return Err(self.broken(job, "it ended early"));
        }
        let promised = self.promises.finish().map_err(|header| {
            let what = format!("came spoilt: it is not what its {header} promised; try again");
            job.error(Kind::Incomplete, what)
        })?;
        // Nothing at all stands for nothing, whatever it is said to be packed in.
        let nothing = self.received == 0 && self.head.has_end;
        let packed = self.head.coding != Coding::Identity && !nothing;
        let mut bytes = match nothing {
            true => Vec::new(),
            false => self.decoder.finish().map_err(|refused| unpacked(job, refused))?,
        };
        if bytes.capacity() - bytes.len() > bytes.len() / 4 {
            bytes.shrink_to_fit();
        }
        Ok(Document::new(job.uri(), bytes.into())
            .with_content_type(self.head.content_type.as_deref())
            .with_version(self.head.version.as_deref())
            .with_length_verified(self.head.has_end || promised || packed))
    }

    /// From where to go on, if the other side can prove that it is the same document.
    fn resume(&self) -> Option<Resume> {
        let validator = self.head.validator.clone()?;
        (self.received > 0).then_some(Resume { offset: self.received, validator })
    }

    fn broken(&self, job: &Job<'_>, why: &str) -> Error {
        let of = self.head.length.map(|length| format!(" of {length}")).unwrap_or_default();
        let what = format!("broke off after {}{of} bytes: {why}; try again", self.received);
        job.error(Kind::Incomplete, what)
    }
}

fn unpacked(job: &Job<'_>, refused: Refused) -> Error {
    match refused {
        Refused::TooLarge => job.too_large(None),
        Refused::Malformed(error) => {
            job.error(Kind::Incomplete, format!("came spoilt: it cannot be unpacked: {error}"))
        }
    }
}
