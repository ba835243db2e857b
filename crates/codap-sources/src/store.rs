//! The bucket that a URI names: how it is come to, and what its refusals mean.

use std::sync::Arc;

use object_store::list::PaginatedListOptions;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};

use crate::adapter::Adapter;
use crate::bucket::{self, Bucket, Reply, Slot};
use crate::client::Client;
use crate::error::{Error, Kind};
use crate::job::Job;
use crate::page::{self, Page, Wanted};
use crate::pools::Pools;
use crate::refusal;
use crate::settings::Environment;
use crate::trouble::Trouble;

/// A page has at most 5,000 entries (Azure's), whose names have at most a kilobyte each.
const PAGE_MAX: usize = 32 << 20;

/// The buckets in use, and the client that they share.
pub(crate) struct Buckets {
    /// Without the guard against private addresses: where a store is, the environment says, and
    /// not the URI.
    client: Arc<Client>,
    open: Pools<Bucket>,
}

impl Buckets {
    pub(crate) fn new(environment: &Environment) -> Self {
        Self { client: Arc::new(Client::new(false, environment)), open: Pools::default() }
    }
}

/// A bucket, or a container of Azure, that is to be asked.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) bucket: Bucket,
    name: String,
    adapter: Adapter,
}

impl Store {
    /// The bucket of the URI.
    pub(crate) async fn named(buckets: &Buckets, job: &Job) -> Result<Self, Error> {
        let uri = job.uri();
        let invalid = |what: &str| job.error(Kind::Invalid, what);
        if uri.user_info().is_some() {
            return Err(invalid("has credentials; object stores take them from the environment"));
        }
        let name = uri.host().to_owned();
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-$".contains(&b)) {
            return Err(invalid("names a bucket with letters that no bucket has"));
        }
        let adapter = uri.adapter();
        let opening = async { bucket::open(adapter, &name, &buckets.client, job.environment()) };
        let bucket = buckets.open.get(uri.origin(), opening).await.map_err(|error: String| {
            job.error(Kind::Invalid, format!("cannot be reached as the environment is: {error}"))
        })?;
        Ok(Self { bucket, name, adapter })
    }

    /// What a request for `key` came to that carried a slot, and what object_store made of it.
    pub(crate) fn judge<T>(
        &self,
        job: &Job,
        key: &str,
        reply: Option<Reply>,
        asked: Result<T, object_store::Error>,
    ) -> Result<Response, Error> {
        match reply {
            Some(Reply::Success(response)) => Ok(response),
            Some(Reply::Accepted(_)) => Err(job.error(Kind::Failed, "the reply was read already")),
            Some(Reply::Refused { status, headers, code, message }) => {
                Err(self.refused(key, status, &headers, &code, &message).into_error(job))
            }
            Some(Reply::Broken(trouble)) => Err(trouble.into_error(job)),
            // It ended at the credentials.
            None => {
                let error = job.error(Kind::Unauthorized, no_credentials(self.adapter));
                Err(match asked {
                    Err(asked) => error.because(&asked),
                    Ok(_) => error,
                })
            }
        }
    }

    /// One page of the list of its keys.
    pub(crate) async fn page(&self, job: &Job, wanted: &Wanted<'_>) -> Result<Page, Error> {
        let slot = Slot::default();
        let mut options = PaginatedListOptions {
            page_token: wanted.token.map(str::to_owned),
            ..PaginatedListOptions::default()
        };
        options.extensions.insert(slot.clone());
        let prefix = Some(wanted.prefix).filter(|it| !it.is_empty());
        let asked = self.bucket.pages.list_paginated(prefix, options).await;
        let response = self.judge(job, wanted.prefix, slot.take(), asked)?;
        let broken = |why: &str| {
            job.error(Kind::Incomplete, format!("a page of the list came broken: {why}; try again"))
        };
        let xml = text(response).await.map_err(|why| broken(&why))?;
        page::read(&xml, wanted).map_err(|why| broken(&why))
    }

    pub(crate) fn refused(
        &self,
        key: &str,
        status: StatusCode,
        headers: &HeaderMap,
        code: &str,
        message: &str,
    ) -> Trouble {
        let mut trouble = refusal::of(status, headers);
        let name = &self.name;
        let noun = if self.adapter == Adapter::Az { "container" } else { "bucket" };
        let told = match code {
            "NoSuchBucket" | "ContainerNotFound" => {
                Some((Kind::NotFound, format!("there is no {noun} {name}; check its name")))
            }
            "AuthenticationFailed" | "AuthorizationFailure" if self.adapter == Adapter::Az => {
                Some((
                    Kind::Unauthorized,
                    "the account does not let in whoever has these credentials; check \
                     AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY and its firewall"
                        .to_owned(),
                ))
            }
            "InvalidAccessKeyId" => Some((
                Kind::Unauthorized,
                "the access key is not known there; check AWS_ACCESS_KEY_ID".to_owned(),
            )),
            "SignatureDoesNotMatch" => Some((
                Kind::Unauthorized,
                "the secret key does not belong to the access key; check AWS_SECRET_ACCESS_KEY"
                    .to_owned(),
            )),
            "ExpiredToken" | "TokenRefreshRequired" => Some((
                Kind::Unauthorized,
                "the session of these credentials has expired; get new ones".to_owned(),
            )),
            "RequestTimeTooSkewed" => Some((
                Kind::Unauthorized,
                "the clock here differs from the server's; set it right".to_owned(),
            )),
            "AccessDenied" | "AuthorizationPermissionMismatch" => Some((
                Kind::Unauthorized,
                format!("these credentials may not read this of {name}, or it does not exist"),
            )),
            "SlowDown" | "ServerBusy" => Some((Kind::Busy, "asks for fewer requests".to_owned())),
            "NoSuchUpload" => Some((
                Kind::NotFound,
                "the upload is not known there: it was ended, or never begun".to_owned(),
            )),
            _ if status == StatusCode::NOT_FOUND => Some((
                Kind::NotFound,
                format!("{noun} {name} has no key {key}; check its spelling"),
            )),
            _ => None,
        };
        let region = headers.get("x-amz-bucket-region").and_then(|it| it.to_str().ok());
        match (told, region) {
            (Some((kind, what)), _) => {
                trouble.transient = kind.is_transient();
                (trouble.kind, trouble.what) = (kind, what);
            }
            (None, Some(region)) if matches!(status.as_u16(), 301 | 307 | 400) => {
                trouble.kind = Kind::Invalid;
                trouble.what =
                    format!("bucket {name} is in region {region}; set AWS_REGION={region}");
            }
            (None, _) if !code.is_empty() => {
                trouble.what.push_str(&format!(" ({code}: {message})"));
            }
            (None, _) => {}
        }
        trouble
    }
}

/// The whole of a body that is not large.
async fn text(mut response: Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Trouble::of_body(&error))? {
        if bytes.len() + chunk.len() > PAGE_MAX {
            return Err(format!("it has more than {PAGE_MAX} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// In words, not as `…=true`: what looks like the value of a signature is cut from messages.
fn no_credentials(adapter: Adapter) -> &'static str {
    match adapter {
        Adapter::S3 => {
            "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
             AWS_SKIP_SIGNATURE to true for a public bucket"
        }
        Adapter::Gs => {
            "no credentials were found; set GOOGLE_APPLICATION_CREDENTIALS to a file with a key, or \
             GOOGLE_SKIP_SIGNATURE to true for a public bucket"
        }
        _ => {
            "no credentials were found; set AZURE_STORAGE_ACCOUNT_NAME and \
             AZURE_STORAGE_ACCOUNT_KEY, or AZURE_SKIP_SIGNATURE to true for a public container"
        }
    }
}
