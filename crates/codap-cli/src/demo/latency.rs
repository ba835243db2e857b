//! How long a store takes to answer: drawn from its seed and what is asked for, so that the same
//! question always takes the same time.

use std::time::Duration;

/// A log-normal latency: half of the answers take less than the median, few take much more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latency {
    pub(super) median: Duration,
    /// The standard deviation of its logarithm.
    pub(super) spread: f64,
}

impl Latency {
    pub(super) fn of(self, seed: u64, target: &str) -> Duration {
        let mut draw = Draw::new(seed, target);
        // Twelve uniform draws have a variance of one, and nearly a normal distribution.
        let normal = (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0;
        self.median.mul_f64((self.spread * normal).exp())
    }
}

/// Numbers by chance, from a seed and a text: SplitMix64.
#[derive(Debug)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64, text: &str) -> Self {
        let mixed = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Self(text.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, mixed))
    }

    /// Between 0 and 1.
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_takes_the_same_time() {
        let latency = Latency { median: Duration::from_millis(50), spread: 0.4 };
        assert_eq!(latency.of(1, "/a"), latency.of(1, "/a"));
        assert_ne!(latency.of(1, "/a"), latency.of(2, "/a"));
        let mut all: Vec<Duration> = (0..999).map(|n| latency.of(1, &format!("/{n}"))).collect();
        all.sort();
        let median = all[499].as_secs_f64() * 1000.0;
        assert!((45.0..55.0).contains(&median), "{median}");
        assert!(all[998] < Duration::from_millis(250) && all[0] > Duration::from_millis(10));
    }
}
