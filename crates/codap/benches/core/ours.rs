//! The works as codap does them.

use std::time::{Duration, Instant};

use codap::{FirstReply, Kv, Ordered, Runtime, Threads};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::answer::{Answer, AtOnce, check};

const FINE: &str = "no entry fails here";

pub(crate) fn kv<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(fill_and_read::<A>(Kv::new(), n))
}

pub(crate) fn kv_limit_64<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(fill_and_read::<A>(Kv::builder().limit(64).build(), n))
}

pub(crate) fn kv_recorded<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(fill_and_read::<A>(Kv::builder().record(true).build(), n))
}

/// With nothing around it, at most with a clock that stands still: what the difference costs is the
/// one look at the clock that an entry takes where nothing is recorded.
pub(crate) fn kv_stamped(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(fill_and_read::<AtOnce>(Kv::on(&InPlace { still: None }), n))
}

pub(crate) fn kv_unstamped(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(fill_and_read::<AtOnce>(Kv::on(&InPlace { still: Some(Instant::now()) }), n))
}

/// Runs work within its put.
#[derive(Clone)]
struct InPlace {
    still: Option<Instant>,
}

impl Runtime for InPlace {
    fn spawn(&self, work: codap::BoxFuture) {
        work.now_or_never().expect("it is ready at once");
    }

    fn now(&self) -> Instant {
        self.still.unwrap_or_else(Instant::now)
    }
}

async fn fill_and_read<A: Answer>(kv: Kv<u64, u64>, n: u64) {
    for i in 0..n {
        kv.put(i, A::to(i));
    }
    let mut sum = 0;
    for i in 0..n {
        sum += kv.get(&i).await.expect(FINE);
    }
    check(sum, n);
}

/// Futures on codap's own threads, read by blocking.
pub(crate) fn kv_on_threads<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let kv = Kv::on(&Threads);
        for i in 0..n {
            kv.put(i, A::to(i));
        }
        check((0..n).map(|i| kv.get_blocking(&i).expect(FINE)).sum(), n);
    })
}

pub(crate) fn ordered<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let list = Ordered::new();
        for i in 0..n {
            list.push(A::to(i));
        }
        let (mut sum, mut range) = (0, list.range(..));
        while let Some(answer) = range.next().await {
            sum += answer.expect(FINE);
        }
        check(sum, n);
    })
}

pub(crate) fn first_reply<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let list = FirstReply::new();
        for i in 0..n {
            list.push(A::to(i));
        }
        let mut sum = 0;
        while let Some((_, answer)) = list.next().await {
            sum += answer.expect(FINE);
        }
        check(sum, n);
    })
}

pub(crate) fn put_blocking(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let kv = Kv::new();
        for i in 0..n {
            kv.put_blocking(i, move || i);
        }
        let mut sum = 0;
        for i in 0..n {
            sum += kv.get(&i).await.expect(FINE);
        }
        check(sum, n);
    })
}

/// The same without a runtime, read by blocking.
pub(crate) fn put_blocking_on_threads(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let kv = Kv::on(&Threads);
        for i in 0..n {
            kv.put_blocking(i, move || i);
        }
        check((0..n).map(|i| kv.get_blocking(&i).expect(FINE)).sum(), n);
    })
}

pub(crate) fn sleepers(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let kv = Kv::new();
        for i in 0..n {
            kv.put_blocking(i, move || {
                std::thread::sleep(Duration::from_millis(10));
                i
            });
        }
        let mut sum = 0;
        for i in 0..n {
            sum += kv.get(&i).await.expect(FINE);
        }
        check(sum, n);
    })
}
