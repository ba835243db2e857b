//! The pipeline alone, fed from memory: each format beside compression alone with the same codec.
//!
//! `cargo bench -p codap-archive --bench pipeline -- [SET…] [FORMAT…] [--runs N]`, where SET is `json`
//! (5,000 files of 0.5 to 11 KB), `text` (64 files of 8 MB) or `one` (a file of 512 MB whose length is
//! not known), and FORMAT `alone` (compression alone), `zip`, `tar`, `tar.gz`, `tar.zst`. Times are
//! medians.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use codap_archive::{Archive, Format};
use tokio::sync::Semaphore;

const IN_FLIGHT: usize = 64;
const CHUNK: usize = 16 << 10;

const SETS: [&str; 3] = ["json", "text", "one"];
const FORMATS: [&str; 5] = ["alone", "zip", "tar", "tar.gz", "tar.zst"];

struct Set {
    name: &'static str,
    bodies: Vec<Arc<[u8]>>,
    times: usize,
    length_is_known: bool,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let runs = args.iter().position(|arg| arg == "--runs").map_or(5, |at| {
        args.get(at + 1).and_then(|n| n.parse().ok()).expect("--runs takes a number")
    });
    let is_wanted = |among: &[&str], name: &str| {
        let mut names = args.iter().filter(|arg| among.contains(&arg.as_str()));
        names.clone().next().is_none() || names.any(|arg| arg == name)
    };
    let folder = tempfile::tempdir().expect("a folder for the archives");
    for set in sets().into_iter().filter(|set| is_wanted(&SETS, set.name)) {
        let bytes: usize = set.bodies.iter().map(|body| body.len()).sum::<usize>() * set.times;
        println!("{}: {} bodies, {bytes} bytes", set.name, set.bodies.len() * set.times);
        if is_wanted(&FORMATS, "alone") {
            let (time, size) = median(runs, || compress_alone(&set));
            println!("  alone    {:>7.3} s  {size:>11} bytes", time.as_secs_f64());
        }
        for format in [Format::Zip, Format::Tar, Format::TarGz, Format::TarZst] {
            let name = format.extension();
            if is_wanted(&FORMATS, name) {
                let (time, size) = median(runs, || pipeline(&set, format, folder.path()));
                println!("  {name:<7}  {:>7.3} s  {size:>11} bytes", time.as_secs_f64());
            }
        }
    }
    if let Some(peak) = peak() {
        println!("peak memory, the bodies of the benchmark included: {} MiB", peak >> 10);
    }
}

fn median(runs: usize, mut run: impl FnMut() -> (Duration, u64)) -> (Duration, u64) {
    let mut results: Vec<_> = (0..runs).map(|_| run()).collect();
    results.sort();
    results[runs / 2]
}

fn compress_alone(set: &Set) -> (Duration, u64) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let begun = Instant::now();
    let sizes = std::thread::scope(|scope| {
        let work = || {
            let mut compressor = libdeflater::Compressor::default();
            let mut size = 0;
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= set.bodies.len() * set.times {
                    return size;
                }
                let body = &set.bodies[at % set.bodies.len()];
                let mut out = vec![0; compressor.deflate_compress_bound(body.len())];
                size += compressor.deflate_compress(body, &mut out).expect("it fits") as u64;
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    (begun.elapsed(), sizes)
}

fn pipeline(set: &Set, format: Format, folder: &Path) -> (Duration, u64) {
    let path = folder.join("out");
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    let begun = Instant::now();
    let summary = runtime.block_on(async {
        let mut archive = Archive::builder(format).to_file(&path).expect("an archive");
        let places = Arc::new(Semaphore::new(IN_FLIGHT));
        if set.length_is_known {
            let mut tasks = Vec::new();
            for index in 0..set.bodies.len() * set.times {
                let place = places.clone().acquire_owned().await.expect("open");
                let entry = archive.entry(index as u64, "", format!("folder/{index:06}.json"));
                let body = set.bodies[index % set.bodies.len()].clone();
                tasks.push(tokio::spawn(async move {
                    let mut into = entry.begin(Some(body.len() as u64)).await.expect("begun");
                    for chunk in body.chunks(CHUNK) {
                        into.write(chunk).await.expect("written");
                        tokio::task::yield_now().await;
                    }
                    into.finish().await.expect("finished");
                    drop(place);
                }));
            }
            for task in tasks {
                task.await.expect("no panic");
            }
        } else {
            let mut into = archive.entry(0, "", "one").begin(None).await.expect("begun");
            for body in set.bodies.iter().cycle().take(set.bodies.len() * set.times) {
                into.write(body).await.expect("written");
            }
            into.finish().await.expect("finished");
        }
        archive.finish().await.expect("in place")
    });
    (begun.elapsed(), summary.archived_bytes)
}

fn sets() -> [Set; 3] {
    let mut random = fastrand::Rng::with_seed(7);
    let json = (0..5000).map(|_| json(&mut random)).collect();
    let text: Vec<Arc<[u8]>> = (0..8).map(|_| text(&mut random, 8_000_000)).collect();
    let one = text.clone();
    [
        Set { name: "json", bodies: json, times: 1, length_is_known: true },
        Set { name: "text", bodies: text, times: 8, length_is_known: true },
        Set { name: "one", bodies: one, times: 8, length_is_known: false },
    ]
}

fn json(random: &mut fastrand::Rng) -> Arc<[u8]> {
    let size = random.usize(500..11_000);
    let mut out = String::from("{\"items\":[");
    while out.len() < size {
        let (id, price) = (random.u32(..), random.u16(..));
        let (word, other) = (word(random), word(random));
        out += &format!(
            "{{\"id\":{id},\"name\":\"{word} {other}\",\"price\":{price},\"tags\":[\"{other}\"],\
             \"active\":{}}},",
            random.bool()
        );
    }
    out.truncate(size);
    out.into_bytes().into()
}

/// Words of which few are frequent: about 2.6 : 1 by deflate.
fn text(random: &mut fastrand::Rng, size: usize) -> Arc<[u8]> {
    let mut out = String::new();
    while out.len() < size {
        out += &word(random);
        out.push(if random.u8(..12) == 0 { '\n' } else { ' ' });
    }
    out.truncate(size);
    out.into_bytes().into()
}

fn word(random: &mut fastrand::Rng) -> String {
    let skewed = random.f64();
    let number = (skewed * skewed * skewed * skewed * 20_000.0) as u64;
    let mut letters = fastrand::Rng::with_seed(number);
    let length = letters.usize(2..11);
    std::iter::repeat_with(|| letters.char('a'..='z')).take(length).collect()
}

fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
