//! By hand on tokio, and with what tokio, tokio-util and futures-util have for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::task::JoinMap;

use crate::answer::{Answer, check};

const FINE: &str = "no task fails here";

pub(crate) fn map<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut map = HashMap::new();
        for i in 0..n {
            map.insert(i, tokio::spawn(A::to(i)));
        }
        read(map, n).await;
    })
}

pub(crate) fn semaphore_and_map<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (permits, mut map) = (Arc::new(Semaphore::new(64)), HashMap::new());
        for i in 0..n {
            let permits = permits.clone();
            let work = async move {
                let _permit = permits.acquire().await.expect("nobody closes it");
                A::to(i).await
            };
            map.insert(i, tokio::spawn(work));
        }
        read(map, n).await;
    })
}

pub(crate) fn spawn_blocking(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut map = HashMap::new();
        for i in 0..n {
            map.insert(i, tokio::task::spawn_blocking(move || i));
        }
        read(map, n).await;
    })
}

pub(crate) fn sleepers(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut map = HashMap::new();
        for i in 0..n {
            let work = move || {
                std::thread::sleep(Duration::from_millis(10));
                i
            };
            map.insert(i, tokio::task::spawn_blocking(work));
        }
        read(map, n).await;
    })
}

async fn read(mut map: HashMap<u64, JoinHandle<u64>>, n: u64) {
    let mut sum = 0;
    for i in 0..n {
        sum += map.remove(&i).expect("it was put").await.expect(FINE);
    }
    check(sum, n);
}

pub(crate) fn vec<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut list = Vec::new();
        for i in 0..n {
            list.push(tokio::spawn(A::to(i)));
        }
        let mut sum = 0;
        for task in list {
            sum += task.await.expect(FINE);
        }
        check(sum, n);
    })
}

/// It has no read by key: what it yields, key and answer, is taken as it comes.
pub(crate) fn join_map<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut map = JoinMap::new();
        for i in 0..n {
            map.spawn(i, A::to(i));
        }
        let mut sum = 0;
        while let Some((_, answer)) = map.join_next().await {
            sum += answer.expect(FINE);
        }
        check(sum, n);
    })
}

pub(crate) fn join_set<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut set = JoinSet::new();
        for i in 0..n {
            set.spawn(A::to(i));
        }
        let mut sum = 0;
        while let Some(answer) = set.join_next().await {
            sum += answer.expect(FINE);
        }
        check(sum, n);
    })
}

pub(crate) fn futures_unordered<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut set = FuturesUnordered::new();
        for i in 0..n {
            set.push(tokio::spawn(A::to(i)));
        }
        let mut sum = 0;
        while let Some(answer) = set.next().await {
            sum += answer.expect(FINE);
        }
        check(sum, n);
    })
}

pub(crate) fn mpsc<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (sender, receiver) = mpsc::unbounded_channel();
        for i in 0..n {
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(A::to(i).await) });
        }
        drop(sender);
        receive(receiver, n).await;
    })
}

/// Functions on rayon's threads, which must not block.
pub(crate) fn rayon(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (sender, receiver) = mpsc::unbounded_channel();
        for i in 0..n {
            let sender = sender.clone();
            rayon::spawn(move || sender.send(i).expect("somebody receives"));
        }
        drop(sender);
        receive(receiver, n).await;
    })
}

async fn receive(mut receiver: mpsc::UnboundedReceiver<u64>, n: u64) {
    let mut sum = 0;
    while let Some(answer) = receiver.recv().await {
        sum += answer;
    }
    check(sum, n);
}
