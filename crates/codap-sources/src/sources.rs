//! The one call: from a URI to its adapter, under the bounds that hold for all.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use codap::Runtime;

use crate::adapter::Adapter;
use crate::document::Document;
use crate::error::{Error, Kind};
#[cfg(feature = "file")]
use crate::file;
#[cfg(feature = "http")]
use crate::http;
use crate::job::Job;
#[cfg(feature = "mongodb")]
use crate::mongodb;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::object;
#[cfg(feature = "postgres")]
use crate::postgres;
#[cfg(feature = "redis")]
use crate::redis;
use crate::settings::Settings;
#[cfg(feature = "sqlite")]
use crate::sqlite;
use crate::uri::Uri;

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
    settings: Settings,
    #[cfg(feature = "http")]
    web: http::Web,
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    buckets: object::Buckets,
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
            web: http::Web::new(&settings)?,
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            buckets: object::Buckets::new(&settings.environment),
            #[cfg(feature = "mongodb")]
            mongodb: mongodb::Client::default(),
            #[cfg(feature = "postgres")]
            postgres: postgres::Client::default(),
            #[cfg(feature = "redis")]
            redis: redis::Client::default(),
            settings,
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
            if tokio::runtime::Handle::try_current().is_ok() {
                return shared.fetch(&uri).await;
            }
            // The sender is dropped with the task, and the task's work with the receiver.
            let (mut send, receive) = tokio::sync::oneshot::channel();
            let about = uri.clone();
            codap::background().spawn(Box::pin(async move {
                let reply = tokio::select! {
                    reply = shared.fetch(&uri) => reply,
                    () = send.closed() => return,
                };
                drop(send.send(reply));
            }));
            receive.await.unwrap_or_else(|_| {
                Err(Error::new(Kind::Failed, &about, "the fetch panicked: a bug of codap-sources"))
            })
        }
    }
}

impl Shared {
    async fn fetch(&self, uri: &Uri) -> Result<Document, Error> {
        let job = Job::new(uri, &self.settings);
        let Some(deadline) = job.deadline() else { return Box::pin(self.dispatch(&job)).await };
        if self.settings.timeout.is_zero() {
            return Err(job.timed_out());
        }
        // In a box: it is several kilobytes, and those around it would be moved about with it.
        let working = tokio::time::timeout_at(deadline, Box::pin(self.dispatch(&job)));
        working.await.unwrap_or_else(|_| Err(job.timed_out()))
    }

    /// The one place where an adapter is called.
    async fn dispatch(&self, job: &Job<'_>) -> Result<Document, Error> {
        match job.uri().adapter() {
            #[cfg(feature = "file")]
            Adapter::File => file::fetch(job).await,
            #[cfg(feature = "http")]
            Adapter::Http => http::fetch(&self.web, job).await,
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            Adapter::S3 | Adapter::Gs | Adapter::Az => object::fetch(&self.buckets, job).await,
            #[cfg(feature = "mongodb")]
            Adapter::Mongodb => mongodb::fetch(&self.mongodb, job).await,
            #[cfg(feature = "sqlite")]
            Adapter::Sqlite => sqlite::fetch(job).await,
            #[cfg(feature = "postgres")]
            Adapter::Postgres => postgres::fetch(&self.postgres, job).await,
            #[cfg(feature = "redis")]
            Adapter::Redis => redis::fetch(&self.redis, job).await,
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
