//! `fetch`: when work is slow or fails.

// Where it runs: in no container, on every runtime.
mod anywhere;
// The deadline of the container, and what stands in for a value.
mod deadlines;
// What goes when it is over: panics, drops, the permit.
mod leaving;
// How often, and when, it is tried.
mod retries;

use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codap::Error;

use crate::clock::Clock;

/// The error of the n-th attempt.
#[derive(Debug, PartialEq, Eq)]
struct Oops(u64);

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oops {}", self.0)
    }
}

impl std::error::Error for Oops {}

/// Of which attempt an error is.
fn oops(error: &Error) -> Option<u64> {
    std::error::Error::source(error)?.downcast_ref::<Oops>().map(|oops| oops.0)
}

/// Within a microsecond: stamps are off by one nanosecond at times, and backoffs computed by floats
/// by some more.
fn rounded(time: Duration) -> Duration {
    let micros = (time + Duration::from_nanos(500)).as_micros();
    Duration::from_micros(u64::try_from(micros).unwrap())
}

/// At which milliseconds since it was made something happened.
#[derive(Clone)]
struct Log {
    clock: Clock,
    began: Duration,
    times: Arc<Mutex<Vec<u64>>>,
}

impl Log {
    fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), began: clock.elapsed(), times: Arc::default() }
    }

    /// Answers the how-manieth time it is, from 1.
    fn note(&self) -> u64 {
        let at = rounded(self.clock.elapsed() - self.began).as_millis();
        let mut times = self.times.lock().unwrap();
        times.push(u64::try_from(at).unwrap());
        times.len() as u64
    }

    fn times(&self) -> Vec<u64> {
        self.times.lock().unwrap().clone()
    }

    /// Attempts of which the first to succeed is the n-th.
    fn succeeds_at(&self, n: u64) -> impl FnMut() -> Ready<Result<u64, Oops>> + Send + use<> {
        let log = self.clone();
        move || {
            let nth = log.note();
            ready(if nth < n { Err(Oops(nth)) } else { Ok(nth) })
        }
    }

    fn always_fails(&self) -> impl FnMut() -> Ready<Result<u64, Oops>> + Send + use<> {
        self.succeeds_at(u64::MAX)
    }
}

/// The same delay again and again.
fn every(delay: Duration) -> impl Iterator<Item = Duration> + Send + 'static {
    std::iter::repeat(delay)
}
