//! By hand on smol.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use smol::Task;

use crate::answer::{Answer, check};

pub(crate) fn map<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut map = HashMap::new();
        for i in 0..n {
            map.insert(i, smol::spawn(A::to(i)));
        }
        read(map, n).await;
    })
}

pub(crate) fn unblock(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut map = HashMap::new();
        for i in 0..n {
            map.insert(i, smol::unblock(move || i));
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
            map.insert(i, smol::unblock(work));
        }
        read(map, n).await;
    })
}

async fn read(mut map: HashMap<u64, Task<u64>>, n: u64) {
    let mut sum = 0;
    for i in 0..n {
        sum += map.remove(&i).expect("it was put").await;
    }
    check(sum, n);
}

pub(crate) fn channel<A: Answer>(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (sender, receiver) = smol::channel::unbounded();
        for i in 0..n {
            let sender = sender.clone();
            smol::spawn(async move { sender.send(A::to(i).await).await }).detach();
        }
        drop(sender);
        let mut sum = 0;
        while let Ok(answer) = receiver.recv().await {
            sum += answer;
        }
        check(sum, n);
    })
}
