//! A sorted list from a search index, each hit completed by a lookup of its own, in order.
//!
//! ```sh
//! cargo run -p codap --example enrich
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codap::Ordered;

/// A store in which each lookup takes a while, and some take longer than others.
struct Store(HashMap<&'static str, u32>);

impl Store {
    async fn height_of(&self, peak: &str) -> Result<u32, String> {
        tokio::time::sleep(Duration::from_millis(10 * (peak.len() as u64 % 4))).await;
        self.0.get(peak).copied().ok_or_else(|| format!("no row for {peak:?}"))
    }
}

#[tokio::main]
async fn main() {
    let store = Arc::new(Store(HashMap::from([
        ("Everest", 8849),
        ("K2", 8611),
        ("Kangchenjunga", 8586),
        ("Makalu", 8485),
        ("Cho Oyu", 8188),
    ])));
    // The order is the index's and is to stay, however fast the single lookups are.
    let hits = ["Everest", "K2", "Kangchenjunga", "Lhotse", "Makalu", "Cho Oyu"];

    let start = Instant::now();
    let heights = Ordered::<u32>::builder().limit(4).build();
    for peak in hits {
        heights.push_with(store.clone(), move |store| async move { store.height_of(peak).await });
    }
    for (&at, height) in heights.iter() {
        match height.await {
            Ok(metres) => println!("{}. {:<14} {metres} m", at + 1, hits[at]),
            // The others do not notice.
            Err(error) => println!("{}. {:<14} - ({error})", at + 1, hits[at]),
        }
    }
    println!("-- {} lookups, 4 at a time, after {:.0?}", heights.len(), start.elapsed());
}
