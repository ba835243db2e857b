//! Chance that repeats: every draw follows from the script's seed, the request's target and how
//! often that target has been asked for, and from nothing else. So two runs of the same requests
//! meet the same faults, in whatever order the requests arrive.

/// The generator of one request, or of one purpose of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64, target: &str, nth: u64) -> Self {
        Self(mix(seed ^ mix(hash(target) ^ mix(nth))))
    }

    /// A generator for one purpose: what it yields does not depend on what else is drawn.
    pub(crate) fn of(self, purpose: u64) -> Self {
        Self(mix(self.0 ^ mix(purpose.wrapping_add(1))))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// At least 0 and below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `bound`; 0 if that is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// Standard normal, after Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The output function of SplitMix64: near inputs give far outputs.
pub(crate) fn mix(of: u64) -> u64 {
    let of = (of ^ (of >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let of = (of ^ (of >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    of ^ (of >> 31)
}

/// The `index`th output of a SplitMix64 that starts at `seed`.
pub(crate) fn word(seed: u64, index: u64) -> u64 {
    mix(seed.wrapping_add(GAMMA.wrapping_mul(index.wrapping_add(1))))
}

/// FNV-1a. The standard library's hashers may change from one release to the next.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_seed_target_nth_and_purpose() {
        let draw = |seed, target, nth, purpose| Draw::new(seed, target, nth).of(purpose).next();
        let first = draw(1, "/a", 1, 0);
        assert_eq!(first, draw(1, "/a", 1, 0));
        for other in [draw(2, "/a", 1, 0), draw(1, "/b", 1, 0), draw(1, "/a", 2, 0)] {
            assert_ne!(first, other);
        }
        assert_ne!(first, draw(1, "/a", 1, 1));
    }

    #[test]
    fn draws_are_spread_evenly() {
        let mut draw = Draw::new(7, "/", 1);
        let mean = (0..10_000).map(|_| draw.unit()).sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
        let normal: Vec<f64> = (0..10_000).map(|_| draw.normal()).collect();
        let mean = normal.iter().sum::<f64>() / 10_000.0;
        let spread = normal.iter().map(|x| x * x).sum::<f64>() / 10_000.0;
        assert!(mean.abs() < 0.05 && (0.9..1.1).contains(&spread), "{mean} {spread}");
        assert!((0..1000).all(|_| draw.below(3) < 3) && draw.below(0) == 0);
    }

    #[test]
    fn words_are_those_of_splitmix64() {
        // The first outputs for the seed 1234567, as the generator's authors publish them.
        assert_eq!(word(1_234_567, 0), 6_457_827_717_110_365_317);
        assert_eq!(word(1_234_567, 1), 3_203_168_211_198_807_973);
    }
}
