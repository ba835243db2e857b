//! The same question to several replicas: the fastest good answer counts, the losers are stopped.
//!
//! ```sh
//! cargo run -p codap --example first_reply
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::{Duration, Instant};

use codap::FirstReply;
use tokio::time::sleep;

/// A connection, which tells how long it was open.
struct Connection(&'static str, Instant);

impl Drop for Connection {
    fn drop(&mut self) {
        println!("   (connection to {} closed after {:.0?})", self.0, self.1.elapsed());
    }
}

async fn ask(replica: &'static str, millis: u64) -> Result<String, &'static str> {
    let _connection = Connection(replica, Instant::now());
    sleep(Duration::from_millis(millis)).await;
    match replica {
        "oslo" => Err("connection refused"),
        _ => Ok(format!("42, says {replica}")),
    }
}

#[tokio::main]
async fn main() -> Result<(), codap::Errors> {
    let start = Instant::now();
    let race = FirstReply::<String>::new();
    for (replica, millis) in [("lima", 5_000), ("oslo", 1), ("turin", 20), ("kyoto", 9_000)] {
        race.push(ask(replica, millis));
    }

    // A failure is a reply too, so the first one to arrive is not the winner.
    println!("first to arrive: {}", race.get(0).await.expect_err("oslo refuses"));

    let (which, answer) = race.first_ok().await?;
    println!("first success: {answer} (push {which}), after {:.0?}", start.elapsed());

    // The rest was cancelled, and every entry tells how it ended.
    for (which, reply) in race.join().await {
        let text = reply.map_or_else(|error| error.to_string(), String::clone);
        println!("   push {which}: {text}");
    }
    race.shutdown().await; // Returns when all work is gone.
    Ok(())
}
