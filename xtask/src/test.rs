//! `cargo xtask test`: every test that can run before every change.

use crate::dependencies;
use crate::loom;
use crate::python;
use crate::readers;
use crate::step::{Cargo, Step};

pub(crate) fn steps() -> Vec<Step> {
    // Doc tests, and the examples through the integration tests, are part of each
    // `cargo test -p codap`.
    let [models, models_are_there] = loom::steps(Some(loom::SECONDS_PER_MODEL));
    let mut steps = vec![
        Step::cargo("test: xtask", Cargo::new("test -p xtask")),
        models,
        Step::check("test: core, dependencies", dependencies::check),
        Step::cargo("test: core, all features", Cargo::new("test -p codap --all-features")),
        Step::cargo("test: core, threads only", Cargo::new("test -p codap --no-default-features")),
        Step::cargo(
            "test: core, smol only",
            Cargo::new("test -p codap --no-default-features --features smol"),
        ),
    ];
    steps.push(Step::check("test: readers of archives", readers::install));
    steps.push(Step::cargo("test: archive", Cargo::new("test -p codap-archive")));
    steps.push(Step::cargo("test: fault", Cargo::new("test -p codap-fault --all-features")));
    steps.push(Step::cargo_with_servers(
        "test: sources",
        Cargo::new("test -p codap-sources --all-features"),
    ));
    steps.push(Step::cargo_with_servers("test: tool", Cargo::new("test -p codap-cli")));
    steps.extend(python::steps());
    steps.push(models_are_there);
    steps
}
