//! Steps that run while the others do: those that keep one core busy for minutes, and build into a
//! folder of their own.
//!
//! One after another, in the order in which they were handed over. What they print is kept until
//! they end, so that it does not come between the lines of the others.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::step::{Cargo, Failure};

#[derive(Debug)]
pub(crate) struct Lane {
    orders: Sender<(String, Cargo)>,
    ended: Receiver<Ended>,
    under_way: usize,
}

/// A step that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) took: Duration,
    pub(crate) printed: String,
    pub(crate) result: Result<(), Failure>,
}

impl Lane {
    pub(crate) fn open() -> Self {
        let (orders, handed_over) = channel::<(String, Cargo)>();
        let (tell, ended) = channel();
        thread::spawn(move || {
            for (name, command) in handed_over {
                let started = Instant::now();
                let (printed, result) = command.run_unseen();
                let took = started.elapsed();
                if tell.send(Ended { name, took, printed, result }).is_err() {
                    return; // nobody waits for them any more
                }
            }
        });
        Self { orders, ended, under_way: 0 }
    }

    pub(crate) fn hand_over(&mut self, name: &str, command: &Cargo) {
        // Its thread ends only with this half of the channel.
        let _ = self.orders.send((name.to_owned(), command.clone()));
        self.under_way += 1;
    }

    /// One that has ended by now.
    pub(crate) fn look(&mut self) -> Option<Ended> {
        let ended = self.ended.try_recv().ok()?;
        self.under_way -= 1;
        Some(ended)
    }

    /// Waits for the next one to end; `None` once all have.
    pub(crate) fn wait(&mut self) -> Option<Ended> {
        let ended = (self.under_way > 0).then(|| self.ended.recv().ok())??;
        self.under_way -= 1;
        Some(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_in_the_lane_is_told_with_what_it_printed() {
        let mut lane = Lane::open();
        lane.hand_over("good", &Cargo::new("--version"));
        lane.hand_over("bad", &Cargo::new("there-is-no-such-command"));
        let [good, bad] = [(); 2].map(|()| lane.wait().expect("it ends"));
        assert!(good.result.is_ok() && good.printed.starts_with("cargo "), "{good:?}");
        assert!(bad.result.is_err() && bad.printed.contains("no such command"), "{bad:?}");
        assert!(lane.wait().is_none() && lane.look().is_none());
    }
}
