//! `s3://bucket/key`, `gs://bucket/key`, `az://container/key`.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{GetOptions, GetRange};
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};

use crate::adapter::Adapter;
use crate::bucket::{self, Bucket, Reply, Slot};
use crate::client::Client;
use crate::document::Document;
use crate::download::{Peer, download};
use crate::error::{Error, Kind};
use crate::head::Resume;
use crate::job::Job;
use crate::pools::Pools;
use crate::refusal;
use crate::settings::Environment;
use crate::trouble::Trouble;

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

pub(crate) async fn fetch(buckets: &Buckets, job: &Job<'_>) -> Result<Document, Error> {
    let object = Object::named(buckets, job).await?;
    let document = download(job, &object).await?;
    match error_in(&document) {
        Some(error) => Err(error.into_error(job)),
        None => Ok(document),
    }
}

/// One object of a bucket.
struct Object {
    bucket: Bucket,
    name: String,
    path: Path,
    version: Option<String>,
}

impl Object {
    async fn named(buckets: &Buckets, job: &Job<'_>) -> Result<Self, Error> {
        let uri = job.uri();
        let invalid = |what: &str| job.error(Kind::Invalid, what);
        if uri.user_info().is_some() {
            return Err(invalid("has credentials; object stores take them from the environment"));
        }
        let name = uri.host().to_owned();
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-$".contains(&b)) {
            return Err(invalid("names a bucket with letters that no bucket has"));
        }
        let key = uri.path();
        let key = key.strip_prefix('/').unwrap_or(&key);
        if key.is_empty() || key.ends_with('/') {
            return Err(invalid("names no object; write a key behind the bucket, bucket/key"));
        }
        let path = Path::parse(key).map_err(|error| {
            invalid("has a key that cannot be asked for (an empty part, `.` or `..`)")
                .because(&error)
        })?;
        let mut version = None;
        for (parameter, value) in uri.query() {
            if parameter != "versionId" {
                let what = "has a parameter that is not known; if the key has a `?`, write %3F";
                return Err(invalid(what));
            }
            version = Some(value);
        }
        let opening =
            async { bucket::open(uri.adapter(), &name, &buckets.client, job.environment()) };
        let bucket = buckets.open.get(uri.origin(), opening).await.map_err(|error: String| {
            job.error(Kind::Invalid, format!("cannot be reached as the environment is: {error}"))
        })?;
        Ok(Self { bucket, name, path, version })
    }

    fn refused(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        code: &str,
        message: &str,
    ) -> Trouble {
        let mut trouble = refusal::of(status, headers);
        let name = &self.name;
        let told = match code {
            "NoSuchBucket" | "ContainerNotFound" => {
                Some((Kind::NotFound, format!("there is no bucket {name}; check its name")))
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
            _ if status == StatusCode::NOT_FOUND => {
                let key = &self.path;
                Some((
                    Kind::NotFound,
                    format!("bucket {name} has no key {key}; check its spelling"),
                ))
            }
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

impl Peer for Object {
    async fn open(&self, job: &Job<'_>, resume: Option<&Resume>) -> Result<Response, Error> {
        let slot = Slot::default();
        let mut options = GetOptions { version: self.version.clone(), ..GetOptions::default() };
        options.extensions.insert(slot.clone());
        if let Some(resume) = resume {
            options.range = Some(GetRange::Offset(resume.offset));
            options.if_match = resume.validator.to_str().ok().map(str::to_owned);
        }
        let asked = self.bucket.get_opts(&self.path, options).await;
        match slot.take() {
            Some(Reply::Success(response)) => self.checked(job, response, resume.is_some()),
            Some(Reply::Refused { status: StatusCode::PRECONDITION_FAILED, .. }) => {
                Err(job.error(Kind::Incomplete, "it was changed meanwhile"))
            }
            Some(Reply::Refused { status, headers, code, message }) => {
                Err(self.refused(status, &headers, &code, &message).into_error(job))
            }
            Some(Reply::Broken(trouble)) => Err(trouble.into_error(job)),
            // Nobody was asked for the object: it ended at the credentials.
            None => {
                let error = job.error(Kind::Unauthorized, no_credentials(job.uri().adapter()));
                Err(match asked {
                    Err(asked) => error.because(&asked),
                    Ok(_) => error,
                })
            }
        }
    }
}

impl Object {
    fn checked(&self, job: &Job<'_>, response: Response, part: bool) -> Result<Response, Error> {
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::PARTIAL_CONTENT if part => Ok(response),
            status => Err(self.refused(status, response.headers(), "", "").into_error(job)),
        }
    }
}

fn no_credentials(adapter: Adapter) -> &'static str {
    match adapter {
        Adapter::S3 => {
            "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
             AWS_SKIP_SIGNATURE=true for a public bucket"
        }
        Adapter::Gs => {
            "no credentials were found; set GOOGLE_APPLICATION_CREDENTIALS to a file with a key, or \
             GOOGLE_SKIP_SIGNATURE=true for a public bucket"
        }
        _ => {
            "no credentials were found; set AZURE_STORAGE_ACCOUNT_NAME and \
             AZURE_STORAGE_ACCOUNT_KEY, or AZURE_SKIP_SIGNATURE=true for a public container"
        }
    }
}

/// S3 may find out that it fails when it has said 200 already: then the body is its error. An
/// object that looks the same comes with an `ETag`.
fn error_in(document: &Document) -> Option<Trouble> {
    let start = document.bytes().get(..document.len().min(4096))?;
    let text = std::str::from_utf8(start).ok().filter(|_| document.version().is_none())?;
    let root = match text.trim_start().strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>")?.1.trim_start(),
        None => text.trim_start(),
    };
    if !root.starts_with("<Error>") {
        return None;
    }
    let (code, message) = (bucket::element(root, "Code"), bucket::element(root, "Message"));
    let kind = if code == "SlowDown" { Kind::Busy } else { Kind::Failed };
    let what = format!("answered 200 and then an error; try again later ({code}: {message})");
    Some(Trouble::new(kind, what).transient(true))
}
