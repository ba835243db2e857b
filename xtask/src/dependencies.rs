//! What the core depends on: without features nothing asynchronous but futures-core, and with tokio
//! nothing for networks.

use std::collections::BTreeSet;

use crate::step::{Cargo, Failure};

/// Everything that codap without features builds with, on the target below.
const BARE: [&str; 9] = [
    "bitflags",
    "boxcar",
    "fastrand",
    "foldhash",
    "futures-core",
    "hashbrown",
    "linux-raw-sys",
    "pin-project-lite",
    "rustix",
];

/// What a feature may add; one that is not listed here is not checked.
const ADDED_BY: [(&str, &[&str]); 2] = [("", &[]), ("tokio", &["tokio"])];

/// The list differs between systems (libc and errno for linux-raw-sys): one of them stands for all.
const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn check() -> Result<(), Failure> {
    for (feature, added) in ADDED_BY {
        let tree = Cargo::new(
            "tree -p codap -e normal --no-default-features --prefix none --no-dedupe --target",
        )
        .arg(TARGET)
        .arg("--features")
        .arg(feature);
        let allowed = BARE.iter().chain(added).copied().collect();
        compare(&tree.output()?, &allowed)
            .map_err(|difference| Failure::new(format!("`{tree}`: {difference}")))?;
    }
    Ok(())
}

/// `tree` has one `name vVERSION` a line, codap itself first.
fn compare(tree: &str, allowed: &BTreeSet<&str>) -> Result<(), String> {
    let found: BTreeSet<&str> =
        tree.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let join = |names: Vec<&&str>| names.into_iter().copied().collect::<Vec<_>>().join(", ");
    let new = join(found.difference(allowed).collect());
    let gone = join(allowed.difference(&found).collect());
    match (new.is_empty(), gone.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("the core must not depend on: {new}")),
        (true, false) => {
            Err(format!("no longer used, take off the list in xtask/src/dependencies.rs: {gone}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_crates_pass() {
        let allowed = BTreeSet::from(["boxcar", "futures-core"]);
        let good = "codap v0.1.0 (path)\nboxcar v0.2.14\nfutures-core v0.3.34\nboxcar v0.2.14\n";
        assert_eq!(compare(good, &allowed), Ok(()));
        let more = format!("{good}futures-util v0.3.34\n");
        assert_eq!(
            compare(&more, &allowed),
            Err("the core must not depend on: futures-util".into())
        );
        let fewer = compare("codap v0.1.0 (path)\nboxcar v0.2.14\n", &allowed);
        assert!(fewer.is_err_and(|e| e.contains("futures-core")));
    }
}
