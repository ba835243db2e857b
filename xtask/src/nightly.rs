//! `cargo xtask nightly`: what takes too long before every change.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::loom;
use crate::miri;
use crate::python;
use crate::readers;
use crate::step::{self, Cargo, Failure, Step};

/// The tests read their sizes and their number of seeds from these two.
const ENTRIES: &str = "1000000";
const SEEDS: &str = "5000";
/// Of an archive.
const OBJECTS: &str = "100000";

/// Mutating everything takes many hours: each night does one part, and this many nights do all.
const NIGHTS: u64 = 14;

pub(crate) fn steps() -> Vec<Step> {
    let large = Cargo::new("test --release -p codap --all-features");
    let mut steps = vec![Step::cargo(
        "large: core, a million entries, thousands of seeds",
        large.env("CODAP_SCALE", ENTRIES).env("CODAP_SEEDS", SEEDS),
    )];
    let long_list = Cargo::new("test --release -p codap-cli --test it memory_is_flat");
    steps.push(Step::cargo(
        "large: the tool lists a million URIs",
        long_list.env("CODAP_SCALE", ENTRIES),
    ));
    steps.push(Step::check("large: readers of archives", readers::install));
    let archives =
        Cargo::new("test --release -p codap-cli --test it archive:: -- --test-threads 2");
    steps.push(Step::cargo_with_servers(
        "large: archives of 100,000 objects, hundreds of crashes",
        archives.env("CODAP_SCALE", OBJECTS).env("CODAP_SEEDS", "50"),
    ));
    steps.push(Step::cargo(
        "large: 100,000 entries, and entries around 4 GiB",
        Cargo::new("test --release -p codap-archive --test it edges -- --include-ignored"),
    ));
    steps.extend(python::nightly());
    steps.extend(loom::steps(None));
    steps.extend(miri::steps());
    steps.push(Step::check("mutants: one part", mutants));
    steps
}

fn mutants() -> Result<(), Failure> {
    if Cargo::new("mutants --version").output().is_err() {
        step::say(
            "    left out, cargo-mutants is not installed: cargo install --locked cargo-mutants",
        );
        return Ok(());
    }
    let days = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() / (24 * 60 * 60));
    let command =
        Cargo::new("mutants -p codap --all-features --output target --shard").arg(part(days));
    step::say(&format!("    {command}"));
    command.run()
}

fn part(day: u64) -> String {
    format!("{}/{NIGHTS}", day % NIGHTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_night() {
        let parts: std::collections::BTreeSet<String> =
            (20_000..20_000 + NIGHTS).map(part).collect();
        assert_eq!(parts.len(), 14);
        assert!(parts.contains("0/14") && parts.contains("13/14"));
    }
}
