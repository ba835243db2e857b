//! The one call: from a URI to its adapter, under the bounds that hold for all.

use std::fmt;
use std::future::{self, Future};
use std::sync::Arc;

use crate::adapter::Adapter;
use crate::body::Body;
use crate::document::Document;
#[cfg(feature = "http")]
use crate::download::Download;
use crate::error::{Error, Kind};
#[cfg(feature = "file")]
use crate::file::Reading;
#[cfg(feature = "http")]
use crate::http;
use crate::job::{Job, Purpose};
use crate::listing::Listing;
#[cfg(feature = "mongodb")]
use crate::mongodb;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::object::Object;
#[cfg(feature = "postgres")]
use crate::postgres;
#[cfg(feature = "redis")]
use crate::redis;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::run::anywhere;
use crate::run::{elsewhere, has_runtime, within};
use crate::settings::Settings;
#[cfg(feature = "sqlite")]
use crate::sqlite;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::store::Buckets;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::upload::{Upload, UploadOptions};
use crate::uri::Uri;
use crate::way::Way;

/// Where documents come from: connection pools shared per origin, and the bounds of a fetch.
///
/// Cloning is cheap, and clones share the pools: make one and keep it. Pools belong to the tokio
/// runtime that first used them.
#[derive(Clone)]
pub struct Sources {
    shared: Arc<Shared>,
}

/// What the clones share: the bounds, and one client or pool of clients for each adapter.
struct Shared {
    settings: Arc<Settings>,
    #[cfg(feature = "http")]
    web: Arc<http::Web>,
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    buckets: Arc<Buckets>,
    #[cfg(feature = "mongodb")]
    mongodb: mongodb::Client,
    #[cfg(feature = "postgres")]
    postgres: postgres::Client,
    #[cfg(feature = "redis")]
    redis: redis::Client,
}

impl Sources {
    /// Sources with the default bounds: documents of at most 64 MiB, fetches of at most 30 s.
    /// Nothing is connected to yet.
    pub fn new() -> Self {
        match Self::with(Settings::default()) {
            Ok(sources) => sources,
            Err(_) => unreachable!("the defaults hold no header that could be wrong"),
        }
    }

    pub(crate) fn with(settings: Settings) -> Result<Self, Error> {
        let shared = Shared {
            #[cfg(feature = "http")]
            web: Arc::new(http::Web::new(&settings)?),
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            buckets: Arc::new(Buckets::new(&settings.environment)),
            #[cfg(feature = "mongodb")]
            mongodb: mongodb::Client::default(),
            #[cfg(feature = "postgres")]
            postgres: postgres::Client::default(),
            #[cfg(feature = "redis")]
            redis: redis::Client::default(),
            settings: Arc::new(settings),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Fetches the document of `uri`: a future that borrows nothing, to be awaited, or put into a
    /// container of codap.
    ///
    /// It starts when it is first polled; dropping it ends the fetch. It runs on the tokio runtime
    /// that polls it (which needs its `io` and `time` drivers, as `enable_all` gives), or, if
    /// there is none, on [`codap::background`].
    ///
    /// # Errors
    /// The future yields an [`Error`] if there is no whole document within the bounds.
    pub fn fetch(
        &self,
        uri: &Uri,
    ) -> impl Future<Output = Result<Document, Error>> + Send + use<> + 'static {
        let (shared, uri) = (self.shared.clone(), uri.clone());
        async move {
            if has_runtime() {
                return shared.fetch(&uri).await;
            }
            let about = uri.clone();
            elsewhere(about, async move { (shared.fetch(&uri).await, future::ready(())) }).await
        }
    }

    /// Opens the document of `uri`, to be pulled a chunk at a time: for what is larger than memory,
    /// or written away as it comes. The future is as that of [`fetch`](Self::fetch), and ends when
    /// it is known what will come: with the head of a reply.
    ///
    /// HTTP is asked for what is not packed, so that the length is that of the document; what comes
    /// packed all the same is unpacked. Databases give their document as one chunk. A `Body` belongs
    /// to the runtime that polled this; without one it is pulled by a task of
    /// [`codap::background`], one chunk ahead.
    ///
    /// # Errors
    /// The future yields an [`Error`] if there is no document, or none of at most
    /// [`max_streamed_size`](crate::Builder::max_streamed_size) bytes; so may the body later on.
    pub fn open(
        &self,
        uri: &Uri,
    ) -> impl Future<Output = Result<Body, Error>> + Send + use<> + 'static {
        let (shared, uri) = (self.shared.clone(), uri.clone());
        async move {
            if has_runtime() {
                return shared.open(&uri).await;
            }
            let about = uri.clone();
            let opening = async move {
                match shared.open(&uri).await {
                    Err(error) => (Err(error), None),
                    Ok(body) => {
                        let (body, pulling) = body.away();
                        (Ok(body), Some(pulling))
                    }
                }
            };
            elsewhere(about, async move {
                let (opened, pulling) = opening.await;
                (opened, async move {
                    if let Some(pulling) = pulling {
                        pulling.await;
                    }
                })
            })
            .await
        }
    }
}

impl Sources {
    /// Lists the documents that `uri` stands for, where [`Uri::is_prefix`] says so: the objects
    /// under a prefix of a bucket (`s3://bucket/prefix/`), or all files of a folder and the folders
    /// in it (`dir/`, `file:///dir/`), links followed. Nothing is asked for before it is pulled.
    ///
    /// Not listed are the empty objects called `…/` by which tools mark folders. What cannot be
    /// fetched (a device, a broken link, a key with an empty part) is listed, so that it is missed
    /// by whoever fetches and not by nobody. A folder with a name that is not UTF-8 is an error.
    pub fn list(&self, uri: &Uri) -> Listing {
        Listing::new(
            uri,
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            self.shared.buckets.clone(),
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            self.shared.settings.clone(),
        )
    }

    /// Begins to write the object of `uri` in parts (`s3://` and `gs://`); see [`Upload`].
    ///
    /// # Errors
    /// The future yields an [`Error`] if the store cannot be reached or refuses.
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    pub fn upload(
        &self,
        uri: &Uri,
        options: UploadOptions,
    ) -> impl Future<Output = Result<Upload, Error>> + Send + use<> + 'static {
        let (shared, uri) = (self.shared.clone(), uri.clone());
        async move { anywhere(&uri.clone(), async move { shared.upload(&uri, options).await }).await }
    }
}

impl Shared {
    async fn fetch(&self, uri: &Uri) -> Result<Document, Error> {
        let job = Job::new(uri, &self.settings, Purpose::Whole);
        within(&job, Box::pin(async { self.way(&job).await?.collect(&job).await })).await
    }

    async fn open(&self, uri: &Uri) -> Result<Body, Error> {
        let purpose = match uri.adapter() {
            Adapter::File | Adapter::Http | Adapter::S3 | Adapter::Gs | Adapter::Az => {
                Purpose::Streamed
            }
            _ => Purpose::Whole,
        };
        let job = Job::new(uri, &self.settings, purpose);
        let way = within(&job, Box::pin(self.way(&job))).await?;
        Ok(Body::new(job, way))
    }

    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    async fn upload(&self, uri: &Uri, options: UploadOptions) -> Result<Upload, Error> {
        let job = Job::new(uri, &self.settings, Purpose::Whole);
        // Azure's blocks belong to a name and not to an upload: those of two writers would mix, and
        // there is no way to abort.
        if !matches!(uri.adapter(), Adapter::S3 | Adapter::Gs) {
            return Err(job.error(Kind::Unsupported, "cannot be written to; s3: and gs: can"));
        }
        let begin = async {
            let object = Object::named(&self.buckets, &job).await?;
            Upload::begin(&job, object, self.settings.clone(), options).await
        };
        within(&job, Box::pin(begin)).await
    }

    /// The one place where an adapter is called.
    async fn way(&self, job: &Job) -> Result<Way, Error> {
        match job.uri().adapter() {
            #[cfg(feature = "file")]
            Adapter::File => Reading::open(job).await.map(Way::File),
            #[cfg(feature = "http")]
            Adapter::Http => Download::open(job, self.web.clone()).await.map(Way::Web),
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            Adapter::S3 | Adapter::Gs | Adapter::Az => {
                let object = Object::named(&self.buckets, job).await?;
                Download::open(job, object).await.map(Way::Object)
            }
            #[cfg(feature = "mongodb")]
            Adapter::Mongodb => mongodb::fetch(&self.mongodb, job).await.map(Way::from),
            #[cfg(feature = "sqlite")]
            Adapter::Sqlite => sqlite::fetch(job).await.map(Way::from),
            #[cfg(feature = "postgres")]
            Adapter::Postgres => postgres::fetch(&self.postgres, job).await.map(Way::from),
            #[cfg(feature = "redis")]
            Adapter::Redis => redis::fetch(&self.redis, job).await.map(Way::from),
            #[cfg(not(all(
                feature = "file",
                feature = "http",
                any(feature = "s3", feature = "gs", feature = "az"),
                feature = "mongodb",
                feature = "sqlite",
                feature = "postgres",
                feature = "redis"
            )))]
            _ => Err(job.error(Kind::Unsupported, "has no adapter in this build")),
        }
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
