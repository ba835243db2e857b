//! Writing an object in parts, so that it is there whole or not at all.
//!
//! 1. An upload is begun with a token of its own in the object's metadata. Nothing is to be seen
//!    of it before it is completed.
//! 2. Parts are sent and sent again as they are: their number makes a second one replace the first.
//!    What the store says of a part has to fit to it.
//! 3. A completion counts if the store says so, or if the object that is there has our token and
//!    our size: after a lost reply, a 5xx, an error under a 200. That there is an object proves
//!    nothing, it may be an older one.
//! 4. Whatever is neither completed nor aborted is aborted when it is dropped.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use md5::{Digest, Md5};
use object_store::multipart::PartId;
use object_store::{Attribute, Attributes, GetOptions, PutMultipartOptions, PutPayload};
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap};

use crate::bucket::{Reply, Slot};
use crate::error::{Error, Kind};
use crate::job::{Job, Purpose};
use crate::object::Object;
use crate::run::{anywhere, within};
use crate::settings::Settings;
use crate::uri::Uri;

/// The smallest part that stores take, but for the last one: 5 MiB.
const PART_MIN: usize = 5 << 20;
/// As many parts has an upload at most.
const PARTS_MAX: usize = 10_000;
/// Between the tries of a request that may go well a little later.
const BACKOFF: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(800), Duration::from_secs(3)];
/// No wish of a store to be left alone is heeded for longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the token stands.
const TOKEN: &str = "codap-upload";

/// What an object is to be, besides its bytes: for [`Sources::upload`](crate::Sources::upload).
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing by themselves"]
pub struct UploadOptions {
    content_type: Option<String>,
}

impl UploadOptions {
    /// Nothing besides its bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The media type that the object is to have.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }
}

/// An object being written in parts, from [`Sources::upload`](crate::Sources::upload).
///
/// Nothing is there under its name before [`complete`](Self::complete), and what was there stays
/// until then. Whatever fails, [`abort`](Self::abort) it: stores keep, and charge for, the parts of
/// uploads that nobody ends. To drop it aborts it too, as far as there is a tokio runtime to do so.
/// A killed process leaves it behind, under its [`id`](Self::id); a rule of the bucket that ends
/// incomplete uploads after some days is a good idea.
///
/// ```no_run
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use codap_sources::{Sources, UploadOptions};
///
/// let sources = Sources::new();
/// let upload = sources.upload(&"s3://backup/all.zip".parse()?, UploadOptions::new()).await?;
/// let first = upload.put_part(0, vec![7; 8 << 20].into()); // several may be under way at once
/// let last = upload.put_part(1, vec![8; 100].into());
/// first.await?;
/// last.await?;
/// upload.complete().await?;
/// # Ok(()) }
/// ```
#[must_use = "an upload that is dropped is aborted"]
pub struct Upload {
    shared: Arc<Shared>,
}

/// What the futures of its parts hold, too.
struct Shared {
    uri: Uri,
    settings: Arc<Settings>,
    object: Object,
    id: String,
    token: String,
    /// By number: what the store calls it, and its size.
    parts: Mutex<BTreeMap<usize, (PartId, u64)>>,
    /// Whether it is completed or aborted.
    has_ended: AtomicBool,
}

impl Upload {
    /// Begins an upload of `object`.
    pub(crate) async fn begin(
        job: &Job,
        object: Object,
        settings: Arc<Settings>,
        options: UploadOptions,
    ) -> Result<Self, Error> {
        let token = token();
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::Metadata(TOKEN.into()), token.clone().into());
        if let Some(content_type) = options.content_type {
            attributes.insert(Attribute::ContentType, content_type.into());
        }
        let slot = Slot::for_refusals();
        let mut options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        options.extensions.insert(slot.clone());
        let uploads = &object.store.bucket.uploads;
        let begun = uploads.create_multipart_opts(&object.path, options).await;
        let id = object.told(job, slot.take(), begun, "was not begun")?;
        if id.is_empty() {
            return Err(job.error(Kind::Incomplete, "was begun without an id; try again"));
        }
        let shared = Shared {
            uri: job.uri().clone(),
            settings,
            object,
            id,
            token,
            parts: Mutex::default(),
            has_ended: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the store calls this upload.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// The URI of the object.
    pub fn uri(&self) -> &Uri {
        &self.shared.uri
    }

    /// Sends the part of this number, counted from 0: at least 5 MiB, but for the last one. Some
    /// stores want all but the last of the same size. Parts may be sent in any order and at once;
    /// how many, and how much memory, is up to you. The same number once more replaces it.
    ///
    /// It starts when it is first polled. What may go well a little later is tried up to three
    /// times more, each time within [`timeout`](crate::Builder::timeout). Dropping the future ends
    /// the request; whether the part has arrived is then not known, and matters to no other.
    ///
    /// # Errors
    /// If the store refuses it, or says that something else arrived.
    pub fn put_part(
        &self,
        index: usize,
        bytes: Bytes,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> + 'static {
        let shared = self.shared.clone();
        async move { anywhere(&shared.uri.clone(), async move { shared.put(index, bytes).await }).await }
    }

    /// Makes the object of all parts that were sent; how many bytes it has.
    ///
    /// # Errors
    /// If a part is missing or too small, the store refuses, or it stays unknown what became of it,
    /// also after several tries. It is still to be [aborted](Self::abort) then.
    ///
    /// Dropped in between, it may have happened or not.
    pub async fn complete(&self) -> Result<u64, Error> {
        let shared = self.shared.clone();
        anywhere(&shared.uri.clone(), async move { shared.complete().await }).await
    }

    /// Throws all parts away. Nothing happens if the upload has ended. Parts still on their way may
    /// arrive behind it, and stay: end their futures first. After a failed completion it may come to
    /// light that the object was made after all.
    ///
    /// # Errors
    /// If the store does not confirm it, also after several tries: the parts are still there.
    pub async fn abort(&self) -> Result<(), Error> {
        let shared = self.shared.clone();
        anywhere(&shared.uri.clone(), async move { shared.abort().await }).await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.shared.has_ended.load(Ordering::Acquire) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let shared = self.shared.clone();
        runtime.spawn(async move {
            // There is nobody to be told.
            let _ = shared.abort().await;
        });
    }
}

impl Shared {
    fn job(&self) -> Job {
        Job::new(&self.uri, &self.settings, Purpose::Whole)
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<usize, (PartId, u64)>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn put(&self, index: usize, bytes: Bytes) -> Result<(), Error> {
        if index >= PARTS_MAX {
            let what = format!("has more than {PARTS_MAX} parts; make them larger");
            return Err(self.job().error(Kind::TooLarge, what));
        }
        let putting = || async {
            let job = self.job();
            within(&job, Box::pin(self.put_once(&job, index, &bytes))).await
        };
        let part = patiently(putting).await?;
        self.parts().insert(index, (part, bytes.len() as u64));
        Ok(())
    }

    async fn put_once(&self, job: &Job, index: usize, bytes: &Bytes) -> Result<PartId, Error> {
        let slot = Slot::for_refusals();
        let Object { store, path, .. } = &self.object;
        let payload = PutPayload::from(bytes.clone());
        let putting = store.bucket.uploads.put_part(path, &self.id, index, payload);
        let put = slot.of_upload(putting).await;
        let failed = format!("part {} did not arrive", index + 1);
        let reply = slot.take();
        let arrived = match &reply {
            Some(Reply::Accepted(headers)) => hash_of(headers),
            _ => None,
        };
        let part = self.object.told(job, reply, put, &failed)?;
        // Directory buckets have something else there.
        if let Some(arrived) = arrived.filter(|_| !self.uri.host().ends_with("--x-s3")) {
            let sent = Md5::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
            if arrived != sent {
                let what = format!("{failed} whole: its ETag is not its MD5; try again");
                return Err(job.error(Kind::Incomplete, what));
            }
        }
        Ok(part)
    }

    async fn complete(&self) -> Result<u64, Error> {
        if self.parts().is_empty() {
            // An upload has at least one part, if an empty one.
            self.put(0, Bytes::new()).await?;
        }
        let (parts, size) = self.all()?;
        // Every try of the last one looks whether the one before has been done after all.
        let completing = || async {
            let job = self.job();
            let Err(error) = within(&job, Box::pin(self.complete_once(&job, parts.clone()))).await
            else {
                return Ok(());
            };
            let job = self.job();
            match within(&job, Box::pin(self.is_ours(&job, size))).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(error),
                Err(looking) => Err(self.unknown(&error, &looking)),
            }
        };
        patiently(completing).await?;
        self.has_ended.store(true, Ordering::Release);
        Ok(size)
    }

    /// The parts in their order, and the size of all.
    fn all(&self) -> Result<(Vec<PartId>, u64), Error> {
        let invalid = |what: String| self.job().error(Kind::Invalid, what);
        let parts = self.parts();
        let last = parts.len() - 1;
        for (expected, (&index, (_, size))) in parts.iter().enumerate() {
            if index != expected {
                return Err(invalid(format!("part {} was not sent", expected + 1)));
            }
            if index < last && *size < PART_MIN as u64 {
                let what = format!("part {} has {size} bytes, for at least {PART_MIN}", index + 1);
                return Err(invalid(what));
            }
        }
        let size = parts.values().map(|(_, size)| size).sum();
        Ok((parts.values().map(|(part, _)| part.clone()).collect(), size))
    }

    async fn complete_once(&self, job: &Job, parts: Vec<PartId>) -> Result<(), Error> {
        let slot = Slot::for_refusals();
        let Object { store, path, .. } = &self.object;
        let completing = store.bucket.uploads.complete_multipart(path, &self.id, parts);
        let completed = slot.of_upload(completing).await;
        self.object.told(job, slot.take(), completed, "was not completed").map(drop)
    }

    /// Whether the object that is there is this one.
    async fn is_ours(&self, job: &Job, size: u64) -> Result<bool, Error> {
        let slot = Slot::default();
        let mut options = GetOptions { head: true, ..GetOptions::default() };
        options.extensions.insert(slot.clone());
        let Object { store, path, .. } = &self.object;
        let asked = store.bucket.objects.get_opts(path, options).await;
        let reply = match store.judge(job, path.as_ref(), slot.take(), asked) {
            Ok(reply) => reply,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        };
        let text = |name: &str| reply.headers().get(name).and_then(|it| it.to_str().ok());
        let prefixes = ["x-amz-meta-", "x-goog-meta-"];
        let has_token =
            prefixes.iter().any(|it| text(&format!("{it}{TOKEN}")) == Some(&self.token));
        let has_size = text(CONTENT_LENGTH.as_str()) == Some(&size.to_string());
        Ok(has_token && has_size)
    }

    fn unknown(&self, error: &Error, looking: &Error) -> Error {
        let what = format!(
            "it is not known whether it was completed: {}; and to look for it failed: {}",
            error.what(),
            looking.what()
        );
        self.job().error(Kind::Incomplete, what).transient(looking.is_transient())
    }

    async fn abort(&self) -> Result<(), Error> {
        if self.has_ended.load(Ordering::Acquire) {
            return Ok(());
        }
        let aborting = || async {
            let job = self.job();
            match within(&job, Box::pin(self.abort_once(&job))).await {
                // It is not there any more.
                Err(error) if error.is_not_found() => Ok(()),
                aborted => aborted,
            }
        };
        patiently(aborting).await?;
        self.has_ended.store(true, Ordering::Release);
        Ok(())
    }

    async fn abort_once(&self, job: &Job) -> Result<(), Error> {
        let slot = Slot::for_refusals();
        let Object { store, path, .. } = &self.object;
        let aborted = slot.of_upload(store.bucket.uploads.abort_multipart(path, &self.id)).await;
        self.object.told(job, slot.take(), aborted, "was not aborted")
    }
}

impl Object {
    /// What a request of an upload came to.
    fn told<T>(
        &self,
        job: &Job,
        reply: Option<Reply>,
        done: Result<T, object_store::Error>,
        failed: &str,
    ) -> Result<T, Error> {
        let done = match done {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match reply {
            // It said yes, but not in words that can be understood: the body is its error.
            Some(Reply::Accepted(_) | Reply::Success(_)) => {
                let what = format!("{failed}: the reply is not what it should be; try again");
                Err(job.error(Kind::Incomplete, what).because(&done))
            }
            reply => {
                let error = self.store.judge(job, self.path.as_ref(), reply, Err::<T, _>(done));
                let Err(error) = error else { unreachable!("no reply of an upload is handed on") };
                Err(error.about(failed))
            }
        }
    }
}

/// Tries until it goes well, is not passing, or was tried often enough.
async fn patiently<T, F>(work: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for pause in BACKOFF {
        match work().await {
            Err(error) if error.is_transient() => {
                let wish = error.retry_after().unwrap_or_default().min(PATIENCE);
                tokio::time::sleep(pause.max(wish)).await;
            }
            done => return done,
        }
    }
    work().await
}

/// The MD5 of what arrived, in hexadecimal, where the store has that for an `ETag`: it does not for
/// what it encrypts with keys of others.
fn hash_of(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let by_kms = text("x-amz-server-side-encryption").is_some_and(|it| it.starts_with("aws:"));
    if by_kms || headers.contains_key("x-amz-server-side-encryption-customer-algorithm") {
        return None;
    }
    let etag = text(ETAG.as_str())?.trim_matches('"').to_ascii_lowercase();
    (etag.len() == 32 && etag.bytes().all(|b| b.is_ascii_hexdigit())).then_some(etag)
}

/// What no other upload has: 128 bits out of what the standard library keeps its tables safe with.
fn token() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", draw(), draw())
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.shared.parts().len();
        let mut debug = f.debug_struct("Upload");
        debug.field("uri", self.uri()).field("id", &self.id()).field("parts", &parts);
        debug.finish_non_exhaustive()
    }
}
