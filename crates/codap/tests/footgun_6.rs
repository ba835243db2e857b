//! Elsewhere: finished tasks that nobody has taken yet keep 305 bytes each. A binary of its own,
//! since it counts what the allocator gives out.

use std::alloc::System;

use codap::{Kv, Threads};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

#[test]
fn no_6_a_finished_entry_keeps_at_most_100_bytes() {
    const ENTRIES: u64 = 100_000;
    // What threads, pool and queue need is there before the count begins.
    let warm = Kv::<u64, u64>::on(&Threads);
    for n in 0..ENTRIES {
        warm.put(n, async move { n });
    }
    (0..ENTRIES).for_each(|n| assert_eq!(warm[&n], n));
    drop(warm);

    let before = held();
    let kv = Kv::<u64, u64>::on(&Threads);
    for n in 0..ENTRIES {
        kv.put(n, async move { n });
    }
    (0..ENTRIES).for_each(|n| assert_eq!(kv[&n], n));
    // The last tasks may still be on their way out of the executor.
    let mut each = f64::INFINITY;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while each > 100.0 && std::time::Instant::now() < until {
        std::thread::yield_now();
        each = (held() - before) as f64 / ENTRIES as f64;
    }
    println!("{each:.1} bytes for each finished entry");
    assert!(each <= 100.0, "{each:.1} bytes for each finished entry");
    assert!(each >= 24.0, "{each:.1}: a key, a value and a state were not counted");
}
