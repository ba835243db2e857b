//! `cargo xtask bench NAME`: the benchmarks, each with the features and the programs that its peers
//! need.

use crate::python;
use crate::run::{WhenOneFails, run_all};
use crate::servers::install;
use crate::step::{Cargo, Failure, Step, own_target, root};

/// Name of the bench target, and the command that runs it.
const SUITES: [(&str, &str); 3] = [
    ("core", "bench -p codap --bench core --features tokio,smol --"),
    ("sources", "bench -p codap-sources --bench sources --"),
    ("archive", "bench -p codap-cli --bench archive --"),
];

/// Pinned, so that a figure is that of a version.
const PYTHON_PEER: &str = "requests==2.34.2";

pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    if let Some((suite, rest)) = args.split_first()
        && suite == "python"
    {
        return python::bench(rest);
    }
    let mut command = command(args)?;
    if args.first().is_some_and(|suite| suite == "archive") {
        command = command.env("CODAP_BENCH_PYTHON", archive_peers()?);
    }
    run_all("bench", vec![Step::cargo("bench", command)], WhenOneFails::Stop, &[])
}

/// Brings what the archive's benchmark runs beside the tool; where its Python is.
fn archive_peers() -> Result<String, Failure> {
    for program in ["nginx", "curl", "zip"] {
        install::from_debian(program, || install::find(program))?;
    }
    let folder = root().join(own_target("bench/venv"));
    let programs = install::python_with(&folder, &[PYTHON_PEER])?;
    Ok(programs.join("python3").display().to_string())
}

fn command(args: &[String]) -> Result<Cargo, Failure> {
    let known = || format!("{}, python", SUITES.map(|(name, _)| name).join(", "));
    let Some((suite, rest)) = args.split_first() else {
        return Err(Failure::new(format!("which benchmark? There is: {}", known())));
    };
    let Some((_, line)) = SUITES.iter().find(|(name, _)| name == suite) else {
        return Err(Failure::new(format!(
            "there is no benchmark {suite:?}; there is: {}",
            known()
        )));
    };
    Ok(rest.iter().fold(Cargo::new(line), |command, arg| command.arg(arg)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_to_the_benchmark() {
        let command =
            command(&["core".into(), "--quick".into(), "n=10".into()]).expect("core is known");
        assert_eq!(
            command.to_string(),
            "cargo bench -p codap --bench core --features tokio,smol -- --quick n=10"
        );
    }

    #[test]
    fn an_unknown_suite_is_refused_by_name() {
        let failure = command(&["cores".into()]).expect_err("there is no such suite").to_string();
        assert!(failure.contains("\"cores\"") && failure.contains("core"), "{failure}");
    }
}
