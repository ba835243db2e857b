//! The locks, atomics, statics and thread-locals of the core in one place, so that loom can stand
//! in for them.
//!
//! Loom runs all threads of a model on one: what blocks it, or is shared by it, has to be loom's.
//! `OnceLock` stays std's, as storage that an atomic or a lock of ours guards.
//! `--cfg codap_loom` and not `--cfg loom`: the latter would also switch boxcar and tokio.

#[cfg(codap_loom)]
pub(crate) use loom::{
    lazy_static,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};
#[cfg(not(codap_loom))]
pub(crate) use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread_local,
};

/// A static that is made when it is first used.
#[cfg(not(codap_loom))]
macro_rules! lazy_static {
    (static ref $name:ident: $type:ty = $init:expr;) => {
        static $name: std::sync::LazyLock<$type> = std::sync::LazyLock::new(|| $init);
    };
}
#[cfg(not(codap_loom))]
pub(crate) use lazy_static;

/// Loom's own one takes no `const` block.
#[cfg(codap_loom)]
macro_rules! thread_local_of_loom {
    (static $name:ident: $type:ty = const { $init:expr };) => {
        loom::thread_local! { static $name: $type = $init; }
    };
}
#[cfg(codap_loom)]
pub(crate) use thread_local_of_loom as thread_local;

/// Locks, and goes on after a panic: no state here is left half-changed by a panic, because the
/// only foreign code that runs under a lock (`Hash`, `Eq` of a key) runs before anything changes.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
