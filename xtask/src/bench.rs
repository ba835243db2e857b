//! `cargo xtask bench core`, `… sources` and `… python`: the benchmarks, each with the features that
//! its peers need.

use crate::python;
use crate::run::{WhenOneFails, run_all};
use crate::step::{Cargo, Failure, Step};

/// Name of the bench target, and the command that runs it.
const SUITES: [(&str, &str); 2] = [
    ("core", "bench -p codap --bench core --features tokio,smol --"),
    ("sources", "bench -p codap-sources --bench sources --"),
];

pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    if let Some((suite, rest)) = args.split_first()
        && suite == "python"
    {
        return python::bench(rest);
    }
    let command = command(args)?;
    run_all("bench", vec![Step::cargo("bench", command)], WhenOneFails::Stop, &[])
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
