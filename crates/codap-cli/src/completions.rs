//! Completions for shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;
use crate::exit::Exit;
use crate::output;
use crate::stop::Stop;

pub(crate) fn print(shell: Shell) -> Result<Exit, Stop> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "codap", &mut text);
    output::print(&text)?;
    Ok(Exit::Ok)
}
