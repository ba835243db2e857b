//! What the checks are made of: one view of the three containers, and means to hold work back and
//! to let it go that have nothing to do with codap.

use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

pub(super) use crate::runtime::Home;
use crate::{Builder, Error, External, FirstReply, FirstReplyHandle, Kv, KvHandle, Ordered};
use crate::{OrderedHandle, Outcome, Owner, Reply, Slot};

/// A value that cannot be cloned, and that may be counted.
#[derive(Debug)]
pub(crate) struct Value {
    pub(super) number: u64,
    _life: Option<Life>,
}

impl Value {
    pub(super) fn new(number: u64) -> Self {
        Self { number, _life: None }
    }

    pub(super) fn alive(number: u64, life: Life) -> Self {
        Self { number, _life: Some(life) }
    }
}

/// Outcomes, each with the number of its entry.
pub(crate) type Numbered = Vec<(usize, Result<Value, Error>)>;

/// A container of [`Value`]s, whose entries are called by number.
pub(crate) trait Shape:
    Deref<Target = Owner<usize, Value, Self::Handle>> + Send + Sync + Sized + 'static
{
    const NAME: &'static str;
    type Handle: Clone + Send + Sync + 'static;

    fn builder() -> Builder<Self>;

    fn put<W, M>(handle: &Self::Handle, n: usize, work: W) -> Reply<Value>
    where
        W: Future<Output: Outcome<Value, M>> + Send + 'static,
        M: 'static;

    fn put_blocking<F, O, M>(handle: &Self::Handle, n: usize, f: F) -> Reply<Value>
    where
        F: FnOnce() -> O + Send + 'static,
        O: Outcome<Value, M>,
        M: 'static;

    fn add_with<T>(&self, n: usize, context: u64, f: impl FnOnce(u64) -> T) -> Reply<Value>
    where
        T: Future<Output = Value> + Send + 'static;

    fn insert(&self, n: usize, value: Value) -> Reply<Value>;
    fn slot(&self, n: usize) -> Slot<Value>;

    fn external(
        &self,
        n: usize,
        start: impl FnOnce(External<Value>) + Send + 'static,
    ) -> Reply<Value>;

    /// The outcomes and the numbers of their entries, in the container's natural order.
    fn into_results(self) -> impl Future<Output = Result<Numbered, Self>>;
    fn shutdown(self) -> impl Future<Output = ()>;
    fn detach(self);

    fn on(runtime: &Home) -> Self {
        Self::builder().on(runtime).build()
    }

    fn handle(&self) -> Self::Handle {
        (***self).clone()
    }

    fn add<W, M>(&self, n: usize, work: W) -> Reply<Value>
    where
        W: Future<Output: Outcome<Value, M>> + Send + 'static,
        M: 'static,
    {
        Self::put(&***self, n, work)
    }

    fn add_blocking<F, O, M>(&self, n: usize, f: F) -> Reply<Value>
    where
        F: FnOnce() -> O + Send + 'static,
        O: Outcome<Value, M>,
        M: 'static,
    {
        Self::put_blocking(&***self, n, f)
    }
}

/// The shapes differ in what they call adding, and in whether they are told the key.
macro_rules! shape {
    ($shape:ty, $handle:ty, $name:literal, ($($key:ident)?),
     $put:ident, $put_with:ident, $put_blocking:ident, $external:ident, |$results:ident| $numbered:expr) => {
        impl Shape for $shape {
            const NAME: &'static str = $name;
            type Handle = $handle;

            fn builder() -> Builder<Self> {
                <$shape>::builder()
            }

            fn put<W, M>(handle: &$handle, n: usize, work: W) -> Reply<Value>
            where
                W: Future<Output: Outcome<Value, M>> + Send + 'static,
                M: 'static,
            {
                let _unless_keyed = n;
                $(let $key = n;)?
                handle.$put($($key,)? work)
            }

            fn put_blocking<F, O, M>(handle: &$handle, n: usize, f: F) -> Reply<Value>
            where
                F: FnOnce() -> O + Send + 'static,
                O: Outcome<Value, M>,
                M: 'static,
            {
                let _unless_keyed = n;
                $(let $key = n;)?
                handle.$put_blocking($($key,)? f)
            }

            fn add_with<T>(&self, n: usize, context: u64, f: impl FnOnce(u64) -> T) -> Reply<Value>
            where
                T: Future<Output = Value> + Send + 'static,
            {
                let _unless_keyed = n;
                $(let $key = n;)?
                (***self).$put_with($($key,)? context, f)
            }

            fn insert(&self, n: usize, value: Value) -> Reply<Value> {
                let _unless_keyed = n;
                $(let $key = n;)?
                (***self).insert($($key,)? value)
            }

            fn slot(&self, n: usize) -> Slot<Value> {
                let _unless_keyed = n;
                $(let $key = n;)?
                (***self).slot($($key)?)
            }

            fn external(
                &self,
                n: usize,
                start: impl FnOnce(External<Value>) + Send + 'static,
            ) -> Reply<Value> {
                let _unless_keyed = n;
                $(let $key = n;)?
                (***self).$external($($key,)? start)
            }

            async fn into_results(self) -> Result<Numbered, Self> {
                let $results = <$shape>::into_results(self).await?;
                Ok($numbered)
            }

            async fn shutdown(self) {
                <$shape>::shutdown(self).await;
            }

            fn detach(self) {
                <$shape>::detach(self);
            }
        }
    };
}

shape!(
    Kv<usize, Value>, KvHandle<usize, Value>, "Kv", (key),
    put, put_with, put_blocking, put_external, |results| results
);
shape!(
    Ordered<Value>,
    OrderedHandle<Value>,
    "Ordered",
    (),
    push,
    push_with,
    push_blocking,
    push_external,
    |results| results.into_iter().enumerate().collect()
);
shape!(
    FirstReply<Value>,
    FirstReplyHandle<Value>,
    "FirstReply",
    (),
    push,
    push_with,
    push_blocking,
    push_external,
    |results| results
);

/// Waits for `future` on this thread.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    crate::reply::park_on(&mut pin!(future))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds futures back until it is opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    pub(super) fn open(&self) {
        let mut state = lock(&self.0);
        state.0 = true;
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn passed(&self) -> impl Future<Output = ()> + Send + use<> {
        let gate = self.clone();
        poll_fn(move |cx| {
            let mut state = lock(&gate.0);
            if state.0 {
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// Counts lives.
#[derive(Debug, Clone, Default)]
pub(super) struct Census(Arc<(Mutex<usize>, Condvar)>);

/// Counted until it is dropped.
#[derive(Debug)]
pub(super) struct Life(Census);

impl Census {
    pub(super) fn life(&self) -> Life {
        *lock(&self.0.0) += 1;
        Life(self.clone())
    }

    pub(super) fn alive(&self) -> usize {
        *lock(&self.0.0)
    }

    /// Waits until nobody lives.
    pub(super) fn wait_for_none(&self) {
        let mut alive = lock(&self.0.0);
        while *alive > 0 {
            alive = self.0.1.wait(alive).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        *lock(&self.0.0.0) -= 1;
        self.0.0.1.notify_all();
    }
}

/// How often a waker was called.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<usize>);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        *lock(&self.0) += 1;
    }
}

/// Polls once, with a waker that does nothing.
pub(super) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Calls::default()));
    std::pin::Pin::new(future).poll(&mut Context::from_waker(&waker))
}
