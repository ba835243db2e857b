//! The integration tests, in one binary.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

// Tests that need a process of their own.
mod child;
// Circles of waits that lead through an arrival.
mod circles;
// A runtime whose time is the test's.
mod clock;
// The conformance suite on every runtime.
mod conformance;
// The record of what happened, and who waited for whom.
mod events;
// The examples, as programs of their own.
mod examples;
// The bulk form.
mod drain;
// Entries whose work is done outside of codap.
mod external;
// What other libraries do wrong, and codap does not.
mod footguns;
// Threads that nobody needs go again.
mod idle;
// The guard against leaks, which every test holds.
mod leaks;
// Bad use gets a clear error, and never a hang.
mod misuse;
// Runtimes of the user's own that behave badly.
mod outsiders;
// Values of different types: JSON, templates.
#[cfg(feature = "page")]
mod page;
// `fetch`: timeouts, retries, defaults.
mod policies;
// The promises, where the conformance suite cannot express them.
mod promises;
// Who polls work for the first time.
mod starters;
// smol with several threads.
mod smol_threads;
// What tests stand on: runtimes, bounds on waits.
mod stage;
// Subtasks that do not end together with their entry.
mod subtasks;

// A runtime of the test's own, known by the public trait alone.
mod crew;
// Random graphs of entries that put and read each other; deep nesting.
mod graphs;
// One entry: every combination of panic, cancel, drop and abort.
mod matrix;
// Many entries: deadlines met, drops quick.
mod punctual;
// Many entries: nothing lost, no limit exceeded.
mod scale;
// For tests of many steps: every runtime, and a watch over hangs.
mod watched;
