//! What was measured, as text, as markdown and as JSON.

use std::env;
use std::error::Error;
use std::fmt::{Display, Write as _};
use std::fs;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::goal::Goal;

/// Codap beside one peer. The ratio is the median of the ratios of the rounds, which is not that
/// of the medians.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) n: u64,
    pub(crate) runtime: String,
    pub(crate) peer: String,
    pub(crate) codap: f64,
    pub(crate) other: f64,
    pub(crate) unit: String,
    pub(crate) ratio: f64,
    /// What codap takes more, as the median of the rounds, where that is the goal.
    #[serde(skip)]
    pub(crate) gap: Option<f64>,
    #[serde(skip)]
    pub(crate) goal: Option<Goal>,
}

impl Row {
    pub(crate) fn name(&self) -> String {
        format!("{}, n={}, {}", self.work, self.n, self.runtime)
    }

    fn verdict(&self) -> Option<bool> {
        Some(match self.goal? {
            Goal::Ratio(most) => self.ratio <= most,
            Goal::Gap(most) => self.gap? <= most,
            Goal::Own(most) => self.codap <= most,
        })
    }

    fn cells(&self) -> [String; 9] {
        let goal = self.goal.zip(self.verdict()).map(|(goal, reached)| {
            let gap = self.gap.map(|gap| format!(" (+ {})", figure(gap))).unwrap_or_default();
            format!("{} {goal}{gap}", if reached { '✓' } else { '✗' })
        });
        [
            self.work.clone(),
            self.n.to_string(),
            self.runtime.clone(),
            self.peer.clone(),
            figure(self.codap),
            figure(self.other),
            self.unit.clone(),
            format!("{:.2}", self.ratio),
            goal.unwrap_or_default(),
        ]
    }
}

const HEAD: [&str; 9] =
    ["work", "n", "runtime, caller", "peer", "codap", "peer", "unit", "ratio", "goal"];

/// Columns of figures stand to the right.
const FIGURES: [bool; 9] = [false, true, false, false, true, true, false, true, false];

/// Three digits are as many as repeat.
fn figure(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(crate) fn text(rows: &[Row]) -> String {
    let table = table(rows);
    let widths = widths(&table);
    let mut text = String::new();
    for line in &table {
        let padded = padded(line, &widths);
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut table = table(rows);
    let rule = FIGURES.map(|figures| if figures { "--:" } else { "---" }.to_owned());
    table.insert(1, rule);
    let widths = widths(&table);
    let lines = table.iter().map(|line| format!("| {} |", padded(line, &widths).join(" | ")));
    lines.collect::<Vec<_>>().join("\n")
}

fn table(rows: &[Row]) -> Vec<[String; 9]> {
    std::iter::once(HEAD.map(str::to_owned)).chain(rows.iter().map(Row::cells)).collect()
}

fn widths(table: &[[String; 9]]) -> [usize; 9] {
    std::array::from_fn(|column| {
        table.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
    })
}

fn padded(line: &[String; 9], widths: &[usize; 9]) -> [String; 9] {
    std::array::from_fn(|column| {
        let (cell, width) = (&line[column], widths[column]);
        if FIGURES[column] { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
    })
}

/// How many goals are reached, which are not, and where the figures are.
pub(crate) fn summary(rows: &[Row], path: &Path) -> String {
    let goals: Vec<(&Row, bool)> =
        rows.iter().filter_map(|row| Some((row, row.verdict()?))).collect();
    let reached = goals.iter().filter(|(_, reached)| *reached).count();
    let mut text = format!("{reached} of {} goals reached", goals.len());
    for (row, _) in goals.iter().filter(|(_, reached)| !reached) {
        let [work, n, runtime, peer, codap, _, unit, ratio, goal] = row.cells();
        let _ = write!(text, "\n{work}, n={n}, {runtime}, beside {peer}: ");
        let _ = write!(text, "{codap} {unit}, ratio {ratio}, {goal}");
    }
    format!("{text}\n{}", path.display())
}

/// Writes `bench/core.json` into the target directory.
pub(crate) fn save(rows: &[Row]) -> Result<PathBuf, Box<dyn Error>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = match env::var_os("CARGO_TARGET_DIR") {
        // Cargo starts benchmarks in the folder of their package, and takes a relative path as
        // from where it was started itself: most likely the workspace.
        Some(path) => workspace.join(path),
        None => workspace.join("target"),
    };
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.canonicalize()?.join("core.json");
    fs::write(&path, serde_json::to_string_pretty(rows)? + "\n")?;
    Ok(path)
}

/// One line on a terminal that says what is being measured.
pub(crate) struct Progress {
    steps: Option<usize>,
    done: std::cell::Cell<usize>,
}

impl Progress {
    pub(crate) fn of(steps: usize) -> Self {
        let steps = io::stderr().is_terminal().then_some(steps);
        Self { steps, done: Default::default() }
    }

    pub(crate) fn step(&self, what: &impl Display) {
        if let Some(steps) = self.steps {
            self.done.set(self.done.get() + 1);
            let _ = write!(io::stderr(), "\r\x1b[K{}/{steps} {what}", self.done.get());
        }
    }

    pub(crate) fn done(&self) {
        if self.steps.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
