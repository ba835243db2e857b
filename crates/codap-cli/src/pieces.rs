//! Entries on a page, each waiting for those that its URI uses.

use std::collections::BTreeMap;
use std::sync::Arc;

use codap::{BoxError, KvHandle, Page, Piece};
use codap_sources::Sources;
use tokio::sync::SetOnce;

use crate::answer::{Answer, Reading};
use crate::entry::Entry;
use crate::fetch::{fetch, or_default};
use crate::link::{Link, Recipe};
use crate::stop::Stop;

/// Puts all entries. Those that use others start once all are there to be used.
pub(crate) fn put(
    page: &Page,
    entries: &[Entry],
    sources: impl FnMut(&Entry) -> Result<Sources, Stop>,
    reading: Reading,
) -> Result<(), Stop> {
    let all_put = Arc::new(SetOnce::new());
    let sources: Result<Vec<Sources>, Stop> = entries.iter().map(sources).collect();
    for (entry, sources) in entries.iter().zip(sources?) {
        let Entry { link, policy, .. } = entry.clone();
        let default = policy.default.clone();
        match link {
            Link::Fixed(uri) => {
                let work = fetch(sources, uri, &policy, reading);
                page.put(&*entry.name, or_default(work, default));
            }
            Link::Made(recipe) => {
                let used = Used { page: page.handle(), all_put: all_put.clone() };
                let work = async move {
                    let uri = recipe.complete(used.values(&recipe).await?)?;
                    Ok::<_, BoxError>(fetch(sources, uri, &policy, reading).await?)
                };
                page.put(&*entry.name, or_default(work, default));
            }
        }
    }
    drop(all_put.set(()));
    Ok(())
}

/// The entries that another one uses.
struct Used {
    page: KvHandle<String, Piece>,
    all_put: Arc<SetOnce<()>>,
}

impl Used {
    async fn values(
        &self,
        recipe: &Recipe,
    ) -> Result<BTreeMap<String, minijinja::Value>, codap::Error> {
        self.all_put.wait().await;
        let mut values = BTreeMap::new();
        for name in recipe.uses() {
            let value = answer(self.page.get(name).await?).value().clone();
            values.insert(name.clone(), value);
        }
        Ok(values)
    }
}

/// What a piece of such a page is.
pub(crate) fn answer(piece: &Piece) -> &Answer {
    piece.downcast_ref().expect("the page holds answers only")
}
