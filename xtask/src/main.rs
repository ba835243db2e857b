//! Tests, gates, benchmarks and nightly runs of codap: `cargo xtask --help`.
//!
//! `step` is one of a list, `run` runs and reports on the list, some of it beside the rest in a
//! `lane`; `test`, `ci`, `bench` and `nightly` each say which steps there are, `servers` starts what
//! some of them need. `tidy` holds every file to the rules that no compiler knows, one rule per file,
//! over `tokens`.

mod bench;
mod ci;
mod cycles;
mod dependencies;
mod finding;
mod lane;
mod length;
mod loom;
mod manifest;
mod marks;
mod miri;
mod nightly;
mod run;
mod servers;
mod snippets;
mod step;
mod test;
mod tidy;
mod tokens;
mod versions;

use std::process::ExitCode;

use run::WhenOneFails;
use step::Failure;

const HELP: &str = "\
Tests, gates, benchmarks and nightly runs of codap.

    cargo xtask test          the core on all features, threads, smol; sources and tool; loom models
    cargo xtask ci            what must hold before a change lands: the gates, `test`, Miri
    cargo xtask tidy          file lengths, module cycles, versions, README code, open ends
    cargo xtask bench NAME    core or sources beside its peers; further arguments (--quick) go to it
    cargo xtask servers       the servers for tests in the foreground, and where they are
    cargo xtask nightly       a million entries, many seeds, loom without bounds, Miri, mutants

test, ci and nightly also take:
    --list                    print the steps and their commands, run nothing
    --only NAME               run only the steps whose name contains NAME
    --without SERVER          leave out a server for tests, and the tests that need it

Each step's name and duration go to stderr, and the command that runs a failed one alone.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            step::say(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = args.split_first() else {
        step::show(HELP);
        return Ok(());
    };
    if args.iter().any(|a| a == "--help" || a == "-h") || command == "help" {
        step::show(HELP);
        return Ok(());
    }
    match command.as_str() {
        "test" => run::run_all("test", test::steps(), WhenOneFails::Stop, rest),
        "ci" => run::run_all("ci", ci::steps(), WhenOneFails::Stop, rest),
        "nightly" => run::run_all("nightly", nightly::steps(), WhenOneFails::GoOn, rest),
        "servers" => servers::run(rest),
        "bench" => bench::run(rest),
        "tidy" if rest.is_empty() => tidy::run(),
        "tidy" => Err(Failure::new(format!("tidy takes no arguments, got {rest:?}"))),
        other => Err(Failure::new(format!("there is no `cargo xtask {other}`\n\n{HELP}"))),
    }
}
