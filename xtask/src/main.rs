//! Tests, gates, benchmarks and nightly runs of codap.
fn main() {}
