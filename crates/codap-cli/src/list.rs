//! `codap list`: entries in order, a line of JSON for each, as soon as the order allows.
//!
//! [`input`] reads lines ahead, a few; [`Works`] makes a line the work of an entry of a drain, as
//! long as the [`Window`] has room; results fill the window, and leave it in order. All of it is
//! bounded, so a million lines take no more memory than a thousand.

use std::future::poll_fn;
use std::io::IsTerminal as _;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use codap::{BoxError, Error};
use codap_sources::{Sources, Uri};
use futures_core::Stream;
use serde::Serialize;
use tokio::sync::mpsc::Receiver;

use crate::answer::{Answer, Reading, push_json};
use crate::args::{self, Common};
use crate::deadline::passed;
use crate::defaults::Defaults;
use crate::duration::{millis, shown};
use crate::exit::Exit;
use crate::failure::told;
use crate::fetch::fetch;
use crate::input::{self, Line, Read};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::policy::Policy;
use crate::progress::{Progress, When};
use crate::report::{Report, Row};
use crate::say::say;
use crate::sourcing::{Bounds, Sourcing};
use crate::stop::Stop;
use crate::window::Window;

/// For each entry that runs, so many may have begun and not be written, as a slow one is before
/// them.
const BEGUN: usize = 4;
/// Results that wait for those before them stop the reading of more at this size.
const BYTES_MAX: usize = 16 << 20;

pub(crate) async fn run(args: args::List, interrupt: Interrupt) -> Result<Exit, Stop> {
    let common = &args.common;
    let typed: Vec<Uri> = args.uris.iter().filter_map(|uri| uri.parse().ok()).collect();
    let named = typed.iter().map(Uri::origin);
    let documents = &args.documents;
    let sourcing = Sourcing::new(common, named, Bounds::Whole(documents.max_size))?;
    let defaults = Defaults::parse(&documents.default)?;
    defaults.check(|name| name.parse::<u64>().is_ok_and(|number| number > 0))?;
    let window = Shared::new(common.limit);
    let works = Works {
        lines: input::read(args.uris.clone(), args.input.clone(), uri)?,
        window: window.clone(),
        sources: sourcing.shared(),
        policy: Policy { timeout: documents.timeout, retry: common.retry, default: None },
        defaults,
        reading: if args.json { Reading::Json } else { Reading::ByType },
    };
    let writer = Writer {
        window,
        output: Output::new(),
        report: common.report.as_deref().map(|path| Report::create(path, "list")).transpose()?,
        failures: 0,
        fail_fast: documents.fail_fast,
    };
    go_on(works, writer, common, &interrupt).await
}

/// What a line of the list is, or what is wrong with it.
fn uri(line: &[u8]) -> Result<Uri, String> {
    let text = std::str::from_utf8(line)
        .map_err(|_| "is not UTF-8; a URI is ASCII, percent-encoded".to_owned())?;
    text.trim().parse().map_err(|error: codap_sources::Error| error.to_string())
}

/// Runs the works and writes their results, until the end, or until something comes between.
async fn go_on(
    works: Works,
    mut writer: Writer,
    common: &Common,
    interrupt: &Interrupt,
) -> Result<Exit, Stop> {
    let progress = Progress::start(shown_as(common.progress), None);
    let mut deadline = pin!(passed(common.deadline));
    let mut drain = pin!(codap::drain_stream(works).limit(common.limit));
    let ended = loop {
        let next = poll_fn(|cx| {
            let next = drain.as_mut().poll_next(cx);
            // Nobody waits for what is in a buffer.
            if next.is_pending()
                && let Err(stop) = writer.output.flush()
            {
                return Poll::Ready(Err(stop));
            }
            next.map(Ok)
        });
        let next = tokio::select! {
            biased;
            () = interrupt.wait() => break Err(Stop::Interrupted),
            () = &mut deadline => {
                break writer.pass_deadline(common.deadline.unwrap_or_default());
            }
            next = next => next,
        };
        match next {
            Ok(Some((nth, result))) => {
                progress.one_more();
                match writer.arrived(nth, result) {
                    Ok(true) => {}
                    Ok(false) => break Ok(Exit::SomeFailed),
                    Err(stop) => break Err(stop),
                }
            }
            Ok(None) => break writer.input_ended(),
            Err(stop) => break Err(stop),
        }
    };
    drop(progress);
    writer.finish(ended)
}

/// Lines on a terminal are progress enough, and the bar would be among them.
fn shown_as(when: When) -> When {
    if std::io::stdout().is_terminal() { When::Never } else { when }
}

/// A line that has begun.
struct Begun {
    number: u64,
    /// Without its secrets; empty if it is none.
    uri: String,
    at: Instant,
}

/// What a line came to.
struct Done {
    reply: Result<Answer, Error>,
    at: Instant,
}

/// The window, as [`Works`] and [`Writer`] share it, and how the input ended.
#[derive(Clone)]
struct Shared(Arc<Mutex<Inner>>);

struct Inner {
    window: Window<Begun, Done>,
    input: Option<Result<(), Stop>>,
}

impl Shared {
    fn new(limit: usize) -> Self {
        let window = Window::new(limit.saturating_mul(BEGUN), BYTES_MAX);
        Self(Arc::new(Mutex::new(Inner { window, input: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines, as works of a drain. It is polled after each result, so it wakes nobody when the
/// window has room again.
struct Works {
    lines: Receiver<Read<Uri>>,
    window: Shared,
    sources: Sources,
    policy: Policy,
    defaults: Defaults,
    reading: Reading,
}

type Work = Pin<Box<dyn Future<Output = Result<Done, BoxError>> + Send>>;

impl Stream for Works {
    type Item = Work;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Work>> {
        let this = self.get_mut();
        if !this.window.lock().window.has_room() {
            return Poll::Pending;
        }
        match std::task::ready!(this.lines.poll_recv(cx)) {
            Some(Ok(line)) => Poll::Ready(Some(this.begin(line))),
            Some(Err(stop)) => {
                this.window.lock().input = Some(Err(stop));
                Poll::Ready(None)
            }
            None => {
                this.window.lock().input = Some(Ok(()));
                Poll::Ready(None)
            }
        }
    }
}

impl Works {
    fn begin(&self, line: Line<Uri>) -> Work {
        let default = self.defaults.of(&line.number.to_string()).cloned();
        let uri = line.says.as_ref().map_or_else(|_| String::new(), ToString::to_string);
        let begun = Begun { number: line.number, uri, at: Instant::now() };
        self.window.lock().window.begin(begun);
        let fetching =
            line.says.map(|uri| fetch(self.sources.clone(), uri, &self.policy, self.reading));
        Box::pin(async move {
            let reply = match fetching {
                Ok(fetching) => fetching.await,
                Err(bad) => codap::fetch(|| std::future::ready(Err(bad.clone()))).await,
            };
            let reply = match (reply, default) {
                (Err(error), Some(default)) => Ok(Answer::default(default, error)),
                (reply, _) => reply,
            };
            Ok(Done { reply, at: Instant::now() })
        })
    }
}

/// Writes results in order.
struct Writer {
    window: Shared,
    output: Output,
    report: Option<Report>,
    failures: usize,
    fail_fast: bool,
}

/// A line of the output.
#[derive(Serialize)]
struct Head<'a> {
    line: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    uri: &'a str,
    /// Also of what a default stands in for.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Writer {
    /// Takes the result of the line that was the `nth` to begin; whether to go on.
    fn arrived(&mut self, nth: usize, result: Result<Done, Error>) -> Result<bool, Stop> {
        let done = result.unwrap_or_else(|error| Done { reply: Err(error), at: Instant::now() });
        let bytes = done.reply.as_ref().map_or(0, |answer| answer.bytes().len());
        self.window.lock().window.fill(nth, done, bytes);
        loop {
            let next = self.window.lock().window.leave();
            let Some((begun, done)) = next else { return Ok(true) };
            let failed = done.reply.is_err();
            self.write(&begun, Some(&done.reply))?;
            self.record(&begun, Some(&done))?;
            if failed && self.fail_fast {
                return Ok(false);
            }
        }
    }

    /// Writes one line; one without a reply was overtaken by the deadline.
    fn write(&mut self, begun: &Begun, reply: Option<&Result<Answer, Error>>) -> Result<(), Stop> {
        let error = match reply {
            Some(Ok(answer)) => answer.stands_in_for().map(|error| told(error, &begun.uri)),
            Some(Err(error)) => Some(told(error, &begun.uri)),
            None => Some(format!(
                "timed out after {} (give it more by --deadline)",
                shown(begun.at.elapsed())
            )),
        };
        let mut text = Vec::new();
        push_json(&Head { line: begun.number, uri: &begun.uri, error }, &mut text);
        match reply {
            Some(Ok(answer)) => {
                text.pop();
                text.extend(br#","value":"#);
                answer.push_line(&mut text);
                text.push(b'}');
            }
            _ => self.failures += 1,
        }
        text.push(b'\n');
        self.output.write(&text)
    }

    fn record(&mut self, begun: &Begun, done: Option<&Done>) -> Result<(), Stop> {
        let Some(report) = &mut self.report else { return Ok(()) };
        let since = |at: Instant| millis(at.saturating_duration_since(report.began()));
        let reply = done.map(|done| done.reply.as_ref());
        let mut row = Row::new(&begun.number.to_string(), begun.uri.clone(), reply);
        row.queued_ms = since(begun.at);
        row.started_ms = Some(since(begun.at));
        row.ended_ms = Some(since(done.map_or_else(Instant::now, |done| done.at)));
        report.row(&row)
    }

    /// Everything that was read is written. Was everything read?
    fn input_ended(&self) -> Result<Exit, Stop> {
        self.window.lock().input.take().unwrap_or(Ok(()))?;
        Ok(Exit::of_failures(self.failures))
    }

    /// Lines that have begun are told as overtaken; others are not read.
    fn pass_deadline(&mut self, deadline: Duration) -> Result<Exit, Stop> {
        let (left, ended) = {
            let mut inner = self.window.lock();
            (inner.window.close(), inner.input.is_some())
        };
        for (begun, done) in &left {
            self.write(begun, done.as_ref().map(|done| &done.reply))?;
            self.record(begun, done.as_ref())?;
        }
        if !ended {
            let last = left.last().map_or(0, |(begun, _)| begun.number);
            let deadline = shown(deadline);
            say(&format!(
                "the deadline of {deadline} has passed: nothing was read behind line {last}"
            ));
            return Ok(Exit::SomeFailed);
        }
        Ok(Exit::of_failures(self.failures))
    }

    /// Hands over what is written, and the report.
    fn finish(mut self, ended: Result<Exit, Stop>) -> Result<Exit, Stop> {
        let ended = match self.output.flush() {
            Err(stop) if ended.is_ok() => Err(stop),
            _ => ended,
        };
        let left = self.window.lock().window.close();
        for (begun, done) in &left {
            self.record(begun, done.as_ref())?;
        }
        if let Some(report) = self.report {
            report.finish(ended.as_ref().map_or_else(Stop::exit, |exit| *exit))?;
        }
        if let Ok(Exit::SomeFailed) = ended
            && self.failures > 0
        {
            let (failures, s) = (self.failures, if self.failures == 1 { "" } else { "s" });
            say(&format!("{failures} line{s} failed (the output tells each)"));
        }
        ended
    }
}
