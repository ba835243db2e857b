//! When work is slow or fails: timeouts, retries, defaults, and a page that is due at an instant.
//!
//! ```sh
//! cargo run -p codap --example fetch
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::future::{pending, ready};
use std::io::{Error, ErrorKind};
use std::time::{Duration, Instant};

use codap::{Kv, fetch};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn hang() -> Result<String, Error> {
    pending().await
}

#[tokio::main]
async fn main() {
    let page = Kv::<&str, String>::new();

    // Two failures, then an answer: only what may be done twice is to be retried.
    let mut attempts = 0;
    let flaky = fetch(move || {
        attempts += 1;
        let answer = format!("at attempt {attempts}");
        ready(if attempts < 3 { Err(ErrorKind::ConnectionReset.into()) } else { Ok(answer) })
    });
    let retryable = |error: &Error| error.kind() == ErrorKind::ConnectionReset;
    page.put("flaky", flaky.retry([ms(5), ms(10), ms(20)]).jitter().retry_if(retryable));

    // Each attempt has 20 ms; after the second there is no third.
    page.put("slow", fetch(hang).timeout(ms(20)).retry([ms(5)]));

    // Better something than nothing.
    page.put("news", fetch(hang).timeout(ms(20)).or("no news".into()));

    // Nothing is retried, timed or defaulted unless asked for.
    page.put("plain", async { Err(Error::other("no such table")) });
    page.put("stuck", hang());
    drop(page.slot("promised"));

    let page = page.finish_by(Instant::now() + ms(150)).await;
    for (key, value) in page.values() {
        println!("{key}: {value}");
    }
    println!("-- and without a value:");
    for missing in page.missing() {
        println!("{missing}");
    }
}
