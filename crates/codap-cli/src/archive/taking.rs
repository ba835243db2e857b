//! What comes of the list, as it comes: counted, told, written down.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use codap::Error;
use codap_archive::{Archive, Summary};
use futures_core::Stream as _;

use super::failures::{Failure, Failures};
use super::listing::Object;
use super::object::{Fetched, Trouble};
use super::showing::{Showing, count};
use super::works::{Done, Tally, Works};
use crate::args::Common;
use crate::deadline::passed;
use crate::duration::{millis, shown};
use crate::exit::Exit;
use crate::failure::told;
use crate::interrupt::Interrupt;
use crate::report::{Report, Row, ending};
use crate::say::say;
use crate::size;
use crate::stop::Stop;

/// So many renamed objects are told one by one.
const RENAMED_TOLD: u64 = 10;
/// What every terminal shows in one line.
const COLUMNS: usize = 80;
/// How often the progress that is shown is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How the list came to its end.
pub(crate) enum Outcome {
    /// All of it has come, failures included; or as much as there was time for.
    Taken,
    /// The first failure, which ends it all.
    FailFast(String),
    /// The archive cannot go on.
    Broken(codap_archive::Error),
    /// Something else came between.
    Stopped(Stop),
}

/// Takes the results.
pub(crate) struct Taking {
    tally: Tally,
    failures: Failures,
    report: Option<Report>,
    fail_fast: bool,
    renamed: u64,
}

impl Taking {
    pub(crate) fn new(
        tally: Tally,
        failures: Failures,
        report: Option<Report>,
        fail_fast: bool,
    ) -> Self {
        Self { tally, failures, report, fail_fast, renamed: 0 }
    }

    /// Runs the works to the end, or until something comes between. By then everything is told.
    pub(crate) async fn all(
        &mut self,
        works: Works,
        archive: &Archive,
        common: &Common,
        interrupt: &Interrupt,
    ) -> Outcome {
        let outcome = self.until_ended(works, archive, common, interrupt).await;
        match self.failures.flush() {
            Err(stop) if matches!(outcome, Outcome::Taken) => Outcome::Stopped(stop),
            _ => outcome,
        }
    }

    async fn until_ended(
        &mut self,
        works: Works,
        archive: &Archive,
        common: &Common,
        interrupt: &Interrupt,
    ) -> Outcome {
        let mut showing = Showing::start(common.progress);
        let mut look = tokio::time::interval(LOOK);
        let mut deadline = pin!(passed(common.deadline));
        let mut drain = pin!(codap::drain_stream(works).limit(common.limit));
        loop {
            let next = poll_fn(|cx| {
                let next = drain.as_mut().poll_next(cx);
                // Nobody waits for what is in a buffer.
                if next.is_pending()
                    && let Err(stop) = self.failures.flush()
                {
                    return Poll::Ready(Err(stop));
                }
                next.map(Ok)
            });
            let taken = tokio::select! {
                biased;
                () = interrupt.wait() => return Outcome::Stopped(Stop::Interrupted),
                () = &mut deadline => return self.pass_deadline(common.deadline),
                _ = look.tick() => {
                    showing.show(&archive.progress(), &self.tally, self.failures.count());
                    continue;
                }
                next = next => next.map(|it| it.map(|(_, done)| done)),
            };
            let ended = match taken {
                Ok(Some(Ok(done))) => self.take(done),
                Ok(Some(Err(error))) => Err(Outcome::Stopped(Stop::fatal(error.to_string()))),
                Ok(None) => return self.list_ended(),
                Err(stop) => Err(Outcome::Stopped(stop)),
            };
            if let Err(outcome) = ended {
                return outcome;
            }
        }
    }

    fn take(&mut self, done: Done) -> Result<(), Outcome> {
        self.tell_renamed();
        match done {
            Done::Bad { line, uri, why } => {
                let failure = Failure { line, uri: uri.as_deref(), name: None, error: &why };
                self.failed_with(&failure)
            }
            Done::Object { object, began, reply } => {
                self.tally.lock().under_way.remove(&object.index);
                if let Some(error) = reply.as_ref().err().and_then(Trouble::that_ends_all) {
                    return Err(Outcome::Broken(error.clone()));
                }
                self.record(&object, began, Some(&reply)).map_err(Outcome::Stopped)?;
                match reply {
                    Ok(_) => Ok(()),
                    Err(error) => self.object_failed(&object, &error),
                }
            }
        }
    }

    fn object_failed(&mut self, object: &Object, error: &Error) -> Result<(), Outcome> {
        let uri = object.uri.to_string();
        let error = told(error, &uri);
        self.failed_with(&Failure {
            line: object.line,
            uri: Some(&uri),
            name: Some(&object.name),
            error: &error,
        })
    }

    fn failed_with(&mut self, failure: &Failure<'_>) -> Result<(), Outcome> {
        self.failures.tell(failure).map_err(Outcome::Stopped)?;
        if self.fail_fast {
            let what = failure.uri.map_or_else(|| format!("line {}", failure.line), str::to_owned);
            return Err(Outcome::FailFast(format!("{what}: {}", failure.error)));
        }
        Ok(())
    }

    fn record(
        &mut self,
        object: &Object,
        began: Instant,
        reply: Option<&Result<Fetched, Error>>,
    ) -> Result<(), Stop> {
        let Some(report) = &mut self.report else { return Ok(()) };
        let since = |at: Instant| millis(at.saturating_duration_since(report.began()));
        let uri = object.uri.to_string();
        let (ending, error, bytes, attempts) = match reply {
            None => ("pending", None, None, 0),
            Some(Ok(fetched)) => ("ok", None, Some(fetched.size), fetched.attempts),
            Some(Err(error)) => (ending(error), Some(told(error, &uri)), None, error.attempts()),
        };
        let row = Row {
            name: object.name.clone(),
            renamed_from: object.renamed.as_ref().map(|it| it.from.clone()),
            uri,
            ending,
            error,
            bytes,
            attempts,
            queued_ms: since(began),
            started_ms: Some(since(began)),
            ended_ms: Some(since(Instant::now())),
            waits: Vec::new(),
        };
        report.row(&row)
    }

    fn tell_renamed(&mut self) {
        let renamed = std::mem::take(&mut self.tally.lock().renamed);
        for object in renamed {
            self.renamed += 1;
            if let Some(renamed) = &object.renamed
                && self.renamed <= RENAMED_TOLD
            {
                let (line, name) = (object.line, &object.name);
                say(&format!(
                    "line {line}: {} is renamed to {name}: {}",
                    renamed.from, renamed.why
                ));
            }
        }
    }

    /// Was all of the list read?
    fn list_ended(&mut self) -> Outcome {
        self.tell_renamed();
        match self.tally.lock().ended.take() {
            Some(Err(stop)) => Outcome::Stopped(stop),
            _ => Outcome::Taken,
        }
    }

    /// What is under way has failed, and what was not read is not in the archive.
    fn pass_deadline(&mut self, deadline: Option<Duration>) -> Outcome {
        let (under_way, last_line, has_ended) = {
            let mut state = self.tally.lock();
            (std::mem::take(&mut state.under_way), state.last_line, state.ended.is_some())
        };
        let deadline = shown(deadline.unwrap_or_default());
        for (object, began) in under_way.into_values() {
            let (uri, after) = (object.uri.to_string(), shown(began.elapsed()));
            let error = format!("timed out after {after} (give it more by --deadline)");
            let failure = Failure {
                line: object.line,
                uri: Some(&uri),
                name: Some(&object.name),
                error: &error,
            };
            let told = self.failed_with(&failure);
            let told = told.and(self.record(&object, began, None).map_err(Outcome::Stopped));
            if let Err(outcome) = told {
                return outcome;
            }
        }
        if !has_ended {
            let what = format!("the deadline of {deadline} has passed");
            say(&format!("{what}: nothing was read behind line {last_line}"));
            let error = format!("{what}; this line and those behind it were not read");
            let failure = Failure { line: last_line + 1, uri: None, name: None, error: &error };
            if let Err(outcome) = self.failed_with(&failure) {
                return outcome;
            }
        }
        Outcome::Taken
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failures.count()
    }

    /// Says what is in the archive that is in its place, in one line of a terminal, after what else
    /// there is to say.
    pub(crate) fn say_summary(&self, target: &str, done: &Summary, resumed: u64, took: Duration) {
        if resumed > 0 {
            say(&format!("{} objects were there from the run before", count(resumed)));
        }
        if self.renamed > RENAMED_TOLD {
            say(&format!("{} objects are renamed (--report tells each)", count(self.renamed)));
        }
        let failed = self.failed();
        if failed > 0 {
            let s = if failed == 1 { "" } else { "s" };
            say(&format!("{} object{s} failed ({})", count(failed), self.failures.whereabouts()));
        }
        say(&summary(target, done, failed, took));
    }

    /// Hands over what is told, and the report.
    pub(crate) fn finish(mut self, ended: Result<Exit, Stop>) -> Result<Exit, Stop> {
        let ended = self.failures.flush().and(ended);
        let under_way = std::mem::take(&mut self.tally.lock().under_way);
        for (object, began) in under_way.into_values() {
            self.record(&object, began, None)?;
        }
        if let Some(report) = self.report {
            report.finish(ended.as_ref().map_or_else(Stop::exit, |exit| *exit))?;
        }
        ended
    }
}

/// What is in an archive, in as many columns as a terminal has at least.
fn summary(target: &str, done: &Summary, failed: u64, took: Duration) -> String {
    let of =
        if failed > 0 { format!(" of {}", count(done.entries + failed)) } else { String::new() };
    let s = if done.entries + failed == 1 { "" } else { "s" };
    let (bytes, archived) = (size::shown(done.bytes), size::shown(done.archived_bytes));
    let entries = count(done.entries);
    let told = format!(": {entries}{of} object{s}, {bytes} as {archived}, {}", shown(took));
    let room = COLUMNS.saturating_sub("codap: ".len() + told.len());
    format!("{}{told}", end_of(target, room))
}

/// The end of `text`, which says most of a path, in this many columns.
fn end_of(text: &str, columns: usize) -> String {
    match text.char_indices().rev().nth(columns) {
        None => text.to_owned(),
        Some(_) => {
            let cut = text.char_indices().rev().nth(columns.saturating_sub(2)).map_or(0, |it| it.0);
            format!("\u{2026}{}", &text[cut..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_too_long_keeps_its_end() {
        assert_eq!(end_of("out.zip", 7), "out.zip");
        assert_eq!(end_of("/a/out.zip", 8), "\u{2026}out.zip");
        assert_eq!(end_of("\u{e4}\u{f6}/\u{fc}.zip", 6), "\u{2026}\u{fc}.zip");
    }
}
