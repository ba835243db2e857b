//! The command line.

use std::error::Error;

const HELP: &str = "\
The core of codap beside named peers, measured in turns in one run.

usage: cargo xtask bench core [--quick] [--only TEXT] [--markdown]

  --quick        fewer and shorter rounds: a first look, not figures to quote
  --only TEXT    only what has TEXT in its name, for instance \"FirstReply\", \"n=1000\", \"allocations\"
  --markdown     print the machine and the table as they stand in docs/benchmarks.md
  --help         this text

The table goes to standard output, and to target/bench/core.json as an array of
{work, n, runtime, peer, codap, other, unit, ratio}.";

/// What the command line asks for.
pub(crate) enum Task {
    Say(&'static str),
    /// One run of the sleepers in a fresh process, by the contestant of this name.
    Sleepers(String),
    Bench(Flags),
}

#[derive(Default)]
pub(crate) struct Flags {
    pub(crate) quick: bool,
    pub(crate) markdown: bool,
    pub(crate) only: String,
}

impl Flags {
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Task, Box<dyn Error>> {
    let mut flags = Flags::default();
    let mut by_cargo_bench = false;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--bench" => by_cargo_bench = true,
            "--quick" => flags.quick = true,
            "--markdown" => flags.markdown = true,
            "--only" => flags.only = args.next().ok_or("--only needs a text")?,
            crate::sleepers::FLAG => {
                return Ok(Task::Sleepers(args.next().ok_or("who is to sleep?")?));
            }
            "--help" | "-h" => return Ok(Task::Say(HELP)),
            unknown => return Err(format!("there is no flag {unknown:?}; see --help").into()),
        }
    }
    if !by_cargo_bench {
        return Ok(Task::Say("nothing measured: this is no `cargo bench`"));
    }
    Ok(Task::Bench(flags))
}
