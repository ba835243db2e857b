//! The list of an archive: each object gets its place and its name here, before it is fetched, so
//! that the order of arrival changes neither.

use codap_archive::Names;
use codap_sources::{Sources, Uri};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::refusal::Refusal;

/// As many are listed ahead.
const AHEAD: usize = 256;

/// What is asked for: an object, or all below a prefix.
pub(crate) struct Item {
    pub(crate) uri: String,
    /// Of a prefix: what its name is in the names of all below it.
    pub(crate) name: Option<String>,
}

/// What is to become an entry.
pub(crate) struct Object {
    pub(crate) index: u64,
    pub(crate) uri: Uri,
    pub(crate) name: String,
    /// What it was to be called, if that could not be.
    pub(crate) wanted: Option<String>,
}

/// An item that is none, or a store whose list broke off.
#[derive(Clone)]
pub(crate) struct Bad {
    /// Without its secrets.
    pub(crate) uri: String,
    pub(crate) why: Refusal,
}

/// Lists `items`, and the stores among them, as they are taken.
pub(crate) fn list(items: Vec<Item>, sources: Sources) -> Receiver<Result<Object, Bad>> {
    let (listed, listing) = mpsc::channel(AHEAD);
    let lister = Lister { listed, sources, names: Names::new() };
    tokio::spawn(lister.all(items));
    listing
}

struct Lister {
    listed: Sender<Result<Object, Bad>>,
    sources: Sources,
    names: Names,
}

/// Nobody wants more.
struct Enough;

impl Lister {
    async fn all(mut self, items: Vec<Item>) {
        for item in items {
            if self.item(item).await.is_err() {
                return;
            }
        }
    }

    async fn item(&mut self, item: Item) -> Result<(), Enough> {
        let uri: Uri = match item.uri.parse() {
            Ok(uri) => uri,
            Err(error) => {
                let bad = Bad { uri: codap::redact(&item.uri), why: (&error).into() };
                return self.tell(Err(bad)).await;
            }
        };
        if uri.is_prefix() {
            return self.store(&uri, item.name.as_deref()).await;
        }
        let name = item.name.map_or_else(|| uri.name(), String::into_bytes);
        self.object(uri, &name).await
    }

    /// All that lies under a prefix.
    async fn store(&mut self, prefix: &Uri, folder: Option<&str>) -> Result<(), Enough> {
        let mut found = self.sources.list(prefix);
        loop {
            match found.next().await {
                Ok(Some(below)) => {
                    let name = match folder {
                        Some(folder) => prefix.name_below(&below.uri, folder.as_bytes()),
                        None => below.uri.name(),
                    };
                    self.object(below.uri, &name).await?;
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    let bad = Bad { uri: prefix.to_string(), why: (&error).into() };
                    return self.tell(Err(bad)).await;
                }
            }
        }
    }

    async fn object(&mut self, uri: Uri, wanted: &[u8]) -> Result<(), Enough> {
        let index = self.names.len();
        let name = self.names.assign(wanted);
        let wanted = name.change().map(|_| String::from_utf8_lossy(wanted).into_owned());
        self.tell(Ok(Object { index, uri, name: name.into(), wanted })).await
    }

    async fn tell(&self, listed: Result<Object, Bad>) -> Result<(), Enough> {
        self.listed.send(listed).await.map_err(|_| Enough)
    }
}
