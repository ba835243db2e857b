//! A small reply that unpacks to a gigabyte costs what is allowed, and little more.

use std::process::Command;
use std::time::Duration;

use codap_fault::{Body, Coding, On, Reply, Script};
use codap_sources::Sources;

use crate::conformance::failing;

const LIMIT: u64 = 32 << 20;
const SLACK: u64 = 16 << 20;
const VARIABLE: &str = "CODAP_TEST_BOMB";

#[test]
fn a_bomb_costs_no_more_than_the_limit_and_a_little() {
    // Less than the limit means that nothing was unpacked at all.
    explode("bomb::fetch_it", LIMIT / 2..=LIMIT + SLACK);
}

/// All of it comes, and nothing of it stays.
#[test]
fn an_opened_bomb_costs_a_little() {
    explode("bomb::pull_it", 0..=SLACK);
}

fn explode(other: &str, bounds: std::ops::RangeInclusive<u64>) {
    for coding in [Coding::Gzip, Coding::Br, Coding::Zstd] {
        let reply = Reply::ok(Body::Zeros(1 << 30)).coding(coding);
        let server = Script::new().rule(On::any(), reply).start_blocking().unwrap();
        // In a process of its own, whose peak is that of this fetch.
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", other, "--nocapture"])
            .env(VARIABLE, server.url("/"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&child.stdout);
        let grown = told.lines().find_map(|line| line.split_once("GROWN ")?.1.parse::<u64>().ok());
        let grown = grown.unwrap_or_else(|| panic!("{coding:?}: {child:?}"));
        println!("{coding:?}: {} KiB", grown >> 10);
        assert!(bounds.contains(&grown), "{coding:?}: {grown} bytes");
        assert!(server.counters().requests == 1, "{coding:?}");
    }
}

/// The other process's part.
#[tokio::test]
async fn fetch_it() {
    let Some((sources, url, before)) = other_process().await else { return };
    let error = failing(&sources, &url).await;
    assert!(error.is_too_large(), "{error}");
    println!("GROWN {}", status("VmHWM:").saturating_sub(before));
}

#[tokio::test]
async fn pull_it() {
    let Some((sources, url, before)) = other_process().await else { return };
    let mut body = sources.open(&url.parse().unwrap()).await.unwrap();
    let mut came = 0;
    while let Some(chunk) = body.next().await.unwrap() {
        came += chunk.len() as u64;
    }
    assert_eq!(came, 1 << 30);
    println!("GROWN {}", status("VmHWM:").saturating_sub(before));
}

/// Sources, where the bomb is, and how much memory there was before.
async fn other_process() -> Option<(Sources, String, u64)> {
    let url = std::env::var(VARIABLE).ok()?;
    let sources = Sources::builder().max_size(LIMIT).timeout(Duration::from_secs(120));
    let sources = sources.build().unwrap();
    // What the first request makes (certificates, threads) is none of the bomb's.
    let small = Script::new().rule(On::any(), Reply::ok("x")).start_blocking().unwrap();
    sources.fetch(&small.url("/").parse().unwrap()).await.unwrap();
    Some((sources, url, status("VmRSS:")))
}

/// A line of the process's status, in bytes.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
