//! The work of one entry: its URI, under its policy.

use codap::BoxError;
use codap_sources::{Error, Sources, Uri};

use crate::answer::{Answer, Reading};
use crate::policy::{self, Policy};

/// Fetches `uri` as `policy` says, but for its default.
pub(crate) fn fetch(
    sources: Sources,
    uri: Uri,
    policy: &Policy,
    reading: Reading,
) -> impl Future<Output = Result<Answer, codap::Error>> + Send + use<> {
    let mut attempts = 0;
    let attempt = move || {
        attempts += 1;
        let (fetching, attempts) = (sources.fetch(&uri), attempts);
        async move { Answer::read(fetching.await?, reading, attempts) }
    };
    codap::fetch(attempt)
        .timeout(policy.timeout)
        .retry(policy.pauses())
        .jitter()
        .retry_if(Error::is_transient)
        .retry_after(policy::told)
}

/// `work`, with a default in the place of whatever it fails with, if there is one.
pub(crate) async fn or_default<E: Into<BoxError>>(
    work: impl Future<Output = Result<Answer, E>> + Send,
    default: Option<String>,
) -> Result<Answer, BoxError> {
    let Some(default) = default else { return work.await.map_err(Into::into) };
    let mut work = Some(work);
    let once = move || work.take().expect("without retries it is called once");
    let or_else = move |error: &codap::Error| Answer::default(default, error.clone());
    Ok(codap::fetch(once).or_else(or_else).await?)
}
