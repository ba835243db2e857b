//! What `open` brings: a document that is pulled, a chunk at a time.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::{Error, Kind};
use crate::job::Job;
use crate::step::{Facts, Step};
use crate::uri::Uri;
use crate::way::Way;

/// A document on its way, from [`Sources::open`](crate::Sources::open): pulled by
/// [`next`](Self::next), a chunk at a time.
///
/// ```no_run
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use codap_sources::Sources;
///
/// let sources = Sources::new();
/// let mut body = sources.open(&"s3://films/7.mkv".parse()?).await?;
/// let mut size = 0;
/// while let Some(chunk) = body.next().await? {
///     size += chunk.len(); // written somewhere
/// }
/// // Only here it is known to be whole.
/// println!("{size} bytes of {:?}", body.length());
/// # Ok(()) }
/// ```
///
/// **What came before the end is the start of something.** Only `None` says that everything came
/// and was as promised, in length and hashes; after an error, throw it all away. A body that breaks
/// off goes on by itself where the other side can show that it still has the same document; where
/// it could only begin anew, that is an error, [`is_transient`](Error::is_transient), and to open it
/// once more is up to you.
///
/// While nobody pulls, the peer waits: no more than a chunk is held here, and what the connection
/// has buffered. The time of [`Builder::timeout`](crate::Builder::timeout) runs only while somebody
/// does, from the call to its chunk. To drop a body gives up its connection.
#[must_use = "a body brings nothing until it is pulled"]
pub struct Body {
    job: Job,
    course: Course,
    /// How it ended.
    end: Option<Result<(), Error>>,
}

enum Course {
    /// Runs on this runtime, whoever polls.
    Here { way: Box<Way>, runtime: Handle, until_first: Duration, has_begun: bool },
    /// Runs on a runtime of codap: there was none where it was opened.
    Away(Box<Away>),
}

/// What the task over there has told.
struct Away {
    chunks: mpsc::Receiver<Result<Chunk, Error>>,
    content_type: Option<Box<str>>,
    version: Option<Box<str>>,
    length: Option<u64>,
    is_length_verified: bool,
}

/// Bytes, or the end, and what is known by then.
struct Chunk {
    bytes: Option<Bytes>,
    length: Option<u64>,
    is_length_verified: bool,
}

impl Body {
    /// The body of `way`, which was opened on the runtime that polls this.
    pub(crate) fn new(job: Job, way: Way) -> Self {
        let (way, runtime) = (Box::new(way), Handle::current());
        // What is left of the time.
        let until_first = match job.deadline() {
            Some(at) => at.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        };
        let course = Course::Here { way, runtime, until_first, has_begun: false };
        Self { job, course, end: None }
    }

    /// The same for those who have no runtime, and a task that pulls it over there.
    pub(crate) fn away(self) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (send, chunks) = mpsc::channel(1);
        let facts = self.facts();
        let away = Away {
            chunks,
            content_type: facts.content_type.map(Into::into),
            version: facts.version.map(Into::into),
            length: facts.length,
            is_length_verified: facts.is_length_verified,
        };
        let job = self.job.again();
        (Self { job, course: Course::Away(Box::new(away)), end: None }, self.pull(send))
    }

    /// Pulls to the end, or until nobody wants it any more. A chunk is pulled when there is a place
    /// for it.
    async fn pull(mut self, send: mpsc::Sender<Result<Chunk, Error>>) {
        while let Ok(place) = send.reserve().await {
            let pulled = tokio::select! {
                pulled = self.next() => pulled,
                () = send.closed() => return,
            };
            let facts = self.facts();
            let (length, is_length_verified) = (facts.length, facts.is_length_verified);
            let is_last = !matches!(pulled, Ok(Some(_)));
            place.send(pulled.map(|bytes| Chunk { bytes, length, is_length_verified }));
            if is_last {
                return;
            }
        }
    }

    /// The next bytes, at least one; `None` once everything came and was verified.
    ///
    /// Dropping the future loses nothing: the next call goes on from there.
    ///
    /// # Errors
    /// If it breaks off and cannot be gone on from, is not what was promised, grows beyond
    /// [`max_streamed_size`](crate::Builder::max_streamed_size), or stalls. Every later call gives
    /// the same error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| None);
        }
        let pulled = match &mut self.course {
            Course::Here { way, runtime, until_first, has_begun } => {
                let time = if *has_begun { self.job.timeout() } else { *until_first };
                let pulled = on(runtime, time, pull(way, &self.job, *has_begun)).await;
                *has_begun = true;
                pulled.unwrap_or_else(|| Err(self.job.timed_out()))
            }
            Course::Away(away) => away.next(&self.job).await,
        };
        match &pulled {
            Ok(Some(_)) => {}
            Ok(None) => self.end = Some(Ok(())),
            Err(error) => {
                self.end = Some(Err(error.clone()));
                self.give_up();
            }
        }
        pulled
    }

    /// The URI that was asked for.
    pub fn uri(&self) -> &Uri {
        self.job.uri()
    }

    /// How many bytes will have come at the end, if that is known: exactly so many, or it is an
    /// error. It is not known of what comes packed, and of what HTTP sends without a length.
    pub fn length(&self) -> Option<u64> {
        self.facts().length
    }

    /// The media type, as the source gave it.
    pub fn content_type(&self) -> Option<&str> {
        self.facts().content_type
    }

    /// What changes when the document does, as [`Document::version`](crate::Document::version).
    pub fn version(&self) -> Option<&str> {
        self.facts().version
    }

    /// Whether its end is known to be its end, as
    /// [`Document::is_length_verified`](crate::Document::is_length_verified): to be asked at the end.
    pub fn is_length_verified(&self) -> bool {
        self.facts().is_length_verified
    }

    fn facts(&self) -> Facts<'_> {
        match &self.course {
            Course::Here { way, .. } => way.facts(),
            Course::Away(away) => Facts {
                length: away.length,
                content_type: away.content_type.as_deref(),
                version: away.version.as_deref(),
                is_length_verified: away.is_length_verified,
            },
        }
    }

    /// Gives up the connection; what is known stays.
    fn give_up(&mut self) {
        match &mut self.course {
            Course::Here { way, .. } => way.close(),
            Course::Away(away) => away.chunks.close(),
        }
    }
}

/// The next bytes of `way`. If some have gone out already, it cannot begin anew.
async fn pull(way: &mut Way, job: &Job, has_begun: bool) -> Result<Option<Bytes>, Error> {
    loop {
        return match way.step(job).await? {
            Step::Chunk(bytes) => Ok(Some(bytes)),
            Step::End => Ok(None),
            Step::Anew if !has_begun => continue,
            Step::Anew => {
                let what = "broke off, and the server would not go on from there; open it again";
                Err(job.error(Kind::Incomplete, what))
            }
        };
    }
}

/// Runs `work` as if `runtime` polled it, for so long.
async fn on<T>(runtime: &Handle, time: Duration, work: impl Future<Output = T>) -> Option<T> {
    let until = Instant::now().checked_add(time);
    let mut work = pin!(async {
        match until {
            Some(until) => tokio::time::timeout_at(until, work).await.ok(),
            None => Some(work.await),
        }
    });
    poll_fn(|cx| {
        let _within = runtime.enter();
        work.as_mut().poll(cx)
    })
    .await
}

impl Away {
    async fn next(&mut self, job: &Job) -> Result<Option<Bytes>, Error> {
        let Some(chunk) = self.chunks.recv().await else {
            return Err(job.error(Kind::Failed, "the fetch panicked: a bug of codap-sources"));
        };
        let chunk = chunk?;
        (self.length, self.is_length_verified) = (chunk.length, chunk.is_length_verified);
        Ok(chunk.bytes)
    }
}

/// Without what secrets there may be.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts();
        f.debug_struct("Body")
            .field("uri", self.uri())
            .field("length", &facts.length)
            .field("content_type", &facts.content_type)
            .field("version", &facts.version)
            .field("end", &self.end)
            .finish()
    }
}
