//! The one tokio runtime under native fetches and timers, and what becomes of it in a fork.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use codap_sources::Sources;
use pyo3::prelude::*;
use tokio::runtime::Handle;

use crate::sync::lock;

/// How many forks lie between this process and the one that imported the package.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// A runtime, the clients whose connections belong to it, and the process that both live in.
struct Native {
    pid: u32,
    handle: Handle,
    sources: Sources,
}

static NATIVE: Mutex<Option<Native>> = Mutex::new(None);

/// Starts the runtime with the first need. That of the parent of a fork is forgotten and not
/// dropped: dropping it would wait for threads that do not exist in the child.
pub(crate) fn native() -> io::Result<(Handle, Sources)> {
    let pid = std::process::id();
    let mut native = lock(&NATIVE);
    if let Some(it) = native.as_ref().filter(|it| it.pid == pid) {
        return Ok((it.handle.clone(), it.sources.clone()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("codap-native")
        .enable_all()
        .build()?;
    let runtime: &'static _ = Box::leak(Box::new(runtime));
    let it = Native { pid, handle: runtime.handle().clone(), sources: Sources::new() };
    let answer = (it.handle.clone(), it.sources.clone());
    std::mem::forget(native.replace(it));
    Ok(answer)
}

/// Called in the child of a fork.
#[pyfunction]
pub(crate) fn after_fork() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// How many forks lie between this process and the one that imported the package.
#[pyfunction]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// The text without the secrets of the URLs in it.
#[pyfunction]
pub(crate) fn redact(text: &str) -> String {
    codap::redact(text)
}
