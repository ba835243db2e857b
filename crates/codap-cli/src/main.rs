//! `codap`, the tool: fetch from many places at once.
//!
//! A verb is a file: [`get`] (by name), [`list`] (in order), [`race`] (the first that answers),
//! [`archive`] (as they come, into a file), [`demo`]. What they share, from the command line to the
//! data: [`args`] is what was typed, [`plan`], [`entry`], [`link`], [`header`] and [`policy`] are
//! what it means, [`fetch`] is the work of one entry and [`answer`] what it brings, [`output`],
//! [`say`], [`progress`] (on a [`screen`]) and [`report`] are where it goes, [`exit`], [`stop`] and
//! [`interrupt`] how it ends.

mod answer;
mod archive;
mod args;
mod completions;
mod deadline;
mod defaults;
mod demo;
mod duration;
mod entry;
mod exit;
mod failure;
mod fetch;
mod get;
mod header;
mod input;
mod interrupt;
mod json_text;
mod link;
mod list;
mod man;
mod output;
mod pieces;
mod plan;
mod policy;
mod progress;
mod race;
mod render;
mod report;
mod run;
mod say;
mod screen;
mod size;
mod sourcing;
mod stop;
mod timeline;
mod window;

use std::process::ExitCode;

use args::Verb;

fn main() -> ExitCode {
    let verb = match args::parse() {
        Ok(verb) => verb,
        Err(exit) => return exit.into(),
    };
    let ended = match verb {
        Verb::Get(args) => run::run(|interrupt| get::run(args, interrupt)),
        Verb::List(args) => run::run(|interrupt| list::run(args, interrupt)),
        Verb::Race(args) => run::run(|interrupt| race::run(args, interrupt)),
        Verb::Archive(args) => run::run(|interrupt| archive::run(args, interrupt)),
        Verb::Demo(args) => run::run(|interrupt| demo::run(args, interrupt)),
        Verb::Completions { shell } => completions::print(shell),
        Verb::Man { command } => man::print(command.as_deref()),
    };
    run::exit(ended).into()
}
