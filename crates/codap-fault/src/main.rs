//! `codap-fault SCRIPT`: a server for tests and benchmarks that are other processes.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use codap_fault::{Counters, Error, Script, Server};
use serde::Serialize;
use tokio::sync::mpsc;

/// Serves a script file on a free port of 127.0.0.1.
///
/// The first line on stdout is the URL. When stdin ends, or at SIGTERM or SIGINT, the last line is
/// the counters as JSON. Until then each line on stdin is a command, answered with a line of JSON:
///
///   counters           what was counted so far
///   requests           the latest requests, with their headers
///   release            lets go of the stalls that wait for it, then as `counters`
///   wait NAME >= 3     waits for a counter (also == and <=), 30 s at most, then as `counters`
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Args {
    /// The script: JSON if its name ends in .json, else TOML.
    script: PathBuf,
    /// The port; 0 is a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Another seed than the script's.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is there to be told that stderr is closed.
            let _ = writeln!(io::stderr(), "codap-fault: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    more_files();
    let mut script = Script::read(&args.script)?;
    if let Some(seed) = args.seed {
        script = script.seed(seed);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signalled = {
        let _inside = runtime.enter();
        signalled()?
    };
    let server = script.start_at(args.port)?;
    say(&server.url("").trim_end_matches('/'))?;
    runtime.block_on(async {
        tokio::select! {
            result = obey(&server, lines()) => result,
            () = signalled => Ok(()),
        }
    })?;
    say(&json(&server.counters())?)?;
    Ok(())
}

/// Answers commands until there are no more.
async fn obey(server: &Server, mut commands: mpsc::Receiver<String>) -> io::Result<()> {
    while let Some(line) = commands.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            [] => continue,
            ["counters"] => json(&server.counters())?,
            ["requests"] => json(&server.requests())?,
            ["release"] => {
                server.release();
                json(&server.counters())?
            }
            ["wait", name, compare, count] => match wait(server, name, compare, count).await {
                Ok(counters) => json(&counters)?,
                Err(error) => problem(&error.to_string()),
            },
            _ => problem(&format!("there is no command {line:?}: see codap-fault --help")),
        };
        say(&answer)?;
    }
    Ok(())
}

async fn wait(
    server: &Server,
    name: &str,
    compare: &str,
    count: &str,
) -> Result<Counters, Box<dyn std::error::Error>> {
    if server.counters().number(name).is_none() {
        return Err(format!("there is no counter {name:?}: `counters` shows all").into());
    }
    let count: u64 = count.parse().map_err(|_| format!("{count:?} is no number"))?;
    let holds: fn(&u64, &u64) -> bool = match compare {
        ">=" => u64::ge,
        "<=" => u64::le,
        "==" => u64::eq,
        _ => return Err(format!("{compare:?} is not one of >= <= ==").into()),
    };
    let name = name.to_owned();
    let waited = server.wait_for(move |c| c.number(&name).is_some_and(|n| holds(&n, &count)));
    Ok(waited.await.map_err(|e: Error| e.to_string())?)
}

fn problem(what: &str) -> String {
    serde_json::json!({ "error": what }).to_string()
}

fn json(of: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(of)?)
}

fn say(line: &dyn std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The lines of stdin, read by a thread that ends with the process at the latest.
fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Listens from this call on, so that no signal ends the process without its counters.
#[cfg(unix)]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// As many open files as the system lets this process have: each connection is one.
fn more_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // If not, fewer connections have to do.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
