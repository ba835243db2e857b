//! The ways on which a document comes, a step at a time.

#[cfg(feature = "http")]
use std::sync::Arc;

use crate::document::Document;
#[cfg(feature = "http")]
use crate::download::Download;
use crate::error::Error;
#[cfg(feature = "file")]
use crate::file::Reading;
#[cfg(feature = "http")]
use crate::http::Web;
use crate::job::Job;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::object::Object;
use crate::step::{Facts, Step};

/// A document on its way.
pub(crate) enum Way {
    /// Databases give it whole.
    Here { document: Document, is_taken: bool },
    #[cfg(feature = "file")]
    File(Reading),
    #[cfg(feature = "http")]
    Web(Download<Arc<Web>>),
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    Object(Download<Object>),
}

impl From<Document> for Way {
    fn from(document: Document) -> Self {
        Self::Here { document, is_taken: false }
    }
}

/// Nobody's word about a length is taken for more memory than this ahead of the bytes.
const AHEAD: u64 = 1 << 20;

impl Way {
    pub(crate) async fn step(&mut self, job: &Job) -> Result<Step, Error> {
        match self {
            Self::Here { document, is_taken } => {
                let is_over = std::mem::replace(is_taken, true) || document.is_empty();
                Ok(if is_over { Step::End } else { Step::Chunk(document.bytes().clone()) })
            }
            #[cfg(feature = "file")]
            Self::File(it) => it.step(job).await,
            #[cfg(feature = "http")]
            Self::Web(it) => it.step(job).await,
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            Self::Object(it) => it.step(job).await,
        }
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        match self {
            Self::Here { document, .. } => Facts {
                length: Some(document.len() as u64),
                content_type: document.content_type(),
                version: document.version(),
                is_length_verified: document.is_length_verified(),
            },
            #[cfg(feature = "file")]
            Self::File(it) => it.facts(),
            #[cfg(feature = "http")]
            Self::Web(it) => it.facts(),
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            Self::Object(it) => it.facts(),
        }
    }

    /// Gives the connection up, or back; what is known of the document stays.
    pub(crate) fn close(&mut self) {
        match self {
            Self::Here { .. } => {}
            #[cfg(feature = "file")]
            Self::File(it) => it.close(),
            #[cfg(feature = "http")]
            Self::Web(it) => it.close(),
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            Self::Object(it) => it.close(),
        }
    }

    /// All of it, in memory for at most `job.max_size()` bytes.
    pub(crate) async fn collect(mut self, job: &Job) -> Result<Document, Error> {
        if let Self::Here { document, .. } = self {
            return Ok(document);
        }
        let expected = self.facts().length.unwrap_or(0).min(AHEAD).min(job.max_size());
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
        loop {
            match self.step(job).await? {
                Step::Chunk(chunk) => {
                    grow(&mut bytes, chunk.len(), job.max_size());
                    bytes.extend_from_slice(&chunk);
                }
                Step::Anew => bytes.clear(),
                Step::End => break,
            }
        }
        if bytes.capacity() - bytes.len() > bytes.len() / 4 {
            bytes.shrink_to_fit();
        }
        let facts = self.facts();
        Ok(Document::new(job.uri(), bytes.into())
            .with_content_type(facts.content_type)
            .with_version(facts.version)
            .with_length_verified(facts.is_length_verified))
    }
}

/// Makes room as a vector does by itself, but for no more than `max` in all.
fn grow(bytes: &mut Vec<u8>, by: usize, max: u64) {
    let size = bytes.len() + by;
    if size > bytes.capacity() {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let room = bytes.capacity().saturating_mul(2).min(max).max(size);
        bytes.reserve_exact(room - bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::grow;

    #[test]
    fn memory_grows_no_further_than_allowed() {
        let mut bytes = Vec::new();
        while bytes.len() < 994 {
            grow(&mut bytes, 7, 1000);
            bytes.extend_from_slice(&[0; 7]);
            assert!(bytes.capacity() <= 1000);
        }
    }
}
