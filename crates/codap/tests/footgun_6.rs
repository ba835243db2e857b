//! Elsewhere: finished tasks that nobody has taken yet keep 305 bytes each. A binary of its own,
//! since it counts what the allocator gives out.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "it/crew.rs"]
mod crew;
#[path = "it/leaks.rs"]
#[expect(dead_code, reason = "drops are counted by the allocator here")]
mod leaks;
#[path = "it/stage.rs"]
#[expect(dead_code, reason = "a part of it is enough here")]
mod stage;
#[path = "it/watched.rs"]
#[expect(dead_code, reason = "a part of it is enough here")]
mod watched;

use std::alloc::System;
use std::time::{Duration, Instant};

use codap::Kv;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use watched::{On, report, watched};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

const ENTRIES: u64 = 25_000;

async fn finished(on: On) -> Kv<u64, u64> {
    let kv = on.build(Kv::builder());
    for n in 0..ENTRIES {
        kv.put(n, async move { n });
    }
    for n in 0..ENTRIES {
        assert_eq!(*kv.get(&n).await.unwrap(), n);
    }
    kv
}

#[test]
fn no_6_a_finished_entry_keeps_at_most_100_bytes() {
    watched(Duration::from_secs(60), |doing| {
        for on in On::all() {
            doing.step(on);
            on.run(async {
                // What runtime, pool and queue need is there before the count begins.
                drop(finished(on).await);
                on.spawn(async {}).await;
                let before = held();
                let _kv = finished(on).await;
                // The last tasks may still be on their way out of the executor.
                let mut each = f64::INFINITY;
                let until = Instant::now() + Duration::from_secs(10);
                while each > 100.0 && Instant::now() < until {
                    on.spawn(async {}).await;
                    each = held().saturating_sub(before) as f64 / ENTRIES as f64;
                }
                report(format_args!("{each:.1} bytes for each finished entry on {on:?}"));
                assert!(each <= 100.0, "{each:.1} bytes for each finished entry on {on:?}");
                let all = "a key, a value and a state were not counted";
                assert!(each >= 24.0, "{each:.1} on {on:?}: {all}");
            });
        }
    });
}
