//! `cargo xtask ci`: the gates, quickest first, then every test; Miri beside them.

use crate::manifest;
use crate::miri;
use crate::step::{self, Cargo, Step};
use crate::test;
use crate::tidy;

pub(crate) fn steps() -> Vec<Step> {
    let mut steps = vec![
        Step::cargo("format", Cargo::new("fmt --all --check")),
        Step::check("tidy", tidy::run),
    ];
    steps.extend(miri::steps());
    steps.extend([
        // `-- -Dwarnings` reaches the workspace's crates only; RUSTFLAGS would build every
        // dependency once more.
        clippy("clippy: all features", "--workspace --all-targets --all-features"),
        clippy("clippy: no features", "-p codap --all-targets --no-default-features"),
    ]);
    for feature in features("codap") {
        steps.push(clippy(
            &format!("feature alone: {feature}"),
            &format!("-p codap --no-default-features --features {feature}"),
        ));
    }
    // That it compiles is enough: what adapters share is of no use to some of them, and to say so
    // at every item would help nobody.
    for feature in features("codap-sources") {
        steps.push(Step::cargo(
            format!("source alone: {feature}"),
            Cargo::new("check -p codap-sources --no-default-features --features").arg(feature),
        ));
    }
    steps.push(Step::cargo(
        "documentation",
        Cargo::new("doc --workspace --no-deps --document-private-items --all-features")
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    ));
    steps.extend(test::steps());
    steps
}

fn clippy(name: &str, what: &str) -> Step {
    Step::cargo(name, Cargo::new(&format!("clippy {what} -- -Dwarnings")))
}

/// The features of a crate, from its manifest; `default` is a set of the others.
fn features(krate: &str) -> Vec<String> {
    let path = step::root().join("crates").join(krate).join("Cargo.toml");
    let text = std::fs::read_to_string(path).expect("every crate has a manifest");
    features_of(&text)
}

fn features_of(text: &str) -> Vec<String> {
    let listed = manifest::entries(text)
        .into_iter()
        .filter(|e| e.section == "features" && e.key != "default");
    listed.map(|e| e.key.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_come_from_the_manifest() {
        let text = "[package]\nname = \"a\"\n[features]\ndefault = [\"x\"]\nx = []\ny = [\"x\"]\n\
                    [dependencies]\nz = \"1\"\n";
        assert_eq!(features_of(text), ["x", "y"]);
    }
}
