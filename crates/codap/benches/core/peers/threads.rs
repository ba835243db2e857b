//! By hand without a runtime: these block, and never pend.

use std::collections::HashMap;
use std::sync::mpsc;
use std::thread;

use futures_util::future::BoxFuture;

use crate::answer::check;

/// A thread for each.
pub(crate) fn each(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut map = HashMap::new();
        for i in 0..n {
            map.insert(i, thread::spawn(move || i));
        }
        let mut sum = 0;
        for i in 0..n {
            sum += map.remove(&i).expect("it was put").join().expect("no thread fails here");
        }
        check(sum, n);
    })
}

/// Functions on rayon's threads, which must not block.
pub(crate) fn rayon(n: u64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (sender, receiver) = mpsc::channel();
        for i in 0..n {
            let sender = sender.clone();
            rayon::spawn(move || sender.send(i).expect("somebody receives"));
        }
        drop(sender);
        check(receiver.iter().sum(), n);
    })
}
