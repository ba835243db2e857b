//! `codap archive`: many objects into one zip or tar, in the order in which they arrive.
//!
//! [`listing`] reads the list and gives each object its name; [`works`] makes it the work of an
//! entry of a drain, which [`object`] does: from its source into the archive. [`taking`] takes the
//! results, and [`failures`] tells those that are none. The archive itself, from the memory for
//! bodies to the file under its final name, is `codap-archive`'s; [`target`] says where it goes, and
//! [`upload`] sends it there if that is an object store.

mod failures;
mod item;
mod listing;
mod object;
mod showing;
mod taking;
mod target;
mod upload;
mod works;

use std::sync::Arc;
use std::time::Instant;

use codap_archive::Archive;
use codap_sources::Uri;

use crate::args;
use crate::exit::Exit;
use crate::input;
use crate::interrupt::Interrupt;
use crate::policy::Policy;
use crate::report::Report;
use crate::say::say;
use crate::sourcing::{Bounds, Sourcing};
use crate::stop::Stop;
use failures::Failures;
use item::Item;
use taking::{Outcome, Taking};
use target::Target;
use upload::Upload;
use works::{Tally, Works};

pub(crate) async fn run(args: args::Archive, interrupt: Interrupt) -> Result<Exit, Stop> {
    let common = &args.common;
    let target = Target::of(&args)?;
    let format = target.format(args.format)?;
    let typed: Vec<Uri> = args
        .uris
        .iter()
        .filter_map(|it| Item::parse(it.as_bytes()).ok())
        .map(|it| it.uri)
        .collect();
    let bounds = Bounds::Streamed(args.max_size, args.timeout);
    let sources = Sourcing::new(common, typed.iter().map(Uri::origin), bounds)?.shared();
    let lines = input::read(args.uris.clone(), args.input.clone(), Item::parse)?;
    let failures = Failures::new(args.failures.as_deref(), !target.is_stdout())?;
    let report =
        common.report.as_deref().map(|path| Report::create(path, "archive")).transpose()?;

    let builder = Archive::builder(format)
        .memory(usize::try_from(args.memory).unwrap_or(usize::MAX))
        .spill_limit(args.spill_limit.unwrap_or(u64::MAX));
    let (archive, upload) = target.open(builder, &args, &sources, &interrupt).await?;
    let archive = Arc::new(archive);
    let tally = Tally::new();
    let works = Works {
        listing: listing::list(lines, sources.clone()),
        archive: archive.clone(),
        sources,
        policy: Policy { timeout: args.timeout, retry: common.retry, default: None },
        tally: tally.clone(),
    };
    let mut taking = Taking::new(tally, failures, report, args.fail_fast);
    let began = Instant::now();
    let outcome = taking.all(works, &archive, common, &interrupt).await;
    let archive = Arc::into_inner(archive).expect("the works are gone, and nobody else has it");
    let installed = Installing { target: &target, archive, upload, began };
    let ended = installed.end(outcome, &mut taking, &interrupt).await;
    taking.finish(ended)
}

/// What becomes of an archive in the end.
struct Installing<'a> {
    target: &'a Target,
    archive: Archive,
    upload: Option<Upload>,
    began: Instant,
}

impl Installing<'_> {
    /// Puts it in its place, or not.
    async fn end(
        mut self,
        outcome: Outcome,
        taking: &mut Taking,
        interrupt: &Interrupt,
    ) -> Result<Exit, Stop> {
        let shown = self.target.shown();
        match outcome {
            Outcome::Taken if self.archive.progress().written == 0 => {
                let what = match taking.failed() {
                    0 => "nothing is on the list",
                    _ => "every object failed",
                };
                let why = Stop::fatal(format!("{shown}: {what}, so there is no archive"));
                Err(self.abort(why).await)
            }
            Outcome::Taken => {
                let resumed = self.archive.resumed();
                let finished = interrupt.during(self.archive.finish()).await;
                let summary = match finished {
                    Ok(Ok(summary)) => summary,
                    Ok(Err(error)) => return Err(self.fail(&error).await),
                    Err(stop) => return Err(self.suspend(stop).await),
                };
                if let Some(upload) = self.upload.take() {
                    upload.complete(interrupt).await?;
                }
                taking.say_summary(&shown, &summary, resumed.entries, self.began.elapsed());
                Ok(Exit::of_failures(usize::try_from(taking.failed()).unwrap_or(usize::MAX)))
            }
            Outcome::FailFast(told) => {
                let why = Stop::fatal(format!("{told}; {shown} was not written (--fail-fast)"));
                Err(self.abort(why).await)
            }
            Outcome::Broken(error) => Err(self.fail(&error).await),
            Outcome::Stopped(stop) => Err(self.suspend(stop).await),
        }
    }

    /// The archive could not be written on.
    async fn fail(self, error: &codap_archive::Error) -> Stop {
        let why = self.target.stopped_by(error);
        match error.is_list_changed() {
            true => self.suspend(why).await,
            false => self.abort(why).await,
        }
    }

    /// Keeps of a file what there is, for a later run.
    async fn suspend(mut self, why: Stop) -> Stop {
        if !self.target.is_file() {
            return self.abort(why).await;
        }
        let progress = self.archive.progress();
        self.archive.suspend().await;
        if progress.written > 0 && matches!(why, Stop::Interrupted) {
            let written = showing::count(progress.written);
            say(&format!("{}: {written} objects are kept for --resume", self.target.shown()));
        }
        self.upload.take();
        why
    }

    async fn abort(mut self, why: Stop) -> Stop {
        self.archive.abort().await;
        match self.upload.take() {
            Some(upload) => upload.give_up(why).await,
            None => why,
        }
    }
}
