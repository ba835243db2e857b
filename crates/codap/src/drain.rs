//! In bulk: more work than fits, owned results as they come, memory given back as they go.
//!
//! The same entries, tasks and board as under the shapes; only delivery differs. Chunks stand in
//! a queue instead of an arena and are let go when all their results are taken, and a value sits
//! in a parcel that its taker opens, so that it need not be `Sync`.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::board::{Board, Config};
use crate::chunk::{Chunk, locate};
use crate::entry::CLAIMED;
use crate::error::{BoxError, Error, Kind};
use crate::runtime::{Home, Runtime};
use crate::until::Until;
use crate::waiters::Mark;
use crate::work::{Ticket, Work};

/// Unless told otherwise, a drain has as many entries in flight.
const LIMIT: usize = 64;

/// Runs an iterator of futures, a limited number at a time: a [`Stream`] of owned results in the
/// order of arrival, each with the position of its future.
///
/// For more work than fits into a container, or an endless supply: memory is given back as results
/// are taken. At most [`limit`](Drain::limit) entries are in flight or finished and untaken; the
/// next futures are drawn when the stream is polled. What is in flight runs on
/// whatever the consumer does. Values need to be `Send` only. Futures yield `Result`s, as there is
/// no container whose type would tell values and errors apart; end one that cannot fail with
/// [`codap::ok`](crate::ok).
///
/// Dropping the stream cancels what is in flight. One drain runs up to 2³² futures. Cost: as
/// of an entry, and 64 entries of memory for every 64.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use futures_util::StreamExt;
///
/// let squares = (0..1000u64).map(|n| async move { codap::ok(n * n) });
/// let mut results = codap::drain(squares).limit(16);
/// let mut sum = 0;
/// while let Some((_position, square)) = results.next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 332_833_500);
/// # });
/// ```
pub fn drain<I, W, V, E>(work: I) -> Drain<Iter<I::IntoIter>, V>
where
    I: IntoIterator<Item = W>,
    W: IntoFuture<Output = Result<V, E>, IntoFuture: Send + 'static>,
    V: Send + 'static,
    E: Into<BoxError> + 'static,
{
    Drain::new(Iter(work.into_iter()))
}

/// As [`drain`], of a [`Stream`] of futures, with the same cancellation and cost. The stream is polled
/// in the place of its consumer, and only while there is room.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use futures_util::{StreamExt, stream};
///
/// let work = stream::iter(0..100u64).map(|n| async move { codap::ok(n) });
/// let results = codap::drain_stream(work);
/// assert_eq!(results.fold(0, async |sum, (_, n)| sum + n.unwrap()).await, 4950);
/// # });
/// ```
pub fn drain_stream<S, W, V, E>(work: S) -> Drain<S, V>
where
    S: Stream<Item = W>,
    W: IntoFuture<Output = Result<V, E>, IntoFuture: Send + 'static>,
    V: Send + 'static,
    E: Into<BoxError> + 'static,
{
    Drain::new(work)
}

/// An iterator as a stream that is always ready, at no cost.
#[derive(Debug)]
pub struct Iter<I>(I);

impl<I: Iterator> Stream for Iter<I>
where
    Self: Unpin,
{
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

impl<I> Unpin for Iter<I> {}

/// A value on its way to the one who takes it.
struct Parcel<V>(Mutex<Option<V>>);

pin_project_lite::pin_project! {
    /// The stream of [`drain`] and [`drain_stream`]. Dropping it cancels what is in flight; dropping the
    /// future of its `next` loses no result.
    #[must_use = "streams do nothing unless polled"]
    pub struct Drain<S, V> {
        #[pin]
        work: Option<S>,
        flow: Flow<V>,
    }
}

/// A chunk, and how many results are still to be taken from it.
type Stretch<V> = (Arc<Chunk<usize, Parcel<V>>>, u32);

/// What is in flight, and what is done and not taken.
struct Flow<V> {
    board: Arc<Board>,
    limit: u32,
    /// Chunks that hold something.
    chunks: VecDeque<Stretch<V>>,
    /// How many chunks were let go before the first of those.
    gone: usize,
    started: u32,
    taken: u32,
    until: Option<Until<Arc<Board>>>,
}

impl<S, V> Drain<S, V> {
    fn new(work: S) -> Self {
        let flow = Flow {
            board: Arc::new(Board::new(Config::default(), None)),
            limit: LIMIT as u32,
            chunks: VecDeque::new(),
            gone: 0,
            started: 0,
            taken: 0,
            until: None,
        };
        Self { work: Some(work), flow }
    }

    /// At most `limit` entries in flight or finished and untaken. Default: 64. It is what bounds the
    /// memory.
    ///
    /// # Panics
    /// If `limit` is 0: nothing could ever run.
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "a limit of 0 would let no entry run");
        self.flow.limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self
    }

    /// Runs the futures on `runtime`. Default: as [`Kv::new`](crate::Kv::new). Starts nothing.
    pub fn on(mut self, runtime: &(impl Runtime + Clone)) -> Self {
        self.flow.board = Arc::new(Board::new(Config::default(), Some(Home::of(runtime))));
        self
    }
}

impl<V: Send + 'static> Flow<V> {
    /// All that is in flight may end before the next result is taken.
    fn has_room(&self) -> bool {
        self.started - self.taken < self.limit
    }

    fn start<W, E>(&mut self, work: W)
    where
        W: IntoFuture<Output = Result<V, E>, IntoFuture: Send + 'static>,
        E: Into<BoxError> + 'static,
    {
        // Foreign code that may panic, so before anything is counted.
        let future = work.into_future();
        let index = self.started;
        let (_, at) = locate(index);
        if at == 0 {
            let chunk = Chunk::new(self.board.clone(), index, |index| Some(index as usize));
            let size = chunk.len();
            self.chunks.push_back((Arc::new(chunk), size));
        }
        let (chunk, _) = self.chunks.back().expect("the chunk of the open end is there");
        self.started = index.checked_add(1).expect("a drain runs up to 2^32 futures");
        self.board.grown_to(self.started);
        let parcel = async move { future.await.map(|value| Parcel(Mutex::new(Some(value)))) };
        self.board.ready.launch(Box::pin(Work::new(parcel, Ticket::new(chunk.clone(), at))));
    }

    fn take(&mut self) -> Option<(usize, Result<V, Error>)> {
        let index = self.board.arrival(self.taken)?;
        self.taken += 1;
        self.board.forget_arrivals(self.taken);
        let (number, at) = locate(index);
        let (chunk, left) = &mut self.chunks[number - self.gone];
        *left -= 1;
        let reply = chunk.entry(at).read().expect("an entry that has arrived has a reply");
        let result = reply.map(|Parcel(value)| {
            let value = value.lock().unwrap_or_else(PoisonError::into_inner).take();
            value.expect("an arrival is taken once")
        });
        while self.chunks.front().is_some_and(|(_, left)| *left == 0) {
            self.chunks.pop_front();
            self.gone += 1;
        }
        Some((index as usize, result))
    }
}

impl<V> Drop for Flow<V> {
    fn drop(&mut self) {
        let mut index = self.chunks.front().map_or(self.started, |(chunk, _)| chunk.index_of(0));
        for (chunk, _) in &self.chunks {
            for at in 0..chunk.len() {
                if index < self.started && !chunk.entry(at).status().has(CLAIMED) {
                    chunk.interrupt(at, Kind::Cancelled("its drain was dropped"));
                }
                index += 1;
            }
        }
    }
}

impl<S, W, V, E> Stream for Drain<S, V>
where
    S: Stream<Item = W>,
    W: IntoFuture<Output = Result<V, E>, IntoFuture: Send + 'static>,
    V: Send + 'static,
    E: Into<BoxError> + 'static,
{
    type Item = (usize, Result<V, Error>);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let flow = this.flow;
        loop {
            while flow.has_room()
                && let Some(work) = this.work.as_mut().as_pin_mut()
            {
                match work.poll_next(cx) {
                    Poll::Ready(Some(work)) => flow.start(work),
                    Poll::Ready(None) => this.work.set(None),
                    Poll::Pending => break,
                }
            }
            if let Some(result) = flow.take() {
                flow.until = None;
                return Poll::Ready(Some(result));
            }
            if flow.taken == flow.started {
                let over = this.work.is_none();
                return if over { Poll::Ready(None) } else { Poll::Pending };
            }
            let next = Mark::Ended(flow.taken + 1);
            let board = &flow.board;
            let until = flow.until.get_or_insert_with(|| Until::new(board.clone(), next));
            std::task::ready!(Pin::new(until).poll(cx));
            flow.until = None;
        }
    }
}

impl<S, V> fmt::Debug for Drain<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("limit", &self.flow.limit)
            .field("started", &self.flow.started)
            .field("taken", &self.flow.taken)
            .finish_non_exhaustive()
    }
}
