//! Manual pages, in the form that `man -l -` reads.

use clap::CommandFactory as _;

use crate::args::Args;
use crate::exit::Exit;
use crate::output;
use crate::stop::Stop;
use codap::redact;

/// The page of the tool, or of one of its commands.
pub(crate) fn print(command: Option<&str>) -> Result<Exit, Stop> {
    let mut tool = Args::command();
    tool.build();
    let page = match command {
        None => tool,
        Some(name) => {
            let found = tool.find_subcommand(name).cloned();
            found.ok_or_else(|| {
                let names: Vec<_> = tool.get_subcommands().map(clap::Command::get_name).collect();
                let (name, names) = (redact(name), names.join(", "));
                Stop::usage(format!("there is no command {name}; there are {names}"))
            })?
        }
    };
    // The names of a page of a command are those of "codap-get", and its usage says "codap get".
    let name = page.get_display_name().unwrap_or("codap").to_owned();
    let mut text = Vec::new();
    clap_mangen::Man::new(page.name(name))
        .render(&mut text)
        .map_err(|error| Stop::fatal(format!("cannot write the page: {error}")))?;
    output::print(&text)?;
    Ok(Exit::Ok)
}
