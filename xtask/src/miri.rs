//! Miri: the library's own tests, interpreted, with strict provenance.

use std::process::{Command, Stdio};

use crate::step::{self, Cargo, Failure, Step};

/// Installs nothing but what belongs to a nightly toolchain that is there.
const COMPONENTS: [&str; 2] = ["miri", "rust-src"];

pub(crate) fn steps() -> Vec<Step> {
    // The timer's thread lives as long as the process, and those of the pool for ten seconds: to
    // Miri a thread that is left at the end is a leak.
    let flags = "-Zmiri-strict-provenance -Zmiri-disable-isolation -Zmiri-ignore-leaks";
    let run = Cargo::new("+nightly miri test -p codap --lib").env("MIRIFLAGS", flags);
    vec![Step::check("miri: is there", is_there), Step::cargo("miri: library", run).beside()]
}

fn is_there() -> Result<(), Failure> {
    let installed = rustup(&["component", "list", "--toolchain", "nightly", "--installed"])
        .map_err(|_| {
            Failure::new(
                "Miri needs the nightly toolchain, and it is not installed: \
             rustup toolchain install nightly --profile minimal --component miri,rust-src",
            )
        })?;
    let lacking = lacking(&installed);
    if lacking.is_empty() {
        return Ok(());
    }
    step::say(&format!("    adding to nightly: {}", lacking.join(" ")));
    let add = [&["component", "add", "--toolchain", "nightly"], &lacking[..]].concat();
    rustup(&add)
        .map(drop)
        .map_err(|_| Failure::new(format!("could not add them: rustup {}", add.join(" "))))
}

/// `miri-x86_64-unknown-linux-gnu`, `rust-src`: a component's name, then maybe a target.
fn lacking(installed: &str) -> Vec<&'static str> {
    let has = |component: &str| {
        installed.lines().any(|l| {
            l.strip_prefix(component).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    };
    COMPONENTS.into_iter().filter(|c| !has(c)).collect()
}

fn rustup(args: &[&str]) -> Result<String, Failure> {
    let output =
        Command::new("rustup").args(args).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(Failure::new(format!("rustup ended with {}", output.status))),
        Err(error) => Err(Failure::new(format!("cannot start rustup: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_told_from_what_is_installed() {
        assert_eq!(
            lacking("cargo-x86_64-unknown-linux-gnu\nrust-std-x86_64-unknown-linux-gnu\n"),
            COMPONENTS
        );
        assert_eq!(lacking("miri-x86_64-unknown-linux-gnu\nrust-std-x\n"), ["rust-src"]);
        assert!(lacking("miri-x86_64-unknown-linux-gnu\nrust-src\n").is_empty());
    }
}
