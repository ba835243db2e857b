//! What `list` brings: the documents under a prefix, a page at a time.

use std::collections::VecDeque;
use std::fmt;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use std::sync::Arc;

use crate::adapter::Adapter;
use crate::error::{Error, Kind};
#[cfg(feature = "file")]
use crate::folder::Folder;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::job::{Job, Purpose};
use crate::listed::Listed;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::page::{Page, Wanted};
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::run::{anywhere, within};
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::settings::Settings;
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
use crate::store::{Buckets, Store};
use crate::uri::Uri;

/// The documents that a URI stands for, from [`Sources::list`](crate::Sources::list): pulled by
/// [`next`](Self::next), one at a time.
///
/// ```no_run
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use codap_sources::Sources;
///
/// let sources = Sources::new();
/// let mut photos = sources.list(&"s3://photos/2024/".parse()?);
/// while let Some(photo) = photos.next().await? {
///     println!("{} has {} bytes", photo.uri, photo.size);
/// }
/// # Ok(()) }
/// ```
///
/// As a `Stream` it is `futures_util::stream::try_unfold(photos, |mut it| async move {
/// Ok(it.next().await?.map(|one| (one, it))) })`.
///
/// A page of a store is held at a time (1,000 objects), and of folders the names of those that are
/// being walked through.
#[must_use = "a listing asks for nothing until it is pulled"]
pub struct Listing {
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    buckets: Arc<Buckets>,
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    settings: Arc<Settings>,
    uri: Uri,
    place: Place,
    page: VecDeque<Listed>,
    end: Option<Result<(), Error>>,
}

/// Where a listing is.
enum Place {
    /// In the list of a bucket: how to go on, and the last key.
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    Bucket { token: Option<String>, after: Option<String> },
    #[cfg(feature = "file")]
    Folder(Folder),
    /// There is no list of that.
    Nowhere(Error),
}

impl Listing {
    pub(crate) fn new(
        uri: &Uri,
        #[cfg(any(feature = "s3", feature = "gs", feature = "az"))] buckets: Arc<Buckets>,
        #[cfg(any(feature = "s3", feature = "gs", feature = "az"))] settings: Arc<Settings>,
    ) -> Self {
        Self {
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            buckets,
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            settings,
            uri: uri.clone(),
            place: Place::of(uri),
            page: VecDeque::new(),
            end: None,
        }
    }

    /// The next document; `None` once every page came and was whole. Their order is that of the
    /// bytes of their names, so that it is the same each time.
    ///
    /// Dropping the future loses nothing: the next call asks for that page again.
    ///
    /// # Errors
    /// If there is no such bucket or folder, a page does not come within
    /// [`timeout`](crate::Builder::timeout), or is broken. What was listed by then is not all. Every
    /// later call gives the same error.
    pub async fn next(&mut self) -> Result<Option<Listed>, Error> {
        loop {
            if let Some(listed) = self.page.pop_front() {
                return Ok(Some(listed));
            }
            if let Some(end) = &self.end {
                return end.clone().map(|()| None);
            }
            match self.turn().await {
                Ok(true) => {}
                Ok(false) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    /// Gets the next page; whether there may be more.
    async fn turn(&mut self) -> Result<bool, Error> {
        match &mut self.place {
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            Place::Bucket { token, after } => {
                let job = Job::new(&self.uri, &self.settings, Purpose::Whole);
                let asked = page(self.buckets.clone(), job, token.clone(), after.clone());
                let page = anywhere(&self.uri, asked).await?;
                if let Some(last) = page.entries.last() {
                    *after = Some(last.key.clone());
                }
                *token = page.next;
                let has_more = token.is_some();
                for entry in page.entries {
                    // An empty object that is called so is how the stores' own tools make a folder.
                    if entry.size > 0 || !entry.key.ends_with('/') {
                        self.page.push_back(listed(&self.uri, entry)?);
                    }
                }
                Ok(has_more)
            }
            #[cfg(feature = "file")]
            Place::Folder(folder) => folder.turn(&self.uri, &mut self.page).await,
            Place::Nowhere(error) => Err(error.clone()),
        }
    }
}

impl Place {
    fn of(uri: &Uri) -> Self {
        let nowhere = |kind, what| Self::Nowhere(Error::new(kind, uri, what));
        match uri.adapter() {
            #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
            Adapter::S3 | Adapter::Gs | Adapter::Az if uri.is_prefix() => {
                Self::Bucket { token: None, after: None }
            }
            #[cfg(feature = "file")]
            Adapter::File if uri.is_prefix() => Self::Folder(Folder::new()),
            Adapter::S3 | Adapter::Gs | Adapter::Az | Adapter::File => {
                let what = "stands for one document; what is to be listed ends with a slash";
                nowhere(Kind::Invalid, what)
            }
            _ => nowhere(Kind::Unsupported, "has no list; object stores and folders have"),
        }
    }
}

/// One page of the objects that the URI of `job` stands for.
#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
async fn page(
    buckets: Arc<Buckets>,
    job: Job,
    token: Option<String>,
    after: Option<String>,
) -> Result<Page, Error> {
    let path = job.uri().path();
    let prefix = path.strip_prefix('/').unwrap_or(&path);
    let (after, token) = (after.as_deref(), token.as_deref());
    let page = async {
        let store = Store::named(&buckets, &job).await?;
        store.page(&job, &Wanted { prefix, after, token }).await
    };
    within(&job, Box::pin(page)).await
}

#[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
fn listed(bucket: &Uri, entry: crate::page::Entry) -> Result<Listed, Error> {
    let uri = format!("{}/{}", bucket.origin(), crate::uri::encoded(&entry.key)).parse()?;
    // Azure leaves them off in lists.
    let quoted = |it: String| if it.starts_with('"') { it } else { format!("\"{it}\"") };
    let version = entry.version.map(|it| quoted(it).into());
    Ok(Listed { uri, size: entry.size, version })
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Listing");
        debug.field("uri", &self.uri).field("end", &self.end).finish_non_exhaustive()
    }
}
