//! `codap race`: the same from several places, and the first good reply.

use codap::{Error, FirstReply};
use codap_sources::Uri;

use crate::answer::{Answer, Reading};
use crate::args::{self, Common, Documents};
use crate::defaults::Defaults;
use crate::exit::Exit;
use crate::failure::told;
use crate::fetch::fetch;
use crate::interrupt::Interrupt;
use crate::output;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::report::{Report, Row};
use crate::say::{say, say_of};
use crate::sourcing::{Bounds, Sourcing};
use crate::stop::Stop;
use crate::timeline;

pub(crate) async fn run(args: args::Race, interrupt: Interrupt) -> Result<Exit, Stop> {
    let common = &args.common;
    let uris: Vec<Uri> = args
        .uris
        .iter()
        .map(|uri| uri.parse().map_err(|error| Stop::usage(format!("{error}"))))
        .collect::<Result<_, _>>()?;
    let documents = &args.documents;
    let default = default(documents)?;
    let named = uris.iter().map(Uri::origin);
    let sources = Sourcing::new(common, named, Bounds::Whole(documents.max_size))?.shared();
    let report = common.report.as_deref().map(|path| Report::create(path, "race")).transpose()?;

    let race = field(common);
    let policy = Policy { timeout: documents.timeout, retry: common.retry, default: None };
    for uri in &uris {
        race.push(fetch(sources.clone(), uri.clone(), &policy, Reading::Bytes));
    }
    let progress = Progress::start(common.progress, None);
    let ended = interrupt.during(winner(&race, &uris, documents.fail_fast)).await;
    drop(progress);
    race.cancel_all();
    let exit = match &ended {
        Ok(Some(_)) => Exit::Ok,
        Ok(None) if default.is_some() => Exit::Ok,
        Ok(None) => Exit::SomeFailed,
        Err(stop) => stop.exit(),
    };
    if let Some(report) = report {
        write(report, &race, &uris, exit).await?;
    }
    match (ended?, default) {
        (Some(answer), _) => output::print(answer.bytes())?,
        (None, Some(default)) => {
            say("no reply is good: the default stands in");
            output::print(format!("{default}\n").as_bytes())?;
        }
        (None, None) => {}
    }
    Ok(exit)
}

/// Where the entries run.
fn field(common: &Common) -> FirstReply<Answer> {
    let builder = FirstReply::builder().limit(common.limit).record(common.report.is_some());
    match common.deadline {
        Some(deadline) => builder.deadline(deadline).build(),
        None => builder.build(),
    }
}

/// A race has one result, so there is one default for it.
fn default(documents: &Documents) -> Result<Option<String>, Stop> {
    let defaults = Defaults::parse(&documents.default)?;
    let told = "a race has one result (write --default '*=JSON')";
    defaults.check(|_| false).map_err(|_| Stop::usage(told))?;
    Ok(defaults.of_all().cloned())
}

/// The first good reply; without one, every error is told.
async fn winner<'a>(
    race: &'a FirstReply<Answer>,
    uris: &[Uri],
    fail_fast: bool,
) -> Option<&'a Answer> {
    let tell = |position: Option<usize>, error: &Error| {
        let name = position.and_then(|at| uris.get(at)).map_or_else(String::new, Uri::to_string);
        say_of(&name, &told(error, &name));
    };
    if fail_fast {
        let (position, reply) = race.first().await?;
        return reply.inspect_err(|error| tell(Some(*position), error)).ok();
    }
    match race.first_ok().await {
        Ok((_, answer)) => Some(answer),
        Err(errors) => {
            for (nth, error) in errors.iter().enumerate() {
                tell(race.pushed_as(nth), error);
            }
            None
        }
    }
}

async fn write(
    mut report: Report,
    race: &FirstReply<Answer>,
    uris: &[Uri],
    exit: Exit,
) -> Result<(), Stop> {
    let replies = race.join().await;
    let names: Vec<String> = (1..=uris.len()).map(|position| position.to_string()).collect();
    let lives = timeline::lives(&race.events(), race.id(), uris.len());
    for (((position, reply), life), uri) in replies.iter().zip(&lives).zip(uris) {
        let uri = uri.to_string();
        let mut row = Row::new(&uri, uri.clone(), Some(reply.as_ref().copied()));
        row.name.clone_from(&names[**position]);
        report.row(&row.at(life, &names))?;
    }
    report.finish(exit)
}
