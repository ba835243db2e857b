//! Counts allocations and bytes for each entry. `cargo xtask bench core` starts it; on its own it
//! prints the rows as JSON.
//!
//! The counting allocator sees every thread of the process. It has a program of its own, since it
//! slows down what it counts.

mod hold;
mod turnover;

use std::alloc::System;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Codap beside one peer, as in target/bench/core.json.
#[derive(Serialize)]
struct Row {
    work: &'static str,
    n: u64,
    runtime: &'static str,
    peer: &'static str,
    codap: f64,
    other: f64,
    unit: &'static str,
    ratio: f64,
}

fn main() -> ExitCode {
    if !std::env::args().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    let rows: Vec<Row> = turnover::rows().into_iter().chain(hold::rows()).collect();
    let text = serde_json::to_string_pretty(&rows).expect("rows are plain data");
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Allocations so far, on all threads.
fn allocations() -> usize {
    let stats = HEAP.stats();
    stats.allocations + stats.reallocations
}

/// Bytes in use, on all threads.
fn bytes() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}
