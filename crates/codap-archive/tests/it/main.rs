//! The integration tests, in one binary.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

// Bodies that wait for memory and for disk, all at once.
mod budget;
// Bodies that are not what they were to be; archives that are given up.
mod endings;
// Sizes and counts at which formats change.
mod edges;
// Every format as independent programs read it.
mod formats;
// Names that mean harm.
mod hostile;
// The programs that read archives.
mod readers;
// Going on after an interruption.
mod resume;
// What tests stand on: archives of given bodies, bounds on waits.
mod stage;
// The file that is replaced, and what is not replaced.
mod target;
