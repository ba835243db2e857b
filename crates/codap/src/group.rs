//! The one thing under all shapes: entries in the order of their puts, by key where they have one,
//! and the ways to put and to end them.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, OnceLock};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::board::{Board, Claim, Config, EntryRef, Then};
use crate::chunk::{Cells, Chunk, locate};
use crate::deadline::Hold;
use crate::entry::{BY_HAND, CLAIMED, Entry, Status};
use crate::error::{Error, Failure, Kind};
use crate::event::Event;
use crate::outcome::Outcome;
use crate::reply::{Replies, Reply};
use crate::runtime::Home;
use crate::slot::Slot;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use crate::work::{Ticket, Work, call};

/// What a key of a [`Kv`](crate::Kv) must be; every type that can be is.
///
/// `Debug` is for errors, which name their entry. Keys need not be `Clone`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    note = "a key is `Eq + Hash + Debug + Send + Sync + 'static`: hashed and compared to be found, \
            printed to name its entry in errors, and seen from every thread"
)]
pub trait Key: Eq + Hash + fmt::Debug + Send + Sync + 'static {}

impl<K: Eq + Hash + fmt::Debug + Send + Sync + 'static> Key for K {}

/// What a new entry is called.
pub(crate) enum Name<K> {
    /// By a key, which it takes over from the entry that has it.
    Key(K),
    /// By its position.
    Position(fn(usize) -> K),
}

/// The open end of the arena, and the entries by key, under one lock.
struct Tail {
    len: u32,
    /// Upper half of the hash, and index, of the latest entry of every key.
    keys: HashTable<(u32, u32)>,
}

/// A new entry.
struct Placed<K, V> {
    chunk: Arc<Chunk<K, V>>,
    at: u32,
    index: u32,
}

/// For how many keys there is room at first: as many as a page has.
const PAGE: usize = 14;

/// The first entries are tasks at once. A page has no more, mostly waits for others, and would
/// gain nothing by a first poll in a task that they share.
const FEW: u32 = 16;

/// See the module.
pub(crate) struct Group<K, V> {
    board: Arc<Board>,
    chunks: boxcar::Vec<Arc<Chunk<K, V>>>,
    tail: Mutex<Tail>,
    hasher: DefaultHashBuilder,
    deadline: OnceLock<Hold<V>>,
    closed: AtomicBool,
}

impl<K: Key, V: Send + Sync + 'static> Group<K, V> {
    pub(crate) fn new(config: Config, home: Option<Home>) -> Arc<Self> {
        let after = config.deadline;
        let group = Arc::new(Self {
            board: Arc::new(Board::new(config, home)),
            chunks: boxcar::Vec::new(),
            tail: Mutex::new(Tail { len: 0, keys: HashTable::new() }),
            hasher: DefaultHashBuilder::default(),
            deadline: OnceLock::new(),
            closed: AtomicBool::new(false),
        });
        if let Some(after) = after {
            let watched: Arc<dyn Replies<V>> = group.clone();
            group.deadline.get_or_init(|| Hold::new(after, Arc::downgrade(&watched)));
        }
        group
    }

    pub(crate) fn len(&self) -> u32 {
        self.board.len()
    }

    fn chunk(&self, index: u32) -> (&Arc<Chunk<K, V>>, u32) {
        let (number, at) = locate(index);
        (self.chunks.get(number).expect("an entry that was given out has its chunk"), at)
    }

    fn entry(&self, index: u32) -> &Entry<K, V> {
        let (chunk, at) = self.chunk(index);
        chunk.entry(at)
    }

    pub(crate) fn status(&self, index: u32) -> &Status {
        self.entry(index).status()
    }

    pub(crate) fn read(&self, index: u32) -> Option<Result<&V, Error>> {
        self.entry(index).read()
    }

    pub(crate) fn key(&self, index: u32) -> &K {
        self.entry(index).key()
    }

    /// What was recorded so far, in the order of time.
    pub(crate) fn events(&self) -> Vec<Event> {
        let puts = (0..self.len()).map(|index| self.status(index).stamped());
        self.board.events(puts)
    }

    // ---- by key --------------------------------------------------------------------------

    /// The half of a key's hash that the table keeps.
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    /// The latest entry of a key.
    pub(crate) fn find<Q>(&self, key: &Q) -> Option<u32>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hash(key);
        let tail = lock(&self.tail);
        let same = |&(its, index): &(u32, u32)| its == hash && self.key(index).borrow() == key;
        tail.keys.find(spread(hash), same).map(|&(_, index)| index)
    }

    // ---- putting -------------------------------------------------------------------------

    /// Makes a place for an entry. `line` is called with it before anybody else can put: the order
    /// of the puts is the order of the line for permits.
    fn place(
        self: &Arc<Self>,
        name: Name<K>,
        line: impl FnOnce(&Arc<Chunk<K, V>>, u32),
    ) -> Placed<K, V> {
        let stamp = self.board.stamps_puts().then(|| self.board.clock());
        let hashed = match &name {
            Name::Key(key) => Some(self.hash(key)),
            Name::Position(_) => None,
        };
        let mut tail = lock(&self.tail);
        let index = tail.len;
        // The only foreign code under this lock, `Eq` of the key, comes before anything changes.
        let mut before = None;
        if let (Name::Key(key), Some(hash)) = (&name, hashed) {
            before = self.rename(&mut tail.keys, key, hash, index);
        }
        let (number, at) = locate(index);
        if at == 0 {
            let key = |index| match &name {
                Name::Key(_) => None,
                Name::Position(position) => Some(position(index as usize)),
            };
            let pushed = self.chunks.push(Arc::new(Chunk::new(self.board.clone(), index, key)));
            debug_assert_eq!(pushed, number, "chunks are pushed under the lock of the tail");
        }
        let chunk = self.chunk(index).0.clone();
        let entry = chunk.entry(at);
        if let Name::Key(key) = name {
            entry.occupy(key);
        }
        if let Some(stamp) = stamp {
            entry.status().stamp(stamp);
        }
        line(&chunk, at);
        tail.len = index.checked_add(1).expect("a container holds fewer than 2^32 entries");
        self.board.grown_to(tail.len);
        drop(tail);
        if let Some(before) = before {
            self.interrupt(before, Kind::Cancelled("its key was put again"));
        }
        Placed { chunk, at, index }
    }

    /// What may end an entry from now on that does not end at once by itself.
    fn expose(&self, placed: &Placed<K, V>) {
        if self.closed.load(Ordering::Acquire) {
            self.interrupt(placed.index, Kind::Cancelled("its container was dropped"));
        } else if let Some(deadline) = self.deadline.get() {
            deadline.arm();
        }
    }

    /// Gives a key to a new entry; the answer is the entry that had it.
    fn rename(
        &self,
        keys: &mut HashTable<(u32, u32)>,
        key: &K,
        hash: u32,
        index: u32,
    ) -> Option<u32> {
        let same = |&(its, index): &(u32, u32)| its == hash && self.key(index) == key;
        if let Some(known) = keys.find_mut(spread(hash), same) {
            return Some(std::mem::replace(&mut known.1, index));
        }
        if keys.capacity() == 0 {
            keys.reserve(PAGE, |&(hash, _)| spread(hash));
        }
        keys.insert_unique(spread(hash), (hash, index), |&(hash, _)| spread(hash));
        None
    }

    fn reply(self: &Arc<Self>, index: u32) -> Reply<V> {
        Reply::new(self.clone(), index)
    }

    /// Puts a future, which starts now, or as soon as the limit allows.
    pub(crate) fn put<F, M>(self: &Arc<Self>, name: Name<K>, future: F) -> Reply<V>
    where
        F: Future<Output: Outcome<V, M>> + Send + 'static,
        M: 'static,
    {
        // Chosen by the first put, wherever that work will start.
        let home = self.board.home();
        let work = |chunk, at| Work::<F, K, V, M>::new(future, Ticket::new(chunk, at));
        if self.board.config.limit.is_some() {
            let launch = |chunk, at| Then::Launch(Box::pin(work(chunk, at)));
            return self.put_start(name, launch);
        }
        let placed = self.place(name, |_, _| {});
        self.expose(&placed);
        let work = work(placed.chunk, placed.at);
        if placed.index < FEW {
            home.spawn(work);
        } else {
            self.board.ready.launch(Box::pin(work));
        }
        self.reply(placed.index)
    }

    /// Puts a start that is made on this thread or, if the limit does not allow it yet, on the one
    /// that makes room. `start` is given the means to end the entry; it must be quick.
    fn put_start(
        self: &Arc<Self>,
        name: Name<K>,
        start: impl FnOnce(Arc<Chunk<K, V>>, u32) -> Then,
    ) -> Reply<V> {
        let mut waiting = None;
        let placed = self.place(name, |chunk, at| {
            let entry = EntryRef { host: chunk.clone(), at };
            waiting = Some(Claim { entry, then: start(chunk.clone(), at) });
            self.board.admit(chunk.entry(at).status(), || waiting.take());
        });
        self.expose(&placed);
        if let Some(claim) = waiting {
            claim.granted();
        }
        self.reply(placed.index)
    }

    /// Puts a function, to be called on a thread of the pool.
    pub(crate) fn put_blocking<F, O, M>(self: &Arc<Self>, name: Name<K>, f: F) -> Reply<V>
    where
        F: FnOnce() -> O + Send + 'static,
        O: Outcome<V, M>,
        M: 'static,
    {
        let home = self.board.home();
        self.put_start(name, |chunk, at| Then::Call(call(Ticket::new(chunk, at), home.clone(), f)))
    }

    /// Puts an entry whose work is done elsewhere: `start` is called with it once it may run.
    pub(crate) fn put_outside(
        self: &Arc<Self>,
        name: Name<K>,
        start: impl FnOnce(Slot<V>) + Send + 'static,
    ) -> Reply<V> {
        self.put_start(name, |chunk, at| {
            let slot = Slot::new(self.reply(chunk.index_of(at)));
            Then::Start(Box::new(move || {
                if !slot.is_over() {
                    chunk.start(at);
                    start(slot);
                }
            }))
        })
    }

    /// Puts a value.
    pub(crate) fn insert(self: &Arc<Self>, name: Name<K>, value: V) -> Reply<V> {
        let placed = self.place(name, |_, _| {});
        Ticket::new(placed.chunk, placed.at).finish(Ok(value));
        self.reply(placed.index)
    }

    /// Puts an entry that is filled by hand. It needs no permit.
    pub(crate) fn open(self: &Arc<Self>, name: Name<K>) -> Reply<V> {
        let placed = self.place(name, |chunk, at| {
            chunk.entry(at).status().set(BY_HAND);
        });
        placed.chunk.start(placed.at);
        self.expose(&placed);
        self.reply(placed.index)
    }

    // ---- ending --------------------------------------------------------------------------

    /// Cancels what is pending; what is put from now on, if `close`.
    pub(crate) fn cancel_all(&self, close: bool, why: &'static str) {
        if close {
            self.closed.store(true, Ordering::Release);
        }
        // Counted first: what is put and ends later must not stand in for one that is pending.
        let ended = self.board.counts().0;
        // A put that did not see `closed` has let go of this lock before, and is seen here.
        let len = lock(&self.tail).len;
        if ended < len {
            // From the back: the end of one that runs would start one that is about to be cancelled.
            for index in (0..len).rev() {
                if !self.status(index).has(CLAIMED) {
                    self.interrupt(index, Kind::Cancelled(why));
                }
            }
            self.board.clear_queue();
        }
    }

    /// Lets the work run on without an owner.
    pub(crate) fn detach(&self) {
        if let Some(deadline) = self.deadline.get() {
            deadline.keep();
        }
    }

    /// Whether somebody holds on to an entry: its work, or a subtask of it.
    pub(crate) fn is_lent(&self) -> bool {
        self.chunks.iter().any(|(_, chunk)| Arc::strong_count(chunk) > 1)
    }

    /// Moves all keys and outcomes out. Nobody else holds the group; the last tasks may still be
    /// on their way out of their chunks, so `pause` is called until they have left.
    pub(crate) fn into_results(self, mut pause: impl FnMut()) -> Vec<(K, Result<V, Error>)> {
        let len = self.len() as usize;
        drop(self.tail);
        let mut results = Vec::with_capacity(len);
        for mut chunk in self.chunks {
            let chunk = loop {
                match Arc::try_unwrap(chunk) {
                    Ok(chunk) => break chunk,
                    Err(shared) => chunk = shared,
                }
                pause();
            };
            results.extend(chunk.into_entries().filter_map(Entry::into_parts));
        }
        results
    }
}

/// What the table is given as a hash: it looks at the highest and at the lowest bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl<K: Key, V: Send + Sync + 'static> Replies<V> for Group<K, V> {
    fn board(&self) -> &Arc<Board> {
        &self.board
    }

    fn cell(&self, index: u32) -> (&dyn Cells<V>, u32) {
        let (chunk, at) = self.chunk(index);
        (&**chunk, at)
    }

    fn entry_ref(&self, index: u32) -> EntryRef {
        let (chunk, at) = self.chunk(index);
        EntryRef { host: chunk.clone(), at }
    }

    fn finish(&self, index: u32, outcome: Result<V, Failure>) -> bool {
        let (chunk, at) = self.chunk(index);
        let outcome = outcome.map_err(|failure| chunk.failure(at, failure));
        Ticket::new(chunk.clone(), at).finish(outcome)
    }

    fn interrupt(&self, index: u32, kind: Kind) -> bool {
        let (chunk, at) = self.chunk(index);
        chunk.interrupt(at, kind)
    }
}

impl<K: Key, V: Send + Sync + 'static> fmt::Debug for Group<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, failed) = self.board.counts();
        f.debug_struct("Group")
            .field("len", &self.len())
            .field("done", &done)
            .field("failed", &failed)
            .finish_non_exhaustive()
    }
}
