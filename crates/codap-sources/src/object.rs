//! `s3://bucket/key`, `gs://bucket/key`, `az://container/key`.

use object_store::path::Path;
use object_store::{GetOptions, GetRange};
use reqwest::{Response, StatusCode};

use crate::bucket::{self, Reply, Slot};
use crate::download::Peer;
use crate::error::{Error, Kind};
use crate::head::Resume;
use crate::job::Job;
use crate::store::{Buckets, Store};
use crate::trouble::Trouble;

/// One object of a bucket.
pub(crate) struct Object {
    pub(crate) store: Store,
    pub(crate) path: Path,
    version: Option<String>,
}

impl Object {
    pub(crate) async fn named(buckets: &Buckets, job: &Job) -> Result<Self, Error> {
        let store = Store::named(buckets, job).await?;
        let invalid = |what: &str| job.error(Kind::Invalid, what);
        let key = job.uri().path();
        let key = key.strip_prefix('/').unwrap_or(&key);
        if key.is_empty() || key.ends_with('/') {
            return Err(invalid("names no object; write a key behind the bucket, bucket/key"));
        }
        let odd = "has a key that cannot be asked for (an empty part, `.` or `..`)";
        if key.starts_with('/') {
            return Err(invalid(odd));
        }
        let path = Path::parse(key).map_err(|error| invalid(odd).because(&error))?;
        let mut version = None;
        for (parameter, value) in job.uri().query() {
            if parameter != "versionId" {
                let what = "has a parameter that is not known; if the key has a `?`, write %3F";
                return Err(invalid(what));
            }
            version = Some(value);
        }
        Ok(Self { store, path, version })
    }
}

impl Peer for Object {
    const JUDGED: usize = 4096;

    async fn open(&self, job: &Job, resume: Option<&Resume>) -> Result<Response, Error> {
        let slot = Slot::default();
        let mut options = GetOptions { version: self.version.clone(), ..GetOptions::default() };
        options.extensions.insert(slot.clone());
        if let Some(resume) = resume {
            options.range = Some(GetRange::Offset(resume.offset));
            options.if_match = resume.validator.to_str().ok().map(str::to_owned);
        }
        let asked = self.store.bucket.objects.get_opts(&self.path, options).await;
        let reply = slot.take();
        if let Some(Reply::Refused { status: StatusCode::PRECONDITION_FAILED, .. }) = reply {
            return Err(job.error(Kind::Incomplete, "it was changed meanwhile"));
        }
        let key = self.path.as_ref();
        let response = self.store.judge(job, key, reply, asked)?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::PARTIAL_CONTENT if resume.is_some() => Ok(response),
            status => {
                let refused = self.store.refused(key, status, response.headers(), "", "");
                Err(refused.into_error(job))
            }
        }
    }

    /// S3 may find out that it fails when it has said 200 already: then the body is its error. An
    /// object that looks the same comes with an `ETag`.
    fn judge(&self, start: &[u8]) -> Option<Trouble> {
        let text = String::from_utf8_lossy(start);
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
}
