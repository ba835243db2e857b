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
    /// Rounds of works that are done within a lap, and of longer ones.
    rounds: (usize, usize),
    /// What one turn of one contestant lasts at least.
    lap: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: (31, 11), lap: Duration::from_millis(8) };
    pub(crate) const QUICK: Self = Self { rounds: (5, 3), lap: Duration::from_millis(4) };
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
        let long = contestants.iter().any(|contestant| contestant.times == 1);
        let rounds = if long { effort.rounds.1 } else { effort.rounds.0 };
        for round in 0..rounds {
            for turn in 0..contestants.len() {
                // Another one begins each time: none always follows the same neighbour's noise.
                let at = (round + turn) % contestants.len();
                contestants[at].turn(self)?;
            }
        }
        let ours = &contestants[0].samples;
        let peers = self.peers.iter().zip(&contestants[1..]);
        Ok(peers.map(|((name, _), peer)| self.row(name, ours, &peer.samples)).collect())
    }

    fn row(&self, peer: &'static str, ours: &[f64], theirs: &[f64]) -> Row {
        let rounds = || ours.iter().zip(theirs);
        let goal = goal::of(self.work, self.n, self.place, peer);
        let reached = match goal {
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
            gap: reached,
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
    samples: Vec<f64>,
}

impl Contestant {
    /// Warms up, and finds how often the work fits into a lap.
    fn new(run: Run, case: &Case, effort: Effort) -> Result<Self, Box<dyn Error>> {
        let mut times = 1;
        if let Run::Here(work) = run {
            loop {
                let took = case.place.time(work, case.n, times);
                if took >= effort.lap / 2 {
                    times = fitting(times, took, effort.lap);
                    break;
                }
                times = times.saturating_mul(2);
            }
        }
        Ok(Self { run, times, samples: Vec::new() })
    }

    fn turn(&mut self, case: &Case) -> Result<(), Box<dyn Error>> {
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

fn fitting(times: u32, took: Duration, lap: Duration) -> u32 {
    let fit = f64::from(times) * lap.as_secs_f64() / took.as_secs_f64();
    (fit.round() as u32).max(1)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[low], values[high])
}
