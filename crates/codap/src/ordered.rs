//! By position: a list in the order of the pushes.

use std::fmt;
use std::ops::{Bound, Deref, Index, RangeBounds};

use crate::builder::Builder;
use crate::error::Error;
use crate::group::Group;
use crate::owner::Owner;
use crate::push::Pusher;
use crate::reply::Get;
use crate::runtime::Runtime;

/// A list whose values are computed in the background and read in the order of their pushes.
///
/// An `Ordered` owns its entries: dropping it cancels what is pending. It gives all of
/// [`Pusher`] (push), of [`OrderedHandle`] (read by position) and of [`Owner`] (wait for many, take
/// everything, also as they arrive). Its cost is that of a [`Kv`](crate::Kv) but for the hash of keys.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use codap::Ordered;
///
/// let list = Ordered::<u32>::new();
/// for n in 0..10 {
///     list.push(async move { n * n });
/// }
/// assert_eq!(*list.get(3).await.unwrap(), 9);
/// let mut middle = list.range(4..6);
/// while let Some(square) = middle.next().await {
///     println!("{}", square.unwrap()); // 16, then 25
/// }
/// # });
/// ```
pub struct Ordered<V: Send + Sync + 'static>(Owner<usize, V, OrderedHandle<V>>);

/// The part of an [`Ordered`] that entries may hold: push, and read by position.
pub struct OrderedHandle<V>(Pusher<V>);

impl<V: Send + Sync + 'static> Ordered<V> {
    /// An empty list. Nothing is started before the first push, which also decides where entries
    /// run; see [`Kv::new`](crate::Kv::new), also for the cost.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An empty list whose entries run on `runtime`, wherever they are pushed from. Starts nothing.
    pub fn on(runtime: &(impl Runtime + Clone)) -> Self {
        Self::builder().on(runtime).build()
    }

    /// A list with a limit, a deadline or a record. Starts nothing.
    pub fn builder() -> Builder<Self> {
        Builder::new(|config, home| {
            let group = Group::new(config, home);
            Self(Owner::new(group.clone(), OrderedHandle(Pusher::new(group))))
        })
    }

    /// Moves every outcome out, in order, once every entry has ended and all work is gone.
    /// Dropping the future drops the list, which cancels what is pending. Cost: a move of each outcome
    /// into one `Vec`.
    ///
    /// # Errors
    /// The list itself, unchanged, if a handle, a [`Reply`](crate::Reply) or a subtask in
    /// [`carry`](crate::carry) is still out.
    pub async fn into_results(self) -> Result<Vec<Result<V, Error>>, Self> {
        let results = self.0.into_results().await.map_err(Self)?;
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    /// Cancels what is pending and waits until all work is gone; see
    /// [`Kv::shutdown`](crate::Kv::shutdown), also for what dropping the future does.
    pub async fn shutdown(self) {
        self.0.shutdown().await;
    }

    /// Lets the pending work run to its end with nobody to read it; see
    /// [`Kv::detach`](crate::Kv::detach). Deadlines hold on.
    pub fn detach(self) {
        self.0.detach();
    }
}

impl<V: Send + Sync + 'static> OrderedHandle<V> {
    /// Waits for the entry at `position`. Dropping the future gives the wait up and nothing else. Cost:
    /// none to speak of if it has ended, else the container's lock for each poll.
    ///
    /// # Errors
    /// How the entry ended, if without a value; `is_missing` if fewer were pushed; `is_cycle` if
    /// the entry waits for the one that asks.
    pub fn get(&self, position: usize) -> Get<'_, V> {
        self.0.get(position)
    }

    /// Waits for the entry at `position`, blocking the thread; for where that is allowed see
    /// [`KvHandle::get_blocking`](crate::KvHandle::get_blocking).
    ///
    /// # Errors
    /// As [`get`](Self::get), and `is_would_block` where blocking would stop the runtime.
    pub fn get_blocking(&self, position: usize) -> Result<&V, Error> {
        self.get(position).block()
    }

    /// The reply of the entry at `position`, if it has ended; never waits. `Some(Err(missing))` if
    /// fewer were pushed. Takes no lock.
    pub fn try_get(&self, position: usize) -> Option<Result<&V, Error>> {
        match self.0.find(position) {
            Ok(index) => self.0.group().read(index),
            Err(error) => Some(Err(error)),
        }
    }

    /// A part of the list, read in order. What is pushed later is part of an open range. Making and
    /// dropping it costs nothing and cancels nothing.
    pub fn range(&self, range: impl RangeBounds<usize>) -> Range<'_, V> {
        let next = match range.start_bound() {
            Bound::Included(&first) => first,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => usize::MAX,
        };
        Range { list: self, next, end }
    }

    /// A handle of its own. Cost: a reference count.
    pub fn handle(&self) -> Self {
        self.clone()
    }
}

/// A part of an [`Ordered`], read in order; from [`OrderedHandle::range`].
#[derive(Debug)]
pub struct Range<'a, V: Send + Sync + 'static> {
    list: &'a OrderedHandle<V>,
    next: usize,
    end: usize,
}

impl<'a, V: Send + Sync + 'static> Range<'a, V> {
    fn step(&mut self) -> Option<usize> {
        let end = self.end.min(self.list.group().len() as usize);
        (self.next < end).then(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// Waits for the next entry; `None` at the end of the range or of what was pushed. Dropping
    /// the future skips the entry that it waited for, which runs on. Cost: as
    /// [`OrderedHandle::get`].
    pub async fn next(&mut self) -> Option<Result<&'a V, Error>> {
        let position = self.step()?;
        Some(self.list.get(position).await)
    }

    /// Waits for the next entry, blocking the thread; as [`OrderedHandle::get_blocking`].
    pub fn next_blocking(&mut self) -> Option<Result<&'a V, Error>> {
        let position = self.step()?;
        Some(self.list.get_blocking(position))
    }

    /// The entry at `at` of this range, from 0; as [`OrderedHandle::get`].
    ///
    /// # Errors
    /// As [`OrderedHandle::get`]; `is_missing` beyond the end of the range.
    pub fn get(&self, at: usize) -> Get<'a, V> {
        match self.next.checked_add(at).filter(|&position| position < self.end) {
            Some(position) => self.list.get(position),
            None => self.list.get(usize::MAX),
        }
    }
}

/// Blocks for one entry after another.
impl<'a, V: Send + Sync + 'static> Iterator for Range<'a, V> {
    type Item = Result<&'a V, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_blocking()
    }
}

impl<'a, V: Send + Sync + 'static> IntoIterator for &'a Ordered<V> {
    type Item = Result<&'a V, Error>;
    type IntoIter = Range<'a, V>;

    /// All values in order, blocking for one after another.
    fn into_iter(self) -> Range<'a, V> {
        self.range(..)
    }
}

impl<V: Send + Sync + 'static> Default for Ordered<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Send + Sync + 'static> Deref for Ordered<V> {
    type Target = Owner<usize, V, OrderedHandle<V>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V> Deref for OrderedHandle<V> {
    type Target = Pusher<V>;

    fn deref(&self) -> &Pusher<V> {
        &self.0
    }
}

/// The value at a position, as of a `Vec`, but it waits, blocking the thread, as
/// [`get_blocking`](OrderedHandle::get_blocking) does.
///
/// # Panics
/// With the entry's error, if there is no value, and where blocking is an error.
impl<V: Send + Sync + 'static> Index<usize> for Ordered<V> {
    type Output = V;

    fn index(&self, position: usize) -> &V {
        self.get_blocking(position).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl<V> Clone for OrderedHandle<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for OrderedHandle<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OrderedHandle").field(&self.0).finish()
    }
}

impl<V: Send + Sync + 'static> fmt::Debug for Ordered<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ordered").field(&self.0).finish()
    }
}
