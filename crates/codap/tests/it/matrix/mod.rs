//! Everything that can happen to one entry, in every combination: which shape, which runtime, what
//! kind of work, where it panics, how it ends, when it is cancelled, when its owner goes, who reads.
//!
//! Whatever the combination: the process lives, the entry ends exactly once and as it should,
//! readers are answered, the work, the value and the key are each dropped once, and the permits
//! are whole afterwards. `CODAP_CASE=n` replays one combination.

mod case;
mod ledger;
mod play;
mod script;
mod shapes;

use std::time::{Duration, Instant};

use crate::watched::{Doing, On, number, report, watched};
use case::{Case, Shape};
use play::play;

/// Number, runtime, and combination.
type Step = (usize, On, Case);

fn every_combination(on: On) {
    watched(Duration::from_secs(30), move |doing: &Doing<Step>| {
        let only = number("CODAP_CASE");
        let mut cases: Vec<_> = Shape::ALL.iter().flat_map(|&shape| Case::all(shape)).collect();
        let (count, started) = (cases.len(), Instant::now());
        assert!(count >= 1_000, "only {count} combinations");
        if let Some(only) = only {
            cases = vec![cases[usize::try_from(only).expect("a case has a small number")]];
        }
        on.run(async {
            for (number, &case) in cases.iter().enumerate() {
                doing.step((number, on, case));
                play(case, on).await;
            }
        });
        report(format_args!("{count} combinations on {on:?}: {:.1?}", started.elapsed()));
    });
}

#[cfg(feature = "tokio")]
#[test]
fn every_combination_of_panic_cancel_and_drop_on_tokio_multi_thread() {
    every_combination(On::TokioMulti);
}

#[cfg(feature = "tokio")]
#[test]
fn every_combination_of_panic_cancel_and_drop_on_tokio_current_thread() {
    every_combination(On::TokioCurrent);
}

#[cfg(feature = "smol")]
#[test]
fn every_combination_of_panic_cancel_and_drop_on_smol() {
    every_combination(On::Smol);
}

#[test]
fn every_combination_of_panic_cancel_and_drop_on_threads() {
    every_combination(On::Threads);
}

#[test]
fn every_combination_of_panic_cancel_and_drop_on_a_custom_runtime() {
    every_combination(On::Custom);
}
