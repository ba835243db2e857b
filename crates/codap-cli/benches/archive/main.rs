//! `cargo xtask bench archive`: many objects into one zip, process against process.
//!
//! The objects come from nginx on the loopback. In each round the tool and its peers work in turns,
//! who begins changes from round to round, and the ratio is the median of the ratios of the rounds.
//! Fetching alone and compressing alone are measured beside them, by this program: together they
//! are what the tool would take if it did one after the other.
#![expect(clippy::print_stdout, reason = "what it measures is what it prints")]

mod alone;
mod corpus;
mod peers;
mod site;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use corpus::Corpus;
use peers::Turn;
use site::Site;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const AT_ONCE: usize = 64;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["fetch", list] => alone::fetch(Path::new(list)),
        ["compress", folder] => alone::compress(Path::new(folder)),
        _ => measure(&args),
    }
}

/// All corpora, or the one that is named; `--quick` is fewer rounds.
fn measure(args: &[&str]) -> Outcome<()> {
    let rounds = if args.contains(&"--quick") { 3 } else { 7 };
    let target = target()?;
    let site = Site::start(&target.join("archive-site"))?;
    let mut rows = Vec::new();
    for corpus in corpus::ALL {
        if args.iter().all(|arg| arg.starts_with("--")) || args.contains(&corpus.name) {
            rows.extend(rounds_of(&site, &corpus, rounds)?);
        }
    }
    show(&rows);
    let path = target.join("archive.json");
    fs::write(&path, serde_json::to_string_pretty(&rows)? + "\n")?;
    println!("{}", path.display());
    Ok(())
}

fn rounds_of(site: &Site, corpus: &Corpus, rounds: usize) -> Outcome<Vec<Value>> {
    let work = peers::Work::prepare(site, corpus)?;
    let mut times: [Vec<f64>; Turn::ALL.len()] = Default::default();
    let mut sizes = [0; Turn::ALL.len()];
    // One round more, the first, to warm up; it does not count.
    for round in 0..=rounds {
        for place in 0..Turn::ALL.len() {
            let which = (place + round) % Turn::ALL.len();
            let took = timed(|| work.run(Turn::ALL[which]))?;
            sizes[which] = work.size()?;
            if round > 0 {
                times[which].push(took.as_secs_f64());
            }
        }
        println!("{}: round {round} of {rounds}", corpus.name);
    }
    Ok(rows(corpus, &times, &sizes))
}

/// How long `work` took, by its own account if it gives one.
fn timed(work: impl FnOnce() -> Outcome<Option<Duration>>) -> Outcome<Duration> {
    let began = Instant::now();
    let told = work()?;
    Ok(told.unwrap_or_else(|| began.elapsed()))
}

fn rows(corpus: &Corpus, times: &[Vec<f64>], sizes: &[u64]) -> Vec<Value> {
    let of = |turn: Turn| &times[turn as usize];
    let size = |turn: Turn| sizes[turn as usize];
    let codap = of(Turn::Codap);
    let one_by_one: Vec<f64> = of(Turn::Fetch)
        .iter()
        .zip(of(Turn::Compress))
        .map(|(fetch, compress)| fetch + compress)
        .collect();
    let row = |peer: &str, other: &[f64], goal: Option<f64>| {
        let ratio = median(codap.iter().zip(other).map(|(codap, other)| codap / other));
        json!({
            "work": format!("{} into zip", corpus.told), "n": corpus.files, "runtime": "process",
            "peer": peer, "codap": rounded(median(codap.iter().copied())),
            "other": rounded(median(other.iter().copied())), "unit": "s", "ratio": rounded(ratio),
            "goal": goal,
        })
    };
    let mut rows = vec![
        row("curl -Z + zip -q -r", of(Turn::CurlZip), Some(corpus.goal)),
        row("Python requests, 32 threads, zipfile", of(Turn::Python), None),
        row("fetch alone + compression alone", &one_by_one, Some(1.3)),
        row("fetch alone", of(Turn::Fetch), None),
        row("compression alone", of(Turn::Compress), None),
    ];
    let (ours, theirs) = (size(Turn::Codap), size(Turn::CurlZip));
    rows.push(json!({
        "work": format!("{} into zip", corpus.told), "n": corpus.files, "runtime": "process",
        "peer": "zip -6", "codap": ours, "other": theirs, "unit": "bytes",
        "ratio": rounded(ours as f64 / theirs as f64), "goal": 1.03,
    }));
    rows
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// As a table of Markdown, which reads well on a terminal too.
fn show(rows: &[Value]) {
    println!("| work | peer | codap | peer | unit | ratio | goal |");
    println!("| --- | --- | --: | --: | --- | --: | --- |");
    for row in rows {
        let goal = row["goal"].as_f64().map_or(String::new(), |goal| {
            let mark = if row["ratio"].as_f64() <= Some(goal) { '✓' } else { '✗' };
            format!("{mark} ≤ {goal} ×")
        });
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        println!(
            "| {} | {} | {} | {} | {} | {} | {goal} |",
            text("work"),
            text("peer"),
            row["codap"],
            row["other"],
            text("unit"),
            row["ratio"],
        );
    }
}

/// `bench` in the target directory.
fn target() -> Outcome<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let folder = workspace.join(target).join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}
