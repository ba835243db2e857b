//! `codap demo`
use crate::{args, exit::Exit, interrupt::Interrupt, stop::Stop};
pub(crate) async fn run(args: args::Demo, interrupt: Interrupt) -> Result<Exit, Stop> { let _=(args,interrupt); Ok(Exit::Ok) }
