//! `codap demo`: the page of a small photo site, assembled one after another and at once.
//!
//! [`stores`] starts the stores, [`assemble`] has the entries and runs them, [`chart`] draws what
//! happened. The entries go through the same code as those of `codap get`.

mod assemble;
mod chart;
mod direct;
mod document_store;
mod latency;
mod photo;
mod server;
mod site;
mod stores;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::args;
use crate::entry::Entry;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output;
use crate::stop::Stop;
use assemble::{Assembled, Store};
use stores::Stores;

pub(crate) async fn run(args: args::Demo, interrupt: Interrupt) -> Result<Exit, Stop> {
    direct::without_proxies()?;
    let stores = interrupt.during(Stores::start(args.seed, args.mongodb.as_deref())).await??;
    let told = interrupt.during(told(&stores, &args.output)).await;
    stores.documents.clear().await;
    output::print_styled(&told??)?;
    Ok(Exit::Ok)
}

/// The whole story.
async fn told(stores: &Stores, path: &Path) -> Result<String, Stop> {
    let (entries, origins): (Vec<Entry>, Vec<Store>) =
        assemble::entries(stores)?.into_iter().unzip();
    // Each has connections of its own to open. What a process does only once is done before.
    warm_up(stores).await?;
    let slow = assemble::one_after_another(&entries, &stores.sources()?).await?;
    let fast = assemble::at_once(&entries, &stores.sources()?).await?;

    let names: Vec<(&str, Store)> =
        entries.iter().map(|entry| &*entry.name).zip(origins.iter().copied()).collect();
    let html = page(&names, &slow, &fast);
    fs::write(path, &html).map_err(|error| {
        Stop::fatal(format!("{}: cannot be written: {error} (name another by -o)", path.display()))
    })?;
    let mut text = head(stores, entries.len());
    for (title, assembled) in [("One after another", &slow), ("With codap, all at once", &fast)] {
        let rows = chart::rows(&names, &assembled.lives);
        text.push('\n');
        text.push_str(&chart::picture(title, &rows, assembled.took));
    }
    let rows = chart::rows(&names, &fast.lives);
    text.push_str(&chart::legend(&rows, fast.took / 50));
    text.push('\n');
    text.push_str(&chart::comparison(("in turn", slow.took), ("codap", fast.took)));
    let times = slow.took.as_secs_f64() / fast.took.as_secs_f64();
    let _ = write!(
        text,
        "\n{times:.1} times as fast: the same stores, the same latencies, the same page.\n\
         It is in {} ({} KB): open it in a browser.\n",
        path.display(),
        html.len().div_ceil(1000),
    );
    Ok(text)
}

fn head(stores: &Stores, entries: usize) -> String {
    let host = |origin: &str| origin.trim_start_matches("http://").to_owned();
    let mut text =
        format!("The page of a small photo site: {entries} pieces from four stores.\n\n");
    for (store, what) in [
        (Store::Documents, stores.documents.told()),
        (Store::Objects, format!("S3 over HTTP, {}", host(stores.objects()))),
        (Store::Database, format!("SQLite, {}", stores.database())),
        (Store::Web, format!("REST, {}", host(stores.web()))),
    ] {
        let _ = writeln!(text, "  {}{what}", store.label(11));
    }
    text
}

/// Loads what a process loads once, whoever comes first: the certificates that are trusted, threads
/// for blocking work.
async fn warm_up(stores: &Stores) -> Result<(), Stop> {
    let broken = |error: codap_sources::Error| Stop::fatal(error.to_string());
    for uri in [format!("{}/news", stores.web()), stores.database()] {
        let uri = uri.parse().map_err(broken)?;
        stores.sources()?.fetch(&uri).await.map_err(broken)?;
    }
    Ok(())
}

/// The page, with the picture of how it came about at its end.
fn page(names: &[(&str, Store)], slow: &Assembled, fast: &Assembled) -> String {
    let rows = chart::rows(names, &fast.lives);
    fast.html
        .replace("<!-- timeline -->", &chart::html(&rows, fast.took))
        .replace("<!-- slow -->", &chart::millis(slow.took))
        .replace("<!-- fast -->", &chart::millis(fast.took))
}
