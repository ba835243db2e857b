//! The program as a user has it: run as a process, judged by its output, its exit code, and what
//! the servers that it asked have counted.

// Each verb.
#[cfg(unix)]
mod archive;
mod get;
mod list;
mod race;
// What they share.
mod defaults;
mod endings;
mod headers;
mod limits;
mod links;
mod plan;
mod report;
mod secrets;
mod template;
// The rest.
mod demo;
mod help;
mod pages;
#[cfg(target_os = "linux")]
mod terminal;
mod tool;
