//! The three shapes behind one face.

use codap::{
    Ending, Error, External, FirstReply, FirstReplyHandle, Kv, KvHandle, Ordered, OrderedHandle,
    Pusher, Reply,
};
use tokio::sync::oneshot;

use super::case::Shape;
use super::ledger::{Name, Value};
use crate::watched::On;

pub(super) const LIMIT: usize = 2;

pub(super) enum Owner {
    Kv(Kv<Name, Value>),
    Ordered(Ordered<Value>),
    FirstReply(FirstReply<Value>),
}

impl Owner {
    pub(super) fn new(shape: Shape, on: On) -> Self {
        match shape {
            Shape::Kv => Self::Kv(on.build(Kv::builder().limit(LIMIT))),
            Shape::Ordered => Self::Ordered(on.build(Ordered::builder().limit(LIMIT))),
            Shape::FirstReply => Self::FirstReply(on.build(FirstReply::builder().limit(LIMIT))),
        }
    }

    pub(super) fn handle(&self) -> Handle {
        match self {
            Self::Kv(kv) => Handle::Kv(kv.handle()),
            Self::Ordered(list) => Handle::Ordered(list.handle()),
            Self::FirstReply(list) => Handle::FirstReply(list.handle()),
        }
    }

    pub(super) fn detach(self) {
        match self {
            Self::Kv(kv) => kv.detach(),
            Self::Ordered(list) => list.detach(),
            Self::FirstReply(list) => list.detach(),
        }
    }
}

#[derive(Clone)]
pub(super) enum Handle {
    Kv(KvHandle<Name, Value>),
    Ordered(OrderedHandle<Value>),
    FirstReply(FirstReplyHandle<Value>),
}

pub(super) type Read = Result<usize, Ending>;

pub(super) fn read(reply: Result<&Value, Error>) -> Read {
    reply.map(|value| value.key).map_err(|error| error.ending().expect("no error of an access"))
}

impl Handle {
    pub(super) fn add<T>(
        &self,
        name: Name,
        to_kv: impl FnOnce(&KvHandle<Name, Value>, Name) -> T,
        to_list: impl FnOnce(&Pusher<Value>) -> T,
    ) -> T {
        match self {
            Self::Kv(kv) => to_kv(kv, name),
            Self::Ordered(list) => to_list(list),
            Self::FirstReply(list) => to_list(list),
        }
    }

    pub(super) fn external(
        &self,
        name: Name,
        start: impl FnOnce(External<Value>) + Send + 'static,
    ) -> Reply<Value> {
        let start = Box::new(start) as Box<dyn FnOnce(External<Value>) + Send>;
        match self {
            Self::Kv(kv) => kv.put_external(name, start),
            Self::Ordered(list) => list.push_external(start),
            Self::FirstReply(list) => list.push_external(start),
        }
    }

    /// Occupies a permit, as soon as it gets one.
    pub(super) fn hold(&self, number: usize) -> oneshot::Receiver<External<Value>> {
        let (sender, receiver) = oneshot::channel();
        let name = Name { number, _dropped: None };
        self.external(name, |external| drop(sender.send(external)));
        receiver
    }

    pub(super) fn cancel(&self, at: usize) -> bool {
        match self {
            Self::Kv(kv) => kv.cancel(&at),
            Self::Ordered(list) => list.cancel(at),
            Self::FirstReply(list) => list.cancel(at),
        }
    }

    /// Of a `FirstReply` the first to arrive, which is the entry that the case is about.
    pub(super) async fn get(&self, at: usize) -> Read {
        match self {
            Self::Kv(kv) => read(kv.get(&at).await),
            Self::Ordered(list) => read(list.get(at).await),
            Self::FirstReply(list) => read(list.get(0).await),
        }
    }

    pub(super) fn get_blocking(&self, at: usize) -> Read {
        match self {
            Self::Kv(kv) => read(kv.get_blocking(&at)),
            Self::Ordered(list) => read(list.get_blocking(at)),
            Self::FirstReply(list) => read(list.get_blocking(0)),
        }
    }

    pub(super) fn try_get(&self, at: usize) -> Option<Read> {
        match self {
            Self::Kv(kv) => kv.try_get(&at).map(read),
            Self::Ordered(list) => list.try_get(at).map(read),
            Self::FirstReply(list) => list.try_get(0).map(read),
        }
    }
}
