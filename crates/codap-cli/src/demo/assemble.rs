//! The page, assembled twice from the same entries: one after another, and at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codap::Page;
use codap_sources::Sources;
use minijinja::{Environment, Value};

use super::stores::Stores;
use crate::answer::Reading;
use crate::entry::Entry;
use crate::failure::told;
use crate::fetch::fetch;
use crate::link::Link;
use crate::pieces;
use crate::policy::Policy;
use crate::stop::Stop;
use crate::timeline::{self, Life, Wait};

/// A page, and how it came about.
pub(super) struct Assembled {
    pub(super) html: String,
    pub(super) lives: Vec<Life>,
    pub(super) took: Duration,
}

/// The entries of the page. Most use others, as pages do.
pub(super) fn entries(stores: &Stores) -> Result<Vec<(Entry, Store)>, Stop> {
    let (user, albums) = stores.documents.uris();
    let (web, database) = (stores.web(), stores.database());
    let photos = "select key, title, place, likes from photos where owner = ?1 limit 4";
    let likes = "select sum(likes) as likes, count(*) as photos from photos where owner = ?1";
    let picture = |n: usize| format!("s3://photos/{{{{ photos[{n}].key }}}}");
    let of_user = "{{ user._id }}";
    [
        ("user", Store::Documents, user),
        ("albums", Store::Documents, albums),
        ("photos", Store::Database, format!("sqlite:{database}?query={photos}&param={of_user}")),
        ("likes", Store::Database, format!("sqlite:{database}?query={likes}&param={of_user}")),
        ("picture_1", Store::Objects, picture(0)),
        ("picture_2", Store::Objects, picture(1)),
        ("picture_3", Store::Objects, picture(2)),
        ("picture_4", Store::Objects, picture(3)),
        ("friends", Store::Web, format!("{web}/friends?of={of_user}")),
        ("comments", Store::Web, format!("{web}/comments?of={of_user}")),
        ("weather", Store::Web, format!("{web}/weather?in={{{{ user.city }}}}")),
        ("news", Store::Web, format!("{web}/news")),
        ("trending", Store::Web, format!("{web}/trending")),
    ]
    .into_iter()
    .map(|(name, store, uri)| {
        let link = Link::parse(&uri).map_err(|error| Stop::usage(format!("{name}: {error}")))?;
        Ok((Entry { name: name.to_owned(), link, policy: policy(), headers: Vec::new() }, store))
    })
    .collect()
}

/// Which store an entry is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Documents,
    Database,
    Objects,
    Web,
}

fn policy() -> Policy {
    Policy { timeout: Duration::from_secs(10), retry: 0, default: None }
}

/// As programs do it that wait for each answer before the next question.
pub(super) async fn one_after_another(
    entries: &[Entry],
    sources: &Sources,
) -> Result<Assembled, Stop> {
    let began = Instant::now();
    let (mut values, mut lives) = (BTreeMap::new(), Vec::new());
    for Entry { name, link, policy, .. } in entries {
        let started = began.elapsed();
        let failed = |error: &dyn std::fmt::Display| Stop::fatal(format!("{name}: {error}"));
        let uri = match link {
            Link::Fixed(uri) => uri.clone(),
            Link::Made(recipe) => recipe.complete(values.clone()).map_err(|it| failed(&it))?,
        };
        let answer = fetch(sources.clone(), uri, policy, Reading::ByType).await;
        let answer = answer.map_err(|error| failed(&told(&error, name)))?;
        values.insert(name.clone(), answer.value().clone());
        // Nobody has put it anywhere before its turn.
        let (queued, ended) = (started, Some(began.elapsed()));
        lives.push(Life { queued, started: Some(started), ended, waits: Vec::new() });
    }
    let html = render(Value::from(values))?;
    Ok(Assembled { html, lives, took: began.elapsed() })
}

/// As codap does it: everything is put at once, and the template waits for what it shows.
pub(super) async fn at_once(entries: &[Entry], sources: &Sources) -> Result<Assembled, Stop> {
    let began = Instant::now();
    let page = Arc::new(Page::builder().record(true).build());
    pieces::put(&page, entries, |_| Ok(sources.clone()), Reading::ByType)?;
    let context = Value::from_dyn_object(page.clone());
    let rendering = tokio::task::spawn_blocking(move || render(context));
    let html = rendering.await.unwrap_or_else(|_| Err(Stop::fatal("the template panicked")))?;
    let took = began.elapsed();
    let lives = timeline::lives(&page.events(), page.id(), entries.len());
    Ok(Assembled { html, lives, took })
}

/// When an entry waited for others.
pub(super) fn waited(lives: &[Life], entry: usize) -> impl Iterator<Item = &Wait> {
    lives.iter().flat_map(|life| &life.waits).filter(move |wait| wait.by == Some(entry))
}

fn render(context: Value) -> Result<String, Stop> {
    let mut environment = Environment::new();
    environment
        .add_template("page.html", include_str!("page.html"))
        .and_then(|()| environment.get_template("page.html")?.render(context))
        .map_err(|error| match crate::render::entry_error(&error) {
            Some(error) => {
                let name = error.entry().unwrap_or_default().trim_matches('"');
                Stop::fatal(format!("{name}: {}", told(error, name)))
            }
            None => Stop::fatal(crate::render::told(&error)),
        })
}
