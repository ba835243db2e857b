//! smol with several threads. Its executor reads how many once, so this is a process of its own.
#![cfg(feature = "smol")]

use crate::leaks::Watch;

/// Some of what the other tests do on smol's one thread, and what makes no sense there.
#[test]
fn what_holds_on_one_thread_holds_on_several() {
    let _watch = Watch::new();
    let tests =
        ["on_smol", "on_every_runtime", "graphs::random", "scale::", "punctual::", "starters::"];
    let mut args = vec!["--include-ignored"];
    args.extend(tests);
    let mut env = vec![("SMOL_THREADS", "4"), ("CODAP_ON", "Smol")];
    // Less than in this process, unless somebody has said how much.
    for (name, less) in [("CODAP_SEEDS", "60"), ("CODAP_SCALE", "10000")] {
        if std::env::var_os(name).is_none() {
            env.push((name, less));
        }
    }
    let said = crate::child::run(&args, &env);
    for test in ["starters::on_smol", "scale::nothing_is_lost"] {
        assert!(said.contains(test), "{test} was not run:\n{said}");
    }
}
