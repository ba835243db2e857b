//! The core beside named peers: `cargo xtask bench core`, or `-- --help` for the flags.
//!
//! What is measured and by which rules: docs/benchmarks.md.

mod answer;
mod bout;
mod cases;
mod count;
mod flags;
mod goal;
mod in_time;
mod machine;
mod ours;
mod peers;
mod place;
mod report;
mod sleepers;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use bout::Effort;
use flags::{Flags, Task};
use report::{Progress, Row};

fn main() -> ExitCode {
    let done = flags::parse(std::env::args().skip(1)).and_then(|task| match task {
        Task::Say(text) => Ok(writeln!(io::stdout(), "{text}")?),
        Task::Sleepers(who) => Ok(writeln!(io::stdout(), "{}", sleepers::alone(&who)?)?),
        Task::Bench(flags) => bench(&flags),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench core: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(flags: &Flags) -> Result<(), Box<dyn Error>> {
    let mut rows = measure(flags)?;
    let counted = match rows.is_empty() || flags.only.is_empty() {
        true => count::rows().map(|mut counted| {
            counted.retain(|row| flags.wants(&row.name()));
            rows.append(&mut counted);
        }),
        false => Ok(()),
    };
    if rows.is_empty() {
        counted?;
        return Err(format!("nothing measured here is called {:?}", flags.only).into());
    }
    let path = report::save(&rows)?;
    let mut out = io::stdout().lock();
    if flags.markdown {
        writeln!(out, "{}\n\n{}", machine::describe(), report::markdown(&rows))?;
    } else {
        writeln!(out, "{}\n{}", report::text(&rows), report::summary(&rows, &path))?;
    }
    // What was timed is out by now.
    counted
}

fn measure(flags: &Flags) -> Result<Vec<Row>, Box<dyn Error>> {
    let effort = if flags.quick { Effort::QUICK } else { Effort::FULL };
    let mut cases = cases::all();
    cases.retain(|case| flags.wants(&case.to_string()));
    let progress = Progress::of(cases.len());
    let mut rows = Vec::new();
    for case in &cases {
        progress.step(case);
        rows.extend(case.measure(effort)?);
    }
    progress.done();
    rows.extend(in_time::rows(flags));
    Ok(rows)
}
