//! Codap and its peers at the same work, in turns.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::goal::{self, Goal};
use crate::place::{Place, Work};
use crate::report::Row;
use crate::sleepers;

/// How much time to spend.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// What one turn lasts, unless the work is longer: short, so that on a machine with other
    /// things to do most turns are not interrupted.
    turn: Duration,
    /// What one case may last, within the bounds of `rounds`.
    case: Duration,
    rounds: (usize, usize),
    /// How many are enough where one lasts longer than all of a case may.
    long_rounds: usize,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        turn: Duration::from_micros(1_500),
        case: Duration::from_millis(1_000),
        rounds: (11, 101),
        long_rounds: 5,
    };
    pub(crate) const QUICK: Self = Self {
        turn: Duration::from_micros(1_000),
        case: Duration::from_millis(150),
        rounds: (3, 31),
        long_rounds: 2,
    };

    /// How many rounds of so long a time.
    fn rounds(self, round: Duration) -> usize {
        if round > self.case {
            return self.long_rounds;
        }
        let fit = self.case.as_nanos() / round.as_nanos().max(1);
        usize::try_from(fit).unwrap_or(usize::MAX).clamp(self.rounds.0, self.rounds.1)
    }
}

#[derive(Clone, Copy)]
enum Run {
    /// In this process; nanoseconds for each entry.
    Here(Work),
    /// In a process of its own each time, named there; milliseconds in all.
    Alone(&'static str),
}

/// One work, the place where it is done, and who does it: codap, then its peers.
pub(crate) struct Case {
    work: &'static str,
    n: u64,
    place: Place,
    ours: Run,
    peers: Vec<(&'static str, Run)>,
}

impl Case {
    pub(crate) fn new(work: &'static str, n: u64, place: Place, ours: Work) -> Self {
        Self { work, n, place, ours: Run::Here(ours), peers: Vec::new() }
    }

    pub(crate) fn beside(mut self, peer: &'static str, work: Work) -> Self {
        self.peers.push((peer, Run::Here(work)));
        self
    }

    /// 200 functions that sleep, each time in a process whose threads are not started yet.
    pub(crate) fn sleepers() -> Self {
        let peers = sleepers::PEERS.map(|peer| (peer, Run::Alone(peer))).to_vec();
        let ours = Run::Alone(sleepers::OURS);
        Self { work: sleepers::WORK, n: sleepers::N, place: Place::MultiTask, ours, peers }
    }

    pub(crate) fn measure(&self, effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
        let all = std::iter::once(self.ours).chain(self.peers.iter().map(|&(_, run)| run));
        let mut contestants = Vec::new();
        for run in all {
            contestants.push(Contestant::new(run, self, effort)?);
        }
        let all_turns = contestants.iter().map(|contestant| contestant.turn).sum();
        for round in 0..effort.rounds(all_turns) {
            for turn in 0..contestants.len() {
                // Another one begins each time: none always follows the same neighbour's noise.
                let at = (round + turn) % contestants.len();
                contestants[at].take_turn(self)?;
            }
        }
        let ours = &contestants[0].samples;
        let peers = self.peers.iter().zip(&contestants[1..]);
        Ok(peers.map(|((name, _), peer)| self.row(name, ours, &peer.samples)).collect())
    }

    fn row(&self, peer: &'static str, ours: &[f64], theirs: &[f64]) -> Row {
        let rounds = || ours.iter().zip(theirs);
        let goal = goal::of(self.work, self.n, self.place, peer);
        let gap = match goal {
            Some(Goal::Gap(_)) => Some(median(rounds().map(|(a, b)| a - b))),
            _ => None,
        };
        Row {
            work: self.work.to_owned(),
            n: self.n,
            runtime: self.place.to_string(),
            peer: peer.to_owned(),
            codap: median(ours.iter().copied()),
            other: median(theirs.iter().copied()),
            unit: match self.ours {
                Run::Here(_) => "ns/entry",
                Run::Alone(_) => "ms",
            }
            .to_owned(),
            ratio: median(rounds().map(|(a, b)| a / b)),
            gap,
            goal,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, n={}, {}", self.work, self.n, self.place)
    }
}

struct Contestant {
    run: Run,
    /// How often the work is done in one turn.
    times: u32,
    /// How long a turn takes without interruption.
    turn: Duration,
    samples: Vec<f64>,
}

impl Contestant {
    /// Warms up, and finds how often the work fits into a turn.
    fn new(run: Run, case: &Case, effort: Effort) -> Result<Self, Box<dyn Error>> {
        let (mut times, mut turn) = (1, Duration::from_millis(30));
        if let Run::Here(work) = run {
            loop {
                turn = case.place.time(work, case.n, times);
                if turn < effort.turn * 10 {
                    // It may have been a start, or an interruption.
                    turn = turn.min(case.place.time(work, case.n, times));
                }
                if turn >= effort.turn / 2 {
                    break;
                }
                times = times.saturating_mul(2);
            }
        }
        Ok(Self { run, times, turn, samples: Vec::new() })
    }

    fn take_turn(&mut self, case: &Case) -> Result<(), Box<dyn Error>> {
        self.samples.push(match self.run {
            Run::Here(work) => {
                let took = case.place.time(work, case.n, self.times);
                took.as_secs_f64() * 1e9 / (case.n as f64 * f64::from(self.times))
            }
            Run::Alone(name) => sleepers::in_fresh_process(name)?,
        });
        Ok(())
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[low], values[high])
}
