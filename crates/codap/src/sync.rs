//! The locks and atomics of the core in one place, so that loom can stand in for them.
//!
//! `--cfg codap_loom` and not `--cfg loom`: the latter would also switch boxcar and tokio.

#[cfg(codap_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
#[cfg(not(codap_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// Locks, and goes on after a panic: no state here is left half-changed by a panic, because the
/// only foreign code that runs under a lock (`Hash`, `Eq` of a key) runs before anything changes.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
