//! By key: a dictionary whose values are on their way.

use std::borrow::Borrow;
use std::fmt;
use std::future::IntoFuture;
use std::hash::Hash;
use std::ops::{Deref, Index};
use std::sync::Arc;
use std::time::Duration;

use crate::board::Config;
use crate::builder::Builder;
use crate::error::{Ending, Error, Kind};
use crate::group::{Group, Key, Name};
use crate::outcome::Outcome;
use crate::owner::Owner;
use crate::reply::{Get, Replies, Reply, ending};
use crate::runtime::{Home, Runtime};
use crate::slot::{External, Slot};

/// A dictionary whose values are computed in the background: every put starts work, every read
/// waits for its own entry only.
///
/// A `Kv` owns its entries: dropping it cancels what is pending. It gives all of
/// [`KvHandle`] (put, get, cancel one entry) and of [`Owner`] (wait for many, take everything).
/// Values stay where they are and are lent out, `&V`, for as long as the `Kv` lives; neither `K`
/// nor `V` nor any error need be `Clone`.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use codap::Kv;
///
/// let page = Kv::<&str, String>::new();
/// page.put("user", async { "ada".to_owned() });             // a future: starts now
/// page.put_blocking("motd", || "hello".to_owned());         // a function, on a thread
/// page.insert("title", "home".to_owned());                  // a value
/// let slot = page.slot("late");                             // filled by hand
///
/// assert_eq!(page.get("user").await.unwrap(), "ada");       // waits for this one only
/// assert!(page.try_get("late").is_none());                  // never waits
/// slot.fill("at last".to_owned());
/// while let Some((key, reply)) = page.next().await {        // as they arrive, each once
///     println!("{key}: {}", reply.unwrap());
/// }
/// # });
/// ```
///
/// # Cost
/// One allocation for each entry. From the 17th on entries share tasks for their first poll, and
/// one that is pending then takes a second allocation, the runtime's own task. An amortised 98
/// bytes for a key and a value of 8 bytes each are kept until the container is dropped: putting a
/// key again does not free what it had before. For an endless use see [`drain`](crate::drain()).
/// Put and get of 1,000 futures that are ready at once take 0.5 µs each on tokio with two workers,
/// 0.65 × a `HashMap` of `JoinHandle`s; of 10 some 1.6 × (docs/benchmarks.md).
///
/// # Putting a key again
/// A pending entry ends as cancelled; a finished one stays readable through its [`Reply`]. The
/// key now means the new entry. Both are seen by [`next`](Owner::next) and its like.
///
/// # Misuse that does not compile
/// A value cannot be used after its container is gone:
/// ```compile_fail,E0505
/// let kv = codap::Kv::<_, String>::new();
/// kv.insert("a", String::new());
/// let value = &kv["a"];
/// drop(kv);
/// println!("{value}");
/// ```
/// Work that cannot move between threads cannot be put:
/// ```compile_fail,E0277
/// let kv = codap::Kv::<_, usize>::new();
/// let local = std::rc::Rc::new(1);
/// kv.put("a", async move { std::future::ready(()).await; *local });
/// ```
/// Work cannot borrow what may be gone before it ends:
/// ```compile_fail,E0373
/// let kv = codap::Kv::<_, usize>::new();
/// let text = String::new();
/// kv.put("a", async { text.len() });
/// ```
pub struct Kv<K: Key, V: Send + Sync + 'static>(Owner<K, V, KvHandle<K, V>>);

/// The part of a [`Kv`] that entries may hold: put, get and cancel by key.
///
/// It is `Clone` and `'static`, and has no power to keep the work alive: once the `Kv` is dropped,
/// pending entries are cancelled, and what is put through a handle ends as cancelled at once.
/// What has ended stays readable.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// let kv = codap::Kv::<_, usize>::new();
/// let handle = kv.handle();
/// kv.put("sum", async move {
///     handle.put("part", async { 40 });
///     Ok::<_, codap::Error>(handle.get("part").await? + 2)
/// });
/// assert_eq!(*kv.get("sum").await.unwrap(), 42);
/// # });
/// ```
pub struct KvHandle<K, V>(Arc<Group<K, V>>);

impl<K: Key, V: Send + Sync + 'static> Kv<K, V> {
    /// An empty container. Nothing is started before the first put, which also decides where
    /// entries run: on the tokio runtime that it is made in, else on smol if built with it, else
    /// on plain threads. Cost: four small allocations, and as many with the first entry.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An empty container whose entries run on `runtime`, wherever they are put from. Starts nothing.
    pub fn on(runtime: &(impl Runtime + Clone)) -> Self {
        Self::builder().on(runtime).build()
    }

    /// A container with a limit, a deadline or a record. Starts nothing.
    pub fn builder() -> Builder<Self> {
        Builder::new(Self::built)
    }

    pub(crate) fn built(config: Config, home: Option<Home>) -> Self {
        let group = Group::new(config, home);
        Self(Owner::new(group.clone(), KvHandle(group)))
    }

    /// Moves every outcome out, in the order of the puts, once every entry has ended and all work
    /// is gone. Dropping the future drops the container, which cancels what is pending. Cost: a move
    /// of each key and outcome into one `Vec`.
    ///
    /// # Errors
    /// The container itself, unchanged, if a handle, a [`Reply`] or a subtask in
    /// [`carry`](crate::carry) is still out: it may read.
    pub async fn into_results(self) -> Result<Vec<(K, Result<V, Error>)>, Self> {
        self.0.into_results().await.map_err(Self)
    }

    /// Cancels what is pending and waits until all work is gone: futures are dropped, functions
    /// have returned, outside work has let go of its entry. A slot that is filled by hand is no
    /// work, and is not waited for. Dropping the returned future leaves the cancelled work to itself.
    /// Cost: a cancel of each entry that is pending.
    pub async fn shutdown(self) {
        self.0.shutdown().await;
    }

    /// Lets the pending work run to its end with nobody to read it, and with nobody left to cancel it
    /// but the handles. Deadlines hold on. The storage goes with the last work and handle.
    pub fn detach(self) {
        self.0.detach();
    }
}

impl<K: Key, V: Send + Sync + 'static> KvHandle<K, V> {
    /// Puts work under a key and starts it: a future, or anything that turns into one, which
    /// yields `V` or `Result<V, E>`. The answer is a handle to this entry, and may be ignored.
    ///
    /// Never waits. The work runs whatever becomes of the reader; it is cancelled with its
    /// container, by [`cancel`](Self::cancel), by a deadline, or by a put of the same key.
    /// Cost: one or two allocations, a quarter of a microsecond, and a task unless it is ready at once.
    pub fn put<W, M>(&self, key: K, work: W) -> Reply<V>
    where
        W: IntoFuture<Output: Outcome<V, M>, IntoFuture: Send + 'static>,
        M: 'static,
    {
        self.0.put(Name::Key(key), work.into_future())
    }

    /// Puts `f(context)`: for work that needs something cloned, as most database handles are. `f` is
    /// called at once, on this thread. Cancellation and cost are as of [`put`](Self::put).
    ///
    /// ```
    /// # let kv = codap::Kv::<&str, usize>::new();
    /// # let db = std::sync::Arc::new(vec![1, 2, 3]);
    /// kv.put_with("rows", db.clone(), |db| async move { db.len() });
    /// # assert_eq!(kv["rows"], 3);
    /// ```
    pub fn put_with<C, F, T, M>(&self, key: K, context: C, f: F) -> Reply<V>
    where
        F: FnOnce(C) -> T,
        T: Future<Output: Outcome<V, M>> + Send + 'static,
        M: 'static,
    {
        self.put(key, f(context))
    }

    /// Puts a function, which is called on a thread of codap's pool and may block there.
    ///
    /// Cancelled in line for its permit, it goes when its turn comes.
    /// It cannot be stopped once it runs: cancelled or past its deadline, its readers are freed at
    /// once, and it keeps its permit until it returns. In there tokio's `Handle::current()` works
    /// if the container runs on tokio. Cost: one allocation and the hand-over to a thread.
    pub fn put_blocking<F, O, M>(&self, key: K, f: F) -> Reply<V>
    where
        F: FnOnce() -> O + Send + 'static,
        O: Outcome<V, M>,
        M: 'static,
    {
        self.0.put_blocking(Name::Key(key), f)
    }

    /// Puts a value that is there already. Runs nothing, needs no permit and cannot be cancelled. Cost:
    /// the container's lock once.
    pub fn insert(&self, key: K, value: V) -> Reply<V> {
        self.0.insert(Name::Key(key), value)
    }

    /// Puts an entry that is filled by hand, from anywhere. Needs no permit. Cancelled, or past its
    /// deadline, it refuses to be filled. Cost: no allocation, the container's lock once when it ends.
    pub fn slot(&self, key: K) -> Slot<V> {
        Slot::new(self.0.open(Name::Key(key)))
    }

    /// Puts an entry whose work is done outside of codap: `start` is called with the means to end
    /// it once it may run: now, or on the thread that makes room under the limit. `start` must be
    /// quick, and a panic in it ends the entry as abandoned.
    ///
    /// Cancelled before it may run, `start` is dropped uncalled; afterwards the outside work keeps its
    /// permit until it lets go of its [`External`]. Cost: one allocation.
    pub fn put_external(
        &self,
        key: K,
        start: impl FnOnce(External<V>) + Send + 'static,
    ) -> Reply<V> {
        self.0.put_outside(Name::Key(key), |slot| start(External::new(slot)))
    }

    fn missing<Q: fmt::Debug + ?Sized>(key: &Q) -> Error {
        let hint = Kind::Missing("nothing was put under this key".into());
        Error::new(hint, &format!("{key:?}"), Duration::ZERO)
    }

    /// Waits for the entry of `key`, and for no other.
    ///
    /// Dropping the future gives the wait up and nothing else; the work goes on. A reply that is
    /// there costs a lookup, about 20 ns.
    ///
    /// # Errors
    /// How the entry ended, if without a value; `is_missing` if nothing was put under `key`;
    /// `is_cycle` if the entry waits for the one that asks.
    pub fn get<Q>(&self, key: &Q) -> Get<'_, V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        match self.0.find(key) {
            Some(index) => Get::new(self.0.cell(index)),
            None => Get::failed(Self::missing(key)),
        }
    }

    /// Waits for the entry of `key`, blocking the thread.
    ///
    /// Right in programs without a runtime, in functions of the pool, and on threads of a
    /// multi-thread tokio runtime, where it makes tokio move the other tasks of the thread away
    /// (some 40 times the cost of `.await`, and the other branches of a `join!` in the same task
    /// stand still). On a current-thread runtime and on smol's threads it is an error.
    ///
    /// Not detected: a container on a current-thread runtime that nobody drives meanwhile.
    ///
    /// # Errors
    /// As [`get`](Self::get), and `is_would_block` where blocking would stop the runtime.
    pub fn get_blocking<Q>(&self, key: &Q) -> Result<&V, Error>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        self.get(key).block()
    }

    /// The reply, if the entry has ended; never waits. `Some(Err(missing))` if nothing was put
    /// under `key`. Cost: a lookup, about 20 ns.
    pub fn try_get<Q>(&self, key: &Q) -> Option<Result<&V, Error>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        match self.0.find(key) {
            Some(index) => self.0.read(index),
            None => Some(Err(Self::missing(key))),
        }
    }

    /// How the entry of `key` ended, if it has. Cost: a lookup.
    pub fn ending<Q>(&self, key: &Q) -> Option<Ending>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        ending(self.0.cell(self.0.find(key)?))
    }

    /// A handle to the entry of `key`. Cost: a lookup and a reference count.
    pub fn reply<Q>(&self, key: &Q) -> Option<Reply<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Some(Reply::new(self.0.clone(), self.0.find(key)?))
    }

    /// Ends the entry of `key` as cancelled; `false` if it has ended or was never put. Its future
    /// is dropped the next time its task runs; a function that runs already is not stopped. Cost: a
    /// lookup, the container's lock and a wake.
    pub fn cancel<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let on_request = Kind::Cancelled("on request");
        self.0.find(key).is_some_and(|index| self.0.interrupt(index, on_request))
    }

    /// Whether something was put under `key`. Cost: a lookup.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.find(key).is_some()
    }

    /// A handle of its own. Cost: a reference count.
    pub fn handle(&self) -> Self {
        self.clone()
    }
}

impl<K: Key, V: Send + Sync + 'static> Default for Kv<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key, V: Send + Sync + 'static> Deref for Kv<K, V> {
    type Target = Owner<K, V, KvHandle<K, V>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The value of a key, as of a `HashMap`, but it waits: [`get_blocking`](KvHandle::get_blocking)
/// for those who would unwrap, at its cost. `join().await` first makes it instant, and right
/// everywhere.
///
/// # Panics
/// With the entry's error, if there is no value, and where blocking is an error.
impl<K, V, Q> Index<&Q> for KvHandle<K, V>
where
    K: Key + Borrow<Q>,
    V: Send + Sync + 'static,
    Q: Hash + Eq + fmt::Debug + ?Sized,
{
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get_blocking(key).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// See the same on [`KvHandle`].
impl<K, V, Q> Index<&Q> for Kv<K, V>
where
    K: Key + Borrow<Q>,
    V: Send + Sync + 'static,
    Q: Hash + Eq + fmt::Debug + ?Sized,
{
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        &(***self)[key]
    }
}

impl<K, V> Clone for KvHandle<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Key, V: Send + Sync + 'static> fmt::Debug for KvHandle<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KvHandle").field(&self.0).finish()
    }
}

impl<K: Key, V: Send + Sync + 'static> fmt::Debug for Kv<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kv").field(&self.0).finish()
    }
}
