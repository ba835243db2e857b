//! The conformance suite on every runtime. Each check is a line of its own in a failure.
#![cfg(feature = "conformance")]

use codap::{BoxFuture, Runtime, Threads, conformance};

use crate::leaks::Watch;

#[test]
fn on_threads() {
    let _watch = Watch::new();
    conformance::run(&Threads);
}

/// A runtime from outside: it hands its futures on to the plain threads.
#[derive(Clone)]
struct Custom;

impl Runtime for Custom {
    fn spawn(&self, work: BoxFuture) {
        Runtime::spawn(&Threads, work);
    }
}

#[test]
fn on_a_custom_runtime() {
    let _watch = Watch::new();
    conformance::run(&Custom);
}

#[cfg(feature = "smol")]
#[test]
fn on_smol() {
    let _watch = Watch::new();
    conformance::run(&codap::Smol);
}

#[cfg(feature = "tokio")]
mod tokio {
    use codap::conformance;

    use crate::{leaks::Watch, stage};

    #[test]
    fn on_tokio_multi_thread() {
        let _watch = Watch::new();
        let runtime = stage::multi_thread();
        conformance::run(runtime.handle());
    }

    /// The runtime is driven by a thread of its own, as in a server with one thread.
    #[test]
    fn on_tokio_current_thread() {
        let _watch = Watch::new();
        let driven = stage::Driven::new();
        conformance::run(driven.handle());
    }

    #[test]
    fn on_the_background_runtime() {
        let _watch = Watch::new();
        conformance::run(&codap::background());
    }
}

/// A runtime that loses its work fails by name, and says of what: a suite that passes it would
/// pass anything.
#[test]
fn a_runtime_that_drops_its_work_fails_by_name() {
    let _watch = Watch::new();
    #[derive(Clone)]
    struct Lossy;
    impl Runtime for Lossy {
        fn spawn(&self, work: BoxFuture) {
            drop(work);
        }
    }
    let checks = conformance::checks::<Lossy>();
    assert!(checks.len() > 180, "{} checks", checks.len());
    for container in ["Kv", "Ordered", "FirstReply"] {
        let of = |name: &str| {
            let check = checks.iter().find(|c| c.name() == name && c.container() == container);
            check.unwrap_or_else(|| panic!("no {name}")).run(&Lossy)
        };
        let failure = of("a_value_is_ok").unwrap_err().to_string();
        assert!(failure.starts_with(&format!("a_value_is_ok of {container} on ")), "{failure}");
        assert!(
            failure.contains("Lossy") && failure.contains("Cancelled")
                || failure.contains("cancelled"),
            "{failure}"
        );
        assert!(of("slots_and_values_need_no_permit").is_err());
        assert!(of("counters_count").is_ok(), "what needs no runtime passes");
    }
}
