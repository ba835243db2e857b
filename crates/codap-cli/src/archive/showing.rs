//! How far an archive is, in one line: what is done, how fast, how long it will take, what failed,
//! and what it waits for.

use std::time::{Duration, Instant};

use codap_archive::{Progress, Waiting};

use super::works::Tally;
use crate::progress::{self, When};
use crate::size;

/// A rate is that of about the last seconds: each look counts this much of it.
const WEIGHT: f64 = 0.1;

pub(crate) struct Showing {
    bar: progress::Progress,
    last: Option<(Instant, Progress)>,
    /// Bytes and objects a second.
    bytes: f64,
    objects: f64,
}

/// What there is to do: known once the list has been read.
struct Total {
    objects: u64,
    bytes: Option<u64>,
}

impl Showing {
    pub(crate) fn start(when: When) -> Self {
        let bar = progress::Progress::of_text(when);
        Self { bar, last: None, bytes: 0.0, objects: 0.0 }
    }

    pub(crate) fn show(&mut self, progress: &Progress, tally: &Tally, failed: u64) {
        let now = Instant::now();
        if let Some((at, last)) = self.last.replace((now, *progress)) {
            let seconds = now.duration_since(at).as_secs_f64().max(0.001);
            let approach = |rate: &mut f64, more: u64| {
                let now = more as f64 / seconds;
                *rate += (now - *rate) * if *rate == 0.0 { 1.0 } else { WEIGHT };
            };
            approach(&mut self.bytes, progress.fetched_bytes.saturating_sub(last.fetched_bytes));
            approach(&mut self.objects, progress.written.saturating_sub(last.written));
        }
        let state = tally.lock();
        let (listed, has_ended) = (state.listed, state.ended.is_some());
        let total = has_ended.then_some(Total { objects: listed, bytes: state.listed_bytes });
        drop(state);
        self.bar.tell(self.line(progress, listed, total.as_ref(), failed));
    }

    fn line(&self, done: &Progress, listed: u64, total: Option<&Total>, failed: u64) -> String {
        let mut line = format!(
            "{} of {}{}, {}, {}/s",
            count(done.written),
            count(listed),
            if total.is_some() { "" } else { "+" },
            size::shown(done.written_bytes),
            size::shown(self.bytes as u64),
        );
        if let Some(left) = total.and_then(|total| self.left(done, total, failed)) {
            line.push_str(&format!(", {} left", clock(left)));
        }
        if failed > 0 {
            line.push_str(&format!(", {} failed", count(failed)));
        }
        line.push_str(match done.waiting {
            Waiting::Source => ", waits for sources",
            Waiting::Cpu => ", waits for the CPU",
            Waiting::Memory => ", waits for memory",
            Waiting::Disk => ", waits for the disk",
            _ => "",
        });
        line
    }

    /// By bytes where all are known, else by objects.
    fn left(&self, done: &Progress, total: &Total, failed: u64) -> Option<Duration> {
        let seconds = match total.bytes {
            Some(bytes) => bytes.saturating_sub(done.written_bytes) as f64 / self.bytes,
            None => total.objects.saturating_sub(done.written + failed) as f64 / self.objects,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// `1:05`, `2:00:00`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// With a comma between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_readable() {
        let counts = [0, 999, 1_000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        let times = [5, 65, 7_200].map(|it| clock(Duration::from_secs(it)));
        assert_eq!(times, ["0:05", "1:05", "2:00:00"]);
    }
}
