//! `codap get`: entries by name, as a JSON object or in a template.

use std::sync::Arc;
use std::time::Duration;

use codap::Page;

use crate::answer::{Answer, Reading, push_json};
use crate::args::{self, Common};
use crate::defaults::Defaults;
use crate::entry::{self, Entry};
use crate::exit::Exit;
use crate::failure::told;
use crate::interrupt::Interrupt;
use crate::link::Link;
use crate::output;
use crate::pieces::{answer, put};
use crate::plan;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::render::{self, Template, Touched};
use crate::report::{Report, Row};
use crate::say::say_of;
use crate::sourcing::{Bounds, Sourcing};
use crate::stop::Stop;
use crate::timeline;

/// A template that is being filled in has as long to notice that its page is cancelled.
const GRACE: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: args::Get, interrupt: Interrupt) -> Result<Exit, Stop> {
    let common = &args.common;
    let entries = entries(&args)?;
    let template = args.template.as_deref().map(Template::read).transpose()?;
    let named = entries.iter().filter_map(|entry| entry.link.origin());
    let mut sourcing = Sourcing::new(common, named, Bounds::Whole(args.documents.max_size))?;
    let report = common.report.as_deref().map(|path| Report::create(path, "get")).transpose()?;

    let page = Arc::new(page(common));
    let reading = if args.json { Reading::Json } else { Reading::ByType };
    put(&page, &entries, |entry| sourcing.of(entry), reading)?;
    let working = async {
        match template {
            None => object(&page, &entries, &args).await,
            Some(template) => filled_in(&page, template, &args).await,
        }
    };
    let ended = interrupt.during(working).await.and_then(|ended| ended);
    page.cancel_all();
    drop(tokio::time::timeout(GRACE, page.join()).await);
    if let Some(report) = report {
        let exit = ended.as_ref().map_or_else(Stop::exit, |(_, exit)| *exit);
        write(report, &page, &entries, exit)?;
    }
    let (text, exit) = ended?;
    output::print(&text)?;
    Ok(exit)
}

fn entries(args: &args::Get) -> Result<Vec<Entry>, Stop> {
    let common =
        Policy { timeout: args.documents.timeout, retry: args.common.retry, default: None };
    let mut entries = match &args.plan {
        Some(path) => plan::read(path, &common)?,
        None => Vec::new(),
    };
    for text in &args.entries {
        let (name, uri) = entry::split(text)?;
        let link = Link::parse(uri).map_err(|error| Stop::usage(format!("{name}: {error}")))?;
        let (name, policy) = (name.to_owned(), common.clone());
        entries.push(Entry { name, link, policy, headers: Vec::new() });
    }
    entry::check(&entries)?;
    let defaults = Defaults::parse(&args.documents.default)?;
    defaults.check(|name| entries.iter().any(|entry| entry.name == name))?;
    for entry in &mut entries {
        let planned = entry.policy.default.take();
        entry.policy.default = defaults.of_entry(&entry.name, planned);
    }
    Ok(entries)
}

fn page(common: &Common) -> Page {
    let builder = Page::builder().limit(common.limit).record(common.report.is_some());
    match common.deadline {
        Some(deadline) => builder.deadline(deadline).build(),
        None => builder.build(),
    }
}

/// The text to print, and the exit code that goes with it.
type Printed = Result<(Vec<u8>, Exit), Stop>;

/// Everything, as an object in the order of the entries.
async fn object(page: &Page, entries: &[Entry], args: &args::Get) -> Printed {
    let progress = Progress::start(args.common.progress, Some(entries.len() as u64));
    let mut failures = 0;
    let mut arrivals = page.arrivals();
    while let Some((name, reply)) = arrivals.next().await {
        progress.one_more();
        match reply {
            Ok(piece) => warn(name, answer(piece)),
            Err(error) => {
                failures += 1;
                say_of(name, &told(&error, name));
                if args.documents.fail_fast {
                    return Ok((Vec::new(), Exit::SomeFailed));
                }
            }
        }
    }
    let mut text = b"{".to_vec();
    for entry in entries {
        if let Some(Ok(piece)) = page.try_get(&*entry.name) {
            text.extend(if text.len() > 1 { &b",\n  "[..] } else { b"\n  " });
            push_json(&entry.name, &mut text);
            text.extend(b": ");
            answer(piece).push_indented(1, &mut text);
        }
    }
    text.extend(if text.len() > 1 { &b"\n}\n"[..] } else { b"}\n" });
    Ok((text, Exit::of_failures(failures)))
}

/// Says it aloud if a default stands in for the entry.
fn warn(name: &str, answer: &Answer) {
    if let Some(error) = answer.stands_in_for() {
        say_of(name, &format!("its default stands in: {}", told(error, name)));
    }
}

/// The template, which blocks a thread while it waits for what it touches.
async fn filled_in(page: &Arc<Page>, template: Template, args: &args::Get) -> Printed {
    let progress = Progress::start(args.common.progress, None);
    let touched = Arc::new(Touched::new(page.clone()));
    let context = touched.clone();
    let rendering = tokio::task::spawn_blocking(move || template.render(context));
    let failing = async {
        match page.try_join().await {
            Err(error) if args.documents.fail_fast => error,
            _ => std::future::pending().await,
        }
    };
    let failed = |error: &codap::Error| {
        let name = error.entry().unwrap_or_default().trim_matches('"');
        say_of(name, &told(error, name));
        Ok((Vec::new(), Exit::SomeFailed))
    };
    let rendered = tokio::select! {
        rendered = rendering => rendered,
        error = failing => return failed(&error),
    };
    drop(progress);
    match rendered {
        Ok(Ok(text)) => {
            for name in touched.names() {
                if let Some(Ok(piece)) = page.try_get(&*name) {
                    warn(&name, answer(piece));
                }
            }
            Ok((text.into_bytes(), Exit::Ok))
        }
        Ok(Err(error)) => match render::entry_error(&error) {
            Some(error) => failed(error),
            None => Err(Stop::fatal(render::told(&error))),
        },
        Err(_) => Err(Stop::fatal("filling in the template panicked: a bug of codap")),
    }
}

fn write(mut report: Report, page: &Page, entries: &[Entry], exit: Exit) -> Result<(), Stop> {
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let lives = timeline::lives(&page.events(), page.id(), entries.len());
    for (entry, life) in entries.iter().zip(&lives) {
        let reply = page.try_get(&*entry.name);
        let reply = match &reply {
            Some(Ok(piece)) => Some(Ok(answer(piece))),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        };
        report.row(&Row::new(&entry.name, entry.link.shown(), reply).at(life, &names))?;
    }
    report.finish(exit)
}
