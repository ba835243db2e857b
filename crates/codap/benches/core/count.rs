//! Allocations and bytes, from `benches/allocations`: a program of its own, since a counting
//! allocator would slow down what is timed here.

use std::error::Error;
use std::process::Command;

use crate::cases::MAP as FIRST;
use crate::goal::Goal;
use crate::report::Row;

pub(crate) fn rows() -> Result<Vec<Row>, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "--quiet", "-p", "codap", "--bench", "allocations"])
        .args(["--features", "tokio,smol", "--", "--json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let mut rows: Vec<Row> = serde_json::from_slice(&output.stdout)?;
    for row in &mut rows {
        row.goal = goal(row);
    }
    Ok(rows)
}

fn goal(row: &Row) -> Option<Goal> {
    match (row.work.as_str(), row.n, row.peer.as_str()) {
        // One, and the arena's part.
        (
            "Kv put + get, allocations",
            1_000..,
            FIRST | "HashMap of smol Task" | "rayon + channel",
        ) => Some(Goal::Own(1.1)),
        ("Kv all pending, bytes", _, FIRST) => Some(Goal::Own(260.0)),
        ("Kv all finished, bytes", _, FIRST) => Some(Goal::Own(100.0)),
        _ => None,
    }
}
