//! The loom models: the interleavings of the slot, the limiter and the group, to three
//! preemptions.

use crate::step::{self, Cargo, Failure, Step};

/// After that long loom ends a model's search, and it counts as passed: a slow machine keeps to the
/// ten minutes of `test`. The model says so then, by name. `nightly` sets no bound.
pub(crate) const SECONDS_PER_MODEL: u64 = 30;

/// Fewer than this and the filter below has missed them: a run of no models must not pass.
const MODELS_AT_LEAST: usize = 8;

/// The models, and, at some time after them, whether they are all there.
pub(crate) fn steps(seconds_per_model: Option<u64>) -> [Step; 2] {
    let mut run = models();
    if let Some(seconds) = seconds_per_model {
        run = run.env("LOOM_MAX_DURATION", seconds.to_string());
    }
    [
        Step::cargo("loom: core, models", run).beside(),
        Step::check("loom: core, none is missed", all_are_there),
    ]
}

/// Other `RUSTFLAGS` build everything anew, hence the target directory of its own.
fn models() -> Cargo {
    Cargo::new("test --profile loom -p codap --lib --target-dir")
        .arg(step::own_target("loom"))
        .arg("--")
        .arg("loom")
        .env("RUSTFLAGS", "--cfg codap_loom")
        .env("LOOM_MAX_PREEMPTIONS", "3")
}

fn all_are_there() -> Result<(), Failure> {
    let found = count(&models().arg("--list").output()?);
    if found >= MODELS_AT_LEAST {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{found} tests have `loom` in their path, there should be {MODELS_AT_LEAST} or more"
    )))
}

/// In what libtest prints for `--list`.
fn count(listing: &str) -> usize {
    listing.lines().filter(|line| line.ends_with(": test")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_and_benchmarks_are_not() {
        let listing = "slot::loom::fill: test\nlimiter::loom::cancel: test\nx: benchmark\n\n\
                       2 tests, 1 benchmark\n";
        assert_eq!(count(listing), 2);
    }
}
