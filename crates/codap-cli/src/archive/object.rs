//! One object: from its source into the archive, as often as the policy says.

use std::fmt;
use std::sync::Arc;

use codap_archive::Entry;
use codap_sources::{Sources, Uri};

use crate::policy::{self, Policy};

/// An object that is in the archive.
pub(crate) struct Fetched {
    pub(crate) size: u64,
    pub(crate) attempts: u32,
}

/// Who failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    Source(codap_sources::Error),
    Archive(codap_archive::Error),
}

/// Fetches `uri` into `entry`. What has come of an attempt that fails is thrown away.
pub(crate) fn fetch(
    sources: Sources,
    uri: Uri,
    entry: Entry,
    policy: &Policy,
) -> impl Future<Output = Result<Fetched, codap::Error>> + Send + use<> {
    let (entry, mut attempts) = (Arc::new(entry), 0);
    let attempt = move || {
        attempts += 1;
        let (opening, entry, attempts) = (sources.open(&uri), entry.clone(), attempts);
        async move {
            let mut body = opening.await?;
            // Its memory is asked for once it is known how much, and before any of it is held.
            let mut filling = entry.begin(body.length()).await?;
            while let Some(chunk) = body.next().await? {
                filling.write(&chunk).await?;
            }
            let size = filling.finish().await?.size;
            Ok::<_, Trouble>(Fetched { size, attempts })
        }
    };
    codap::fetch(attempt)
        .retry(policy.pauses())
        .jitter()
        .retry_if(Trouble::is_transient)
        .retry_after(|trouble| trouble.source().and_then(policy::told))
}

impl Trouble {
    fn is_transient(&self) -> bool {
        self.source().is_some_and(codap_sources::Error::is_transient)
    }

    fn source(&self) -> Option<&codap_sources::Error> {
        match self {
            Self::Source(error) => Some(error),
            Self::Archive(_) => None,
        }
    }

    /// What ends the archive and not only this entry, if that is why `error` came.
    pub(crate) fn that_ends_all(error: &codap::Error) -> Option<&codap_archive::Error> {
        match std::error::Error::source(error)?.downcast_ref()? {
            Self::Archive(error) if !error.is_about_entry() => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Archive(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<codap_sources::Error> for Trouble {
    fn from(error: codap_sources::Error) -> Self {
        Self::Source(error)
    }
}

impl From<codap_archive::Error> for Trouble {
    fn from(error: codap_archive::Error) -> Self {
        Self::Archive(error)
    }
}
