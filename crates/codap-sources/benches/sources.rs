//! `cargo xtask bench sources`: many small GETs beside what one would write or run instead.
//!
//! One figure is 5,000 GETs of a small document from a loopback server, 64 at a time, over
//! connections that are already there (in process) or not (process against process). The server
//! runs in a process of its own and counts; it is the judge of how many requests there were. In
//! each round codap and its peers work in turns, and the ratio is the median of the ratios of the
//! rounds: codap's time by the peer's, below 1 codap is faster.
#![expect(clippy::print_stdout, reason = "what it measures is what it prints")]

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use codap_fault::{On, Reply, Script};
use codap_sources::{Sources, Uri};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

const N: usize = 5_000;
const AT_ONCE: usize = 64;
/// What one document is: about what a row of a REST service is.
const SIZE: u64 = 512;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => serve(),
        ["codap", base] => on(&runtime()?, codap_drain(Sources::new(), base.to_owned())),
        ["reqwest", base] => on(&runtime()?, raw_spawned(raw_client(), base.to_owned())),
        _ => measure(args.iter().any(|arg| arg == "--quick")),
    }
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Serves until its standard input ends, having said where.
fn serve() -> Outcome<()> {
    let body = codap_fault::Body::Generated { size: SIZE, seed: 1 };
    let server = Script::new().log(0).rule(On::any(), Reply::ok(body)).start_blocking()?;
    println!("{}", server.url("/"));
    for line in std::io::stdin().lines() {
        line?;
        println!("{}", server.counters().complete);
    }
    Ok(())
}

/// The server, in a process of its own.
struct Server {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    base: String,
}

impl Server {
    fn start() -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let mut base = String::new();
        lines.read_line(&mut base)?;
        Ok(Self { child, lines, base: base.trim().to_owned() })
    }

    /// How many replies it has sent whole.
    fn complete(&mut self) -> Outcome<u64> {
        writeln!(self.child.stdin.as_ref().ok_or("no stdin")?)?;
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It has ended, or ends with its input.
        let _ = self.child.wait();
    }
}

fn uris(base: &str) -> impl Iterator<Item = String> + Send + use<> {
    let base = base.to_owned();
    (0..N).map(move |n| format!("{base}{n}"))
}

/// As one does with codap: a drain.
async fn codap_drain(sources: Sources, base: String) -> Outcome<()> {
    let work = uris(&base).map(move |uri| {
        let sources = sources.clone();
        async move { sources.fetch(&uri.parse::<Uri>()?).await }
    });
    let mut replies = codap::drain(work).limit(AT_ONCE);
    let mut bytes = 0;
    while let Some((_, reply)) = replies.next().await {
        bytes += reply?.len();
    }
    check(bytes)
}

/// The adapter alone, driven as the peer is.
async fn codap_unordered(sources: Sources, base: String) -> Outcome<()> {
    let fetch = |uri: String| {
        let sources = sources.clone();
        async move { Ok::<_, codap_sources::Error>(sources.fetch(&uri.parse()?).await?.len()) }
    };
    let mut replies = stream::iter(uris(&base).map(fetch)).buffer_unordered(AT_ONCE);
    let mut bytes = 0;
    while let Some(reply) = replies.next().await {
        bytes += reply?;
    }
    check(bytes)
}

/// reqwest as it is.
async fn raw_unordered(client: reqwest::Client, base: String) -> Outcome<()> {
    let get = |uri: String| {
        let client = client.clone();
        async move {
            let reply = client.get(uri).send().await?.error_for_status()?;
            Ok::<_, reqwest::Error>(reply.bytes().await?.len())
        }
    };
    let mut replies = stream::iter(uris(&base).map(get)).buffer_unordered(AT_ONCE);
    let mut bytes = 0;
    while let Some(reply) = replies.next().await {
        bytes += reply?;
    }
    check(bytes)
}

/// reqwest with a task for each request, as a drain has.
async fn raw_spawned(client: reqwest::Client, base: String) -> Outcome<()> {
    let get = |uri: String| {
        let client = client.clone();
        let task = tokio::spawn(async move {
            let reply = client.get(uri).send().await?.error_for_status()?;
            Ok::<_, reqwest::Error>(reply.bytes().await?.len())
        });
        async move { task.await.expect("it does not panic") }
    };
    let mut replies = stream::iter(uris(&base).map(get)).buffer_unordered(AT_ONCE);
    let mut bytes = 0;
    while let Some(reply) = replies.next().await {
        bytes += reply?;
    }
    check(bytes)
}

fn check(bytes: usize) -> Outcome<()> {
    let expected = N * SIZE as usize;
    if bytes == expected { Ok(()) } else { Err(format!("{bytes} bytes, not {expected}").into()) }
}

/// This program once more, that does nothing else.
fn process(what: &str, base: &str) -> Outcome<()> {
    let status = Command::new(std::env::current_exe()?).args([what, base]).status()?;
    if status.success() { Ok(()) } else { Err(format!("{what} ended as {status}").into()) }
}

fn raw_client() -> reqwest::Client {
    // Whoever was first installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

fn curl_process(config: &Path) -> Outcome<()> {
    let status = Command::new("curl")
        .args(["--silent", "--fail", "--no-progress-meter", "--parallel", "--parallel-max"])
        .arg(AT_ONCE.to_string())
        .arg("--config")
        .arg(config)
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("curl ended as {status}").into()) }
}

/// One turn: how long `work` took, which must have made `N` requests.
fn turn(server: &mut Server, work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let before = server.complete()?;
    let began = Instant::now();
    work()?;
    let took = began.elapsed();
    let made = server.complete()? - before;
    if made == N as u64 { Ok(took) } else { Err(format!("{made} requests, not {N}").into()) }
}

fn measure(quick: bool) -> Outcome<()> {
    let mut server = Server::start()?;
    let base = server.base.clone();
    let runtime = runtime()?;
    let client = raw_client();
    let sources = Sources::new();
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    let target = target()?;
    let config = target.join("sources-curl.txt");
    let lines = uris(&base).map(|uri| format!("url = \"{uri}\"\noutput = \"/dev/null\"\n"));
    fs::write(&config, lines.collect::<String>())?;

    let mut times: [Vec<f64>; 7] = Default::default();
    let rounds = if quick { 3 } else { 15 };
    // One round more, the first, to warm up; it does not count.
    for round in 0..=rounds {
        // Who begins changes from round to round.
        for place in 0..times.len() {
            let which = (place + round) % times.len();
            let (client, sources, base) = (client.clone(), sources.clone(), base.clone());
            let took = match which {
                0 => turn(&mut server, || on(&runtime, codap_drain(sources, base)))?,
                1 => turn(&mut server, || on(&runtime, codap_unordered(sources, base)))?,
                2 => turn(&mut server, || on(&runtime, raw_unordered(client, base)))?,
                3 => turn(&mut server, || on(&runtime, raw_spawned(client, base)))?,
                4 => turn(&mut server, || process("codap", &base))?,
                5 => turn(&mut server, || process("reqwest", &base))?,
                _ if has_curl => turn(&mut server, || curl_process(&config))?,
                _ => continue,
            };
            if round > 0 {
                times[which].push(took.as_secs_f64() * 1e6 / N as f64);
            }
        }
    }
    let in_task = "tokio 2 workers, task";
    let mut rows = vec![
        row("GET 512 B, drain", in_task, "reqwest + buffer_unordered", &times[0], &times[2]),
        row(
            "GET 512 B, drain",
            in_task,
            "reqwest + spawn + buffer_unordered",
            &times[0],
            &times[3],
        ),
        row(
            "GET 512 B, buffer_unordered",
            in_task,
            "reqwest + buffer_unordered",
            &times[1],
            &times[2],
        ),
    ];
    rows.push(row("GET 512 B, cold", "process", "reqwest + spawn", &times[4], &times[5]));
    if has_curl {
        rows.push(row("GET 512 B, cold", "process", "curl -Z", &times[4], &times[6]));
    } else {
        println!("curl is not installed: nothing to compare a process with");
    }
    show(&rows);
    let path = target.join("sources.json");
    fs::write(&path, serde_json::to_string_pretty(&rows)? + "\n")?;
    println!("{}", path.display());
    Ok(())
}

fn on(
    runtime: &tokio::runtime::Runtime,
    work: impl Future<Output = Outcome<()>> + Send + 'static,
) -> Outcome<()> {
    runtime.block_on(runtime.spawn(work))?
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn row(work: &str, runtime: &str, peer: &str, codap: &[f64], other: &[f64]) -> Value {
    let ratio = median(codap.iter().zip(other).map(|(codap, other)| codap / other));
    let (codap, other) = (median(codap.iter().copied()), median(other.iter().copied()));
    let round = |value: f64, digits: f64| (value * digits).round() / digits;
    json!({
        "work": work, "n": N, "runtime": runtime, "peer": peer, "codap": round(codap, 10.0),
        "other": round(other, 10.0), "unit": "µs/request", "ratio": round(ratio, 1000.0),
    })
}

fn show(rows: &[Value]) {
    println!(
        "{:<28} {:<22} {:<35} {:>6} {:>6}  ratio (goal ≤ 1.053)",
        "work", "where", "peer", "codap", "peer"
    );
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        println!(
            "{:<28} {:<22} {:<35} {:>6} {:>6}  {}",
            text("work"),
            text("runtime"),
            text("peer"),
            row["codap"],
            row["other"],
            row["ratio"],
        );
    }
}

/// `bench` in the target directory.
fn target() -> Outcome<std::path::PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let folder = workspace.join(target).join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}
