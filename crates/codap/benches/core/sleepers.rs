//! 200 functions that sleep, in a process whose threads are not started yet: does the pool grow
//! fast enough? Each run is this program once more, with a flag.

use std::error::Error;
use std::process::Command;

use crate::cases::{SMOL_UNBLOCK, SPAWN_BLOCKING};
use crate::ours;
use crate::peers;
use crate::place::Place;

pub(crate) const FLAG: &str = "--sleepers";
pub(crate) const WORK: &str = "200 functions sleep 10 ms, cold";
pub(crate) const N: u64 = 200;
pub(crate) const OURS: &str = "codap";
pub(crate) const PEERS: [&str; 2] = [SPAWN_BLOCKING, SMOL_UNBLOCK];

/// Milliseconds from the first put to the last reply.
pub(crate) fn alone(who: &str) -> Result<f64, Box<dyn Error>> {
    let (work, place): (crate::place::Work, _) = match who {
        OURS => (ours::sleepers, Place::MultiTask),
        SPAWN_BLOCKING => (peers::tokio::sleepers, Place::MultiTask),
        SMOL_UNBLOCK => (peers::smol::sleepers, Place::SmolTask),
        _ => return Err(format!("nobody called {who:?} sleeps here").into()),
    };
    Ok(place.time(work, N, 1).as_secs_f64() * 1e3)
}

pub(crate) fn in_fresh_process(who: &str) -> Result<f64, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?).args([FLAG, who]).output()?;
    let said = String::from_utf8(output.stdout)?;
    let milliseconds = said.trim().parse();
    Ok(milliseconds.map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?)
}
