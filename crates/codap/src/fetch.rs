//! What to do when work is slow or fails: time it out, try again, put a default in its place.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::board::EntryRef;
use crate::current;
use crate::entry::DEFAULTED;
use crate::error::{BoxError, Error, Kind};
use crate::runtime::Nap;
use crate::timer;

/// Work that can be tried more than once, and a policy for it: a builder that is itself a future.
///
/// `attempt` makes one attempt each time it is called. Nothing is retried, timed or defaulted
/// unless asked for: retrying is right only for work that may be done twice. It works anywhere; in
/// an entry it also keeps to the deadline of the container, gives the permit back while it sleeps,
/// and tells the entry of its attempts and of a default.
///
/// The future yields the value or an [`Error`] whose source is the error of the last attempt.
/// Dropping it drops the attempt in flight. Cost: nothing is allocated but for the parts of the
/// policy that are asked for, one box each.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::time::Duration;
/// use codap::{Kv, fetch};
///
/// async fn photos(id: u32) -> Result<Vec<String>, std::io::Error> {
///     # if id == 7 { return Err(std::io::ErrorKind::ConnectionReset.into()) }
///     Ok(vec![format!("{id}.jpg")])
/// }
///
/// let page = Kv::<_, Vec<String>>::new();
/// let backoff = [10, 20, 40].map(Duration::from_millis);
/// page.put("mine", fetch(|| photos(1)).timeout(Duration::from_millis(200)).retry(backoff));
/// page.put("yours", fetch(|| photos(7)).retry(backoff).jitter().or_default());
///
/// assert_eq!(page.get("mine").await.unwrap(), &["1.jpg"]);
/// assert!(page.get("yours").await.unwrap().is_empty());
/// assert_eq!(page.ending("yours"), Some(codap::Ending::Defaulted));
/// # });
/// ```
pub fn fetch<F, T, V, E>(attempt: F) -> Fetch<F, T, V, E>
where
    F: FnMut() -> T,
    T: Future<Output = Result<V, E>>,
    E: Into<BoxError>,
{
    Fetch {
        make: attempt,
        attempt: None,
        policy: Policy {
            timeout: None,
            backoff: None,
            jitter: false,
            retry_if: None,
            retry_after: None,
            default: None,
        },
        run: None,
        step: Step::Start,
    }
}

struct Policy<V, E> {
    timeout: Option<Duration>,
    backoff: Option<Box<Backoff>>,
    jitter: bool,
    retry_if: Option<Box<Ask<E, bool>>>,
    retry_after: Option<Box<Ask<E, Option<Duration>>>>,
    default: Option<Box<Fallback<V>>>,
}

type Backoff = dyn Iterator<Item = Duration> + Send;
type Ask<E, A> = dyn FnMut(&E) -> A + Send;
type Fallback<V> = dyn FnOnce(&Error) -> V + Send;

pin_project_lite::pin_project! {
    /// The future, and the builder, of [`fetch`]. Dropping it drops the attempt in flight.
    #[must_use = "futures do nothing unless polled"]
    pub struct Fetch<F, T, V, E> {
        make: F,
        #[pin]
        attempt: Option<T>,
        policy: Policy<V, E>,
        run: Option<Run>,
        step: Step,
    }
}

/// What is fixed by the first poll.
struct Run {
    entry: Option<EntryRef>,
    began: Instant,
    /// No attempt begins, and no sleep ends, after this.
    until: Option<Instant>,
    attempts: u32,
    /// What the last attempt failed with, unless it timed out.
    failed: Option<BoxError>,
}

enum Step {
    Start,
    /// An attempt is in flight; the alarm, if any, ends it.
    Attempt(Option<Nap>),
    Rest {
        sleep: Nap,
        _resting: Option<Resting>,
    },
    Done,
}

/// The entry's work sleeps, as long as this lives.
struct Resting(EntryRef);

impl Resting {
    fn begin(entry: &EntryRef) -> Self {
        entry.status().rests();
        Self(entry.clone())
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.status().rises();
    }
}

impl Run {
    fn begin(defaults: bool) -> Self {
        let entry = current::entry();
        let until = entry.as_ref().and_then(|entry| {
            let board = entry.board();
            let after = board.config.deadline?;
            // A default is handed over a little before the deadline would end the entry.
            let margin =
                if defaults { (after / 16).min(Duration::from_millis(5)) } else { Duration::ZERO };
            let put = entry.status().stamped()?;
            board.epoch().checked_add(put.saturating_add(after.saturating_sub(margin)))
        });
        let mut run = Self { entry, began: Instant::now(), until, attempts: 0, failed: None };
        run.began = run.now();
        run
    }

    fn now(&self) -> Instant {
        match &self.entry {
            Some(entry) => entry.board().home().now(),
            None => Instant::now(),
        }
    }

    fn sleep_until(&self, at: Instant) -> Nap {
        match &self.entry {
            Some(entry) => entry.board().home().sleep_until(at),
            None => Nap::Timer(timer::sleep_until(at)),
        }
    }

    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| self.now() >= until)
    }

    /// When an attempt that begins now has to end.
    fn alarm(&self, timeout: Option<Duration>) -> Option<Nap> {
        let own = timeout.and_then(|timeout| self.now().checked_add(timeout));
        let at = match (own, self.until) {
            (Some(own), Some(until)) => Some(own.min(until)),
            (own, until) => own.or(until),
        };
        at.map(|at| self.sleep_until(at))
    }

    /// As the last attempt ended.
    fn error(&mut self) -> Error {
        let source = self.failed.take();
        let kind = if source.is_some() { Kind::Failed } else { Kind::TimedOut };
        let elapsed = self.now().saturating_duration_since(self.began);
        Error::of_attempts(kind, source, elapsed, self.attempts)
    }
}

impl<V, E: Into<BoxError>> Policy<V, E> {
    /// How long to rest before the next attempt, if there is to be one.
    fn rest(&mut self, failed: Option<&E>) -> Option<Duration> {
        if let (Some(error), Some(retry_if)) = (failed, &mut self.retry_if)
            && !retry_if(error)
        {
            return None;
        }
        let delay = self.backoff.as_mut()?.next()?;
        let told = failed.and_then(|error| self.retry_after.as_mut()?(error));
        Some(match told {
            Some(told) => told,
            None if self.jitter => delay.mul_f64(fastrand::f64()),
            None => delay,
        })
    }

    fn give_up(&mut self, run: &mut Run) -> Result<V, Error> {
        let error = run.error();
        match self.default.take() {
            None => Err(error),
            Some(default) => {
                if let Some(entry) = &run.entry {
                    entry.status().set(DEFAULTED);
                }
                Ok(default(&error))
            }
        }
    }
}

impl<F, T, V, E> Fetch<F, T, V, E> {
    /// Ends each attempt that takes longer, counted from its start. A container's deadline ends it
    /// earlier. Beyond the end of time (`Duration::MAX`) is never. The attempt's future is dropped then.
    /// Cost: one sleep on the timer thread for each attempt that is pending.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// Tries again after each delay of `backoff`, until one attempt succeeds or `backoff` ends: an
    /// iterator of `Duration`s, such as an array, or what the crate backon builds. An attempt that
    /// timed out is tried again like one that failed.
    ///
    /// It never sleeps, nor starts, past the deadline of the container: if the next attempt could
    /// only begin later, the last error stands. While it sleeps, its entry does not count against
    /// the limit, whatever else the entry does at that time.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
    /// use backon::{BackoffBuilder, ExponentialBuilder};
    /// use std::time::Duration;
    ///
    /// let backoff = ExponentialBuilder::default().with_min_delay(Duration::from_millis(1)).build();
    /// let mut calls = 0;
    /// let answer = codap::fetch(move || {
    ///     calls += 1;
    ///     std::future::ready(if calls < 3 { Err("not yet") } else { Ok(calls) })
    /// });
    /// assert_eq!(answer.retry(backoff).await.unwrap(), 3);
    /// # });
    /// ```
    pub fn retry<B>(mut self, backoff: B) -> Self
    where
        B: IntoIterator<Item = Duration>,
        B::IntoIter: Send + 'static,
    {
        self.policy.backoff = Some(Box::new(backoff.into_iter()));
        self
    }

    /// Draws every delay anew between zero and its length, so that many clients that failed
    /// together do not return together ("full jitter": Brooker, Exponential Backoff and Jitter,
    /// AWS Architecture Blog, 2015). What a server tells by [`retry_after`](Self::retry_after) is
    /// kept to.
    pub fn jitter(mut self) -> Self {
        self.policy.jitter = true;
        self
    }

    /// Tries again only after errors for which `retryable` holds. Without it after all of them. Cost: a
    /// box.
    pub fn retry_if(mut self, retryable: impl FnMut(&E) -> bool + Send + 'static) -> Self {
        self.policy.retry_if = Some(Box::new(retryable));
        self
    }

    /// Takes the delay from the error where it holds one, as an HTTP `Retry-After` does. It takes
    /// the place of the delay of the backoff, which still says how often. Cost: a box.
    pub fn retry_after(
        mut self,
        delay: impl FnMut(&E) -> Option<Duration> + Send + 'static,
    ) -> Self {
        self.policy.retry_after = Some(Box::new(delay));
        self
    }

    /// Yields `V::default()` instead of an error. The entry it runs in then ends as defaulted; if
    /// the container has a deadline, a little before it (a sixteenth, at most 5 ms).
    pub fn or_default(self) -> Self
    where
        V: Default,
    {
        self.or_else(|_| V::default())
    }

    /// Yields `value` instead of an error; else as [`or_default`](Self::or_default).
    pub fn or(self, value: V) -> Self
    where
        V: Send + 'static,
    {
        self.or_else(|_| value)
    }

    /// Yields what `default` makes of the error; else as [`or_default`](Self::or_default). Cost: a box.
    pub fn or_else(mut self, default: impl FnOnce(&Error) -> V + Send + 'static) -> Self {
        self.policy.default = Some(Box::new(default));
        self
    }
}

impl<F, T, V, E> Future for Fetch<F, T, V, E>
where
    F: FnMut() -> T,
    T: Future<Output = Result<V, E>>,
    E: Into<BoxError>,
{
    type Output = Result<V, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let run = this.run.get_or_insert_with(|| Run::begin(this.policy.default.is_some()));
        loop {
            let failed = match this.step {
                // The permit came back too late.
                Step::Start if run.is_over() => {
                    *this.step = Step::Done;
                    return Poll::Ready(this.policy.give_up(run));
                }
                Step::Start => {
                    run.attempts += 1;
                    if let Some(entry) = &run.entry {
                        entry.board().record_attempt(entry.index(), run.attempts);
                    }
                    this.attempt.set(Some((this.make)()));
                    *this.step = Step::Attempt(run.alarm(this.policy.timeout));
                    continue;
                }
                Step::Attempt(alarm) => {
                    let attempt = this.attempt.as_mut().as_pin_mut();
                    match attempt.expect("an attempt is in flight").poll(cx) {
                        Poll::Ready(Ok(value)) => {
                            this.attempt.set(None);
                            *this.step = Step::Done;
                            return Poll::Ready(Ok(value));
                        }
                        Poll::Ready(Err(error)) => Some(error),
                        Poll::Pending => match alarm {
                            None => return Poll::Pending,
                            Some(alarm) => {
                                ready!(Pin::new(alarm).poll(cx));
                                None
                            }
                        },
                    }
                }
                Step::Rest { sleep, .. } => {
                    ready!(Pin::new(sleep).poll(cx));
                    *this.step = Step::Start;
                    continue;
                }
                Step::Done => panic!("a fetch is not polled after its end"),
            };
            this.attempt.set(None);
            let next = if run.is_over() { None } else { this.policy.rest(failed.as_ref()) };
            run.failed = failed.map(Into::into);
            let at = next.and_then(|delay| run.now().checked_add(delay));
            match at.filter(|&at| run.until.is_none_or(|until| at < until)) {
                Some(at) => {
                    let _resting = run.entry.as_ref().map(Resting::begin);
                    *this.step = Step::Rest { sleep: run.sleep_until(at), _resting };
                }
                None => {
                    *this.step = Step::Done;
                    return Poll::Ready(this.policy.give_up(run));
                }
            }
        }
    }
}

impl<F, T, V, E> fmt::Debug for Fetch<F, T, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch")
            .field("timeout", &self.policy.timeout)
            .field("attempts", &self.run.as_ref().map_or(0, |run| run.attempts))
            .finish_non_exhaustive()
    }
}
