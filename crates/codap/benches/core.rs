//! Benchmarks beside named peers.
fn main() {}
