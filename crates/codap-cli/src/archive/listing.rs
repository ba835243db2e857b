//! The list, line after line: each object gets its place and its name here, before it is fetched, so
//! that neither the order of arrival nor another run changes them.

use std::sync::Arc;

use codap_archive::{Change, Names};
use codap_sources::{Sources, Uri};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::item::{Item, Promised};
use crate::failure::without_name;
use crate::input::{Line, Read};
use crate::stop::Stop;

/// As many are listed ahead.
const AHEAD: usize = 256;

/// What is to become an entry.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its place among all objects, from 0.
    pub(crate) index: u64,
    /// The line that it comes from.
    pub(crate) line: u64,
    pub(crate) uri: Uri,
    pub(crate) name: String,
    pub(crate) renamed: Option<Renamed>,
    pub(crate) promised: Promised,
    /// About how many bytes it has, if the list says so.
    pub(crate) size: Option<u64>,
}

/// It was to be called otherwise.
#[derive(Debug)]
pub(crate) struct Renamed {
    pub(crate) from: String,
    pub(crate) why: Change,
}

/// What a line comes to: objects, none or many, or what is wrong with it.
pub(crate) enum Listed {
    Object(Arc<Object>),
    Bad { line: u64, uri: Option<String>, why: String },
}

/// Reads the list, and the lists of the stores that it names, as they are taken.
pub(crate) fn list(
    lines: Receiver<Read<Item>>,
    sources: Sources,
) -> Receiver<Result<Listed, Stop>> {
    let (listed, listing) = mpsc::channel(AHEAD);
    let lister = Lister { listed, sources, names: Names::new() };
    tokio::spawn(lister.all(lines));
    listing
}

struct Lister {
    listed: Sender<Result<Listed, Stop>>,
    sources: Sources,
    names: Names,
}

/// Nobody wants more.
struct Enough;

impl Lister {
    async fn all(mut self, mut lines: Receiver<Read<Item>>) {
        while let Some(read) = lines.recv().await {
            let told = match read {
                Ok(line) => self.line(line).await,
                Err(stop) => self.listed.send(Err(stop)).await.map_err(|_| Enough),
            };
            if told.is_err() {
                return;
            }
        }
    }

    async fn line(&mut self, Line { number, says }: Line<Item>) -> Result<(), Enough> {
        match says {
            Ok(item) if item.uri.is_prefix() => self.store(number, &item).await,
            Ok(Item { uri, name, promised, .. }) => {
                self.object(number, uri, &name, promised, None).await
            }
            Err(why) => self.tell(Listed::Bad { line: number, uri: None, why }).await,
        }
    }

    /// All that lies under a prefix. If the store's list breaks off, the line has failed.
    async fn store(&mut self, line: u64, item: &Item) -> Result<(), Enough> {
        let mut found = self.sources.list(&item.uri);
        loop {
            match found.next().await {
                Ok(Some(below)) => {
                    let (name, size) = (item.name_below(&below), Some(below.size));
                    self.object(line, below.uri, &name, Promised::default(), size).await?;
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    let uri = item.uri.to_string();
                    let why = without_name(&error.to_string(), &uri);
                    return self.tell(Listed::Bad { line, uri: Some(uri), why }).await;
                }
            }
        }
    }

    async fn object(
        &mut self,
        line: u64,
        uri: Uri,
        wanted: &[u8],
        promised: Promised,
        size: Option<u64>,
    ) -> Result<(), Enough> {
        let index = self.names.len();
        let name = self.names.assign(wanted);
        let renamed = name.change().map(|why| {
            let from = String::from_utf8_lossy(wanted).escape_debug().to_string();
            Renamed { from, why }
        });
        let size = promised.size.or(size);
        let name = name.into();
        self.tell(Listed::Object(Arc::new(Object {
            index,
            line,
            uri,
            name,
            renamed,
            promised,
            size,
        })))
        .await
    }

    async fn tell(&self, listed: Listed) -> Result<(), Enough> {
        self.listed.send(Ok(listed)).await.map_err(|_| Enough)
    }
}
