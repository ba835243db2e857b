//! Entries of different types on one page, serialised and rendered as far as they are touched.

use std::any::Any;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};

use crate::builder::Builder;
use crate::error::{BoxError, Error};
use crate::kv::Kv;
use crate::reply::Reply;
use crate::runtime::Runtime;

/// A [`Kv`] whose entries have types of their own: anything that serialises.
///
/// [`put`](Page::put) answers with a [`PageReply`] that knows the type, so that work in Rust reads
/// it as what it is. A template, or a serialiser, reads everything by name: serialising a page
/// writes a map, the latest entry of every key in the order of the puts, and waits, blocking the
/// thread, for one after another. As a context of minijinja (feature `minijinja`) it waits only
/// for what the template touches. In async code call `join().await` first, or render on a thread
/// that may block; on a current-thread runtime a wait is an error.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use codap::{Page, ok};
///
/// let page = Page::new();
/// let user = page.put_ok("user", async { ("ada", 36) });
/// page.put("friends", async move {
///     let (name, _age) = user.get().await?;
///     ok(vec![format!("a friend of {name}")])
/// });
/// page.insert("title", "home");
///
/// page.join().await;
/// assert_eq!(
///     serde_json::to_string(&page).unwrap(),
///     r#"{"user":["ada",36],"friends":["a friend of ada"],"title":"home"}"#
/// );
/// # });
/// ```
#[derive(Debug)]
pub struct Page(Kv<String, Piece>);

/// A value of a [`Page`], in a box of its own.
pub struct Piece(Box<dyn AnyPiece>);

trait AnyPiece: erased_serde::Serialize + Any + Send + Sync {}

impl<T: Serialize + Any + Send + Sync> AnyPiece for T {}

impl Piece {
    fn new(value: impl Serialize + Send + Sync + 'static) -> Self {
        Self(Box::new(value))
    }

    /// The value, if it is a `T`. Cost: a comparison of types.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        (&*self.0 as &dyn Any).downcast_ref()
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").finish_non_exhaustive()
    }
}

impl Serialize for Piece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        erased_serde::serialize(&*self.0, serializer)
    }
}

impl Page {
    /// An empty page. Nothing is started before the first put, which also decides where entries
    /// run; see [`Kv::new`].
    pub fn new() -> Self {
        Self(Kv::new())
    }

    /// An empty page whose entries run on `runtime`, wherever they are put from. Starts nothing.
    pub fn on(runtime: &(impl Runtime + Clone)) -> Self {
        Self(Kv::on(runtime))
    }

    /// A page with a limit, a deadline or a record. Starts nothing.
    pub fn builder() -> Builder<Self> {
        Builder::new(|config, home| Self(Kv::built(config, home)))
    }

    /// Puts work that can fail, and starts it. Cancelled as by [`put`](crate::KvHandle::put) of a
    /// [`Kv`]. Cost: one allocation more than that, for the value, and one for the key.
    pub fn put<T, E, W>(&self, key: impl Into<String>, work: W) -> PageReply<T>
    where
        W: IntoFuture<Output = Result<T, E>, IntoFuture: Send + 'static>,
        T: Serialize + Send + Sync + 'static,
        E: Into<BoxError> + 'static,
    {
        let work = work.into_future();
        PageReply::new(self.0.put(key.into(), async move { work.await.map(Piece::new) }))
    }

    /// Puts work that cannot fail, and starts it; else as [`put`](Self::put).
    pub fn put_ok<T, W>(&self, key: impl Into<String>, work: W) -> PageReply<T>
    where
        W: IntoFuture<Output = T, IntoFuture: Send + 'static>,
        T: Serialize + Send + Sync + 'static,
    {
        let work = work.into_future();
        PageReply::new(self.0.put(key.into(), async move { Piece::new(work.await) }))
    }

    /// Puts a function that can fail, to be called on a thread of codap's pool: as
    /// [`put_blocking`](crate::KvHandle::put_blocking) of a [`Kv`], and an allocation for the value.
    pub fn put_blocking<T, E, F>(&self, key: impl Into<String>, f: F) -> PageReply<T>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
        T: Serialize + Send + Sync + 'static,
        E: Into<BoxError> + 'static,
    {
        PageReply::new(self.0.put_blocking(key.into(), || f().map(Piece::new)))
    }

    /// Puts a value that is there already. Runs nothing. Cost: two allocations, for key and value.
    pub fn insert<T>(&self, key: impl Into<String>, value: T) -> PageReply<T>
    where
        T: Serialize + Send + Sync + 'static,
    {
        PageReply::new(self.0.insert(key.into(), Piece::new(value)))
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}

/// All else is as of a [`Kv`].
impl Deref for Page {
    type Target = Kv<String, Piece>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Serialize for Page {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (position, (key, reply)) in self.0.iter().enumerate() {
            if self.0.reply(key).is_some_and(|latest| latest.index() == position) {
                map.serialize_entry(key, reply.block().map_err(S::Error::custom)?)?;
            }
        }
        map.end()
    }
}

/// A [`Page`] as the context of a template: `page.user` waits for that entry alone, and an entry
/// without a value ends the rendering with its error.
///
/// ```
/// use std::sync::Arc;
/// use minijinja::{Environment, Value};
///
/// let page = Arc::new(codap::Page::new());
/// page.put_ok("user", async { "ada" });
/// page.put_ok("untouched", std::future::pending::<u32>());
///
/// let env = Environment::new();
/// let text = env.render_str("Hello {{ user }}!", Value::from_dyn_object(page)).unwrap();
/// assert_eq!(text, "Hello ada!");
/// ```
#[cfg(feature = "minijinja")]
impl minijinja::value::Object for Page {
    fn get_value(self: &std::sync::Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let key = key.as_str()?;
        if !self.0.contains_key(key) {
            return None;
        }
        Some(match self.0.get_blocking(key) {
            Ok(piece) => minijinja::value::Serde(piece).into(),
            Err(error) => {
                let kind = minijinja::ErrorKind::InvalidOperation;
                minijinja::Error::new(kind, error.to_string()).with_source(error).into()
            }
        })
    }

    fn enumerate(self: &std::sync::Arc<Self>) -> minijinja::value::Enumerator {
        let latest = |(position, key): &(usize, &String)| {
            self.0.reply(key.as_str()).is_some_and(|latest| latest.index() == *position)
        };
        let keys = self.0.iter().map(|(key, _)| key).enumerate().filter(latest);
        minijinja::value::Enumerator::Values(keys.map(|(_, key)| key.as_str().into()).collect())
    }
}

/// A [`Reply`] that knows its type; from [`Page::put`] and its like.
pub struct PageReply<T> {
    reply: Reply<Piece>,
    value: PhantomData<fn() -> T>,
}

impl<T: 'static> PageReply<T> {
    fn new(reply: Reply<Piece>) -> Self {
        Self { reply, value: PhantomData }
    }

    fn typed(piece: &Piece) -> &T {
        piece.downcast_ref().expect("the entry holds what was put, and its reply knows the type")
    }

    /// Waits for the entry. Dropping the future gives the wait up, and nothing else. Cost: as
    /// [`Reply::get`].
    ///
    /// # Errors
    /// How the entry ended, if without a value; a cycle, if it waits for the caller's entry.
    pub async fn get(&self) -> Result<&T, Error> {
        self.reply.get().await.map(Self::typed)
    }

    /// Waits for the entry, blocking the thread; as [`Reply::get_blocking`].
    ///
    /// # Errors
    /// As [`get`](Self::get), and "would block" where blocking would stop the runtime.
    pub fn get_blocking(&self) -> Result<&T, Error> {
        self.reply.get_blocking().map(Self::typed)
    }

    /// The reply, if the entry has ended. Never waits, and takes no lock.
    pub fn try_get(&self) -> Option<Result<&T, Error>> {
        self.reply.try_get().map(|reply| reply.map(Self::typed))
    }

    /// The same handle without the type: to cancel the entry, or to be called when it has ended.
    pub fn reply(&self) -> &Reply<Piece> {
        &self.reply
    }
}

impl<T> Clone for PageReply<T> {
    fn clone(&self) -> Self {
        Self { reply: self.reply.clone(), value: PhantomData }
    }
}

impl<T> fmt::Debug for PageReply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reply.fmt(f)
    }
}
