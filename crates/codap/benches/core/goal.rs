//! What the core is to reach: the goals that docs/benchmarks.md lists.

use std::fmt;

use crate::cases::{self, KV, KV_LIMIT, PUT_BLOCKING, RECORD, STAMP};
use crate::place::Place;
use crate::sleepers;

#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At most so many times what the peer takes.
    Ratio(f64),
    /// At most so much more than the peer takes.
    Gap(f64),
    /// At most so much, whatever the peer takes.
    Own(f64),
}

pub(crate) fn of(work: &str, n: u64, place: Place, peer: &str) -> Option<Goal> {
    let ratio = match (work, n, peer) {
        (KV, 10, cases::MAP) if place == Place::MultiTask => 1.4,
        (KV, 1_000, cases::MAP) if place.is_multi() => 1.3,
        (KV, 1_000, cases::JOIN_MAP) if place.is_multi() => 0.8,
        (KV, 100_000, cases::MAP) if place.is_multi() => 1.0,
        (KV, 100_000, cases::JOIN_MAP) if place.is_multi() => 0.65,
        (KV_LIMIT, 1_000.., cases::SEMAPHORE) if place.is_multi() => 1.3,
        (cases::FIRST_REPLY, 1_000.., cases::MPSC) if place.is_multi() => 1.2,
        (PUT_BLOCKING, 10, cases::SPAWN_BLOCKING) => 1.1,
        (PUT_BLOCKING, 1_000.., cases::SPAWN_BLOCKING) => 0.35,
        (RECORD, ..) => return Some(Goal::Gap(100.0)),
        (STAMP, ..) => return Some(Goal::Gap(20.0)),
        (sleepers::WORK, _, cases::SPAWN_BLOCKING) => return Some(Goal::Own(30.0)),
        _ => return None,
    };
    Some(Goal::Ratio(ratio))
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(most) => write!(f, "≤ {most} ×"),
            Self::Gap(most) => write!(f, "≤ + {most}"),
            Self::Own(most) => write!(f, "codap ≤ {most}"),
        }
    }
}
