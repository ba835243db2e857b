//! How long something lasts, as a distribution.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::millis;

/// How long a reply or a stall lasts: drawn anew for each request from the script's seed.
///
/// In a script file durations are milliseconds: `{ constant = 20 }`,
/// `{ uniform = { min = 1, max = 20 } }`, `{ lognormal = { median = 20, sigma = 1.2 } }`,
/// `{ pareto = { min = 5, shape = 1.3 } }`. The clock ticks in milliseconds: a wait is at most one
/// longer than drawn, and never shorter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Constant(#[serde(with = "millis")] Duration),
    /// Anything from `min` to `max`, all alike.
    Uniform {
        /// The shortest.
        #[serde(with = "millis")]
        min: Duration,
        /// The longest.
        #[serde(with = "millis")]
        max: Duration,
    },
    /// As most services: many near the median, few long ones. `sigma` 1.2 makes the slowest
    /// hundredth take 16 times the median.
    #[serde(rename = "lognormal")]
    LogNormal {
        /// Half of all are shorter.
        #[serde(with = "millis")]
        median: Duration,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// A heavy tail: nothing below `min`, and the slowest are without bound (an hour, here).
    Pareto {
        /// The shortest.
        #[serde(with = "millis")]
        min: Duration,
        /// The smaller, the heavier the tail; from 1 downward there is no mean.
        shape: f64,
    },
}

/// Where a tail without bound ends.
const LONGEST: f64 = 3600.0;

impl Latency {
    pub(crate) fn draw(&self, mut draw: Draw) -> Duration {
        let seconds = match self {
            Self::Constant(always) => return *always,
            Self::Uniform { min, max } => {
                min.as_secs_f64() + draw.unit() * max.saturating_sub(*min).as_secs_f64()
            }
            Self::LogNormal { median, sigma } => {
                median.as_secs_f64() * (sigma * draw.normal()).exp()
            }
            Self::Pareto { min, shape } => {
                min.as_secs_f64() * (1.0 - draw.unit()).powf(-1.0 / shape)
            }
        };
        Duration::try_from_secs_f64(seconds.min(LONGEST)).unwrap_or_default()
    }

    /// What makes no sense in it.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Uniform { min, max } if min > max => Err("`min` is above `max`".into()),
            Self::LogNormal { sigma, .. } if !(*sigma >= 0.0 && sigma.is_finite()) => {
                Err(format!("`sigma` is {sigma}, it must be 0 or more"))
            }
            Self::Pareto { shape, .. } if !(*shape > 0.0 && shape.is_finite()) => {
                Err(format!("`shape` is {shape}, it must be above 0"))
            }
            _ => Ok(()),
        }
    }
}

impl From<Duration> for Latency {
    fn from(always: Duration) -> Self {
        Self::Constant(always)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(latency: &Latency) -> Vec<f64> {
        let draw = |nth| latency.draw(Draw::new(3, "/", nth)).as_secs_f64() * 1e3;
        let mut all: Vec<f64> = (0..20_000).map(draw).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn distributions_have_their_shape() {
        let ms = Duration::from_millis;
        let uniform = sorted(&Latency::Uniform { min: ms(10), max: ms(30) });
        assert!((10.0..10.1).contains(&uniform[0]), "{}", uniform[0]);
        assert!((29.9..=30.0).contains(&uniform[19_999]), "{}", uniform[19_999]);
        assert!((19.5..20.5).contains(&uniform[10_000]), "{}", uniform[10_000]);

        let lognormal = sorted(&Latency::LogNormal { median: ms(20), sigma: 1.2 });
        assert!((19.0..21.0).contains(&lognormal[10_000]), "{}", lognormal[10_000]);
        // The 99th percentile is the median times exp(1.2 * 2.326), 16.3.
        assert!((280.0..380.0).contains(&lognormal[19_800]), "{}", lognormal[19_800]);

        let pareto = sorted(&Latency::Pareto { min: ms(5), shape: 1.3 });
        assert!(pareto[0] >= 5.0 && pareto[19_999] < 3_600_001.0);
        // The 99th percentile is the minimum times 100 to the power of 1/1.3, 34.6.
        assert!((150.0..200.0).contains(&pareto[19_800]), "{}", pareto[19_800]);
    }

    #[test]
    fn nonsense_is_told() {
        let ms = Duration::from_millis;
        for bad in [
            Latency::Uniform { min: ms(2), max: ms(1) },
            Latency::LogNormal { median: ms(1), sigma: f64::NAN },
            Latency::Pareto { min: ms(1), shape: 0.0 },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        assert!(Latency::from(ms(1)).check().is_ok());
    }
}
