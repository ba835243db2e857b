//! The core under every interleaving of a few threads, up to three preemptions.
//!
//! Each model is one race of the rules in `entry`, `board`, `limiter`, `work` and `group`, played
//! with the code itself. A lost wake shows as a deadlock, which loom reports; the rest is asserted
//! after all threads have ended, since the core contains the panics of work and callbacks.
//!
//! Run them with
//! `RUSTFLAGS='--cfg codap_loom' LOOM_MAX_PREEMPTIONS=3 cargo test --release -p codap --lib loom`.

mod container;
mod entry;
mod many;
mod permits;
mod ready;
mod stage;
