//! Running a list of steps and reporting on it.

use std::time::{Duration, Instant};

use crate::step::{Failure, Step, say, show};

/// What the rest of the list does when one step fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenOneFails {
    Stop,
    GoOn,
}

/// Runs the list called `list`, as `args` (`--list`, `--only NAME`) narrow it.
pub(crate) fn run_all(
    list: &str,
    mut steps: Vec<Step>,
    when_one_fails: WhenOneFails,
    args: &[String],
) -> Result<(), Failure> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let listing = match args[..] {
        [] => false,
        ["--list"] => true,
        ["--only", name] => {
            steps.retain(|s| s.name.contains(name));
            if steps.is_empty() {
                return Err(Failure::new(format!(
                    "no step of `{list}` has {name:?} in its name: see --list"
                )));
            }
            false
        }
        _ => {
            return Err(Failure::new(format!(
                "`cargo xtask {list}` takes --list or --only NAME, got {args:?}"
            )));
        }
    };
    if listing {
        steps.iter().for_each(|s| show(&format!("{}\n    {}", s.name, s.alone(list))));
        return Ok(());
    }
    run_each(list, &steps, when_one_fails)
}

fn run_each(list: &str, steps: &[Step], when_one_fails: WhenOneFails) -> Result<(), Failure> {
    let begun = Instant::now();
    let (mut times, mut failures) = (Vec::new(), Vec::new());
    for step in steps {
        say(&format!("\n==> {}\n    {}", step.name, step.alone(list)));
        let started = Instant::now();
        let result = step.run();
        let took = readable(started.elapsed());
        say(&format!("    {}: {took}", step.name));
        let mark = if result.is_ok() { "ok" } else { "FAILED" };
        times.push(format!("{took:>12}  {mark:6}  {}", step.name));
        if let Err(failure) = result {
            failures.push(format!(
                "FAILED: {}: {failure}\nto run it again: {}",
                step.name,
                step.alone(list)
            ));
            if when_one_fails == WhenOneFails::Stop {
                break;
            }
        }
    }
    say(&format!("\n{}\n{:>12}  in all", times.join("\n"), readable(begun.elapsed())));
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("\n{}", failures.join("\n\n"))))
    }
}

fn readable(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes() -> Result<(), Failure> {
        Ok(())
    }

    fn fails() -> Result<(), Failure> {
        Err(Failure::new("bad"))
    }

    fn list() -> Vec<Step> {
        vec![
            Step::check("first", fails),
            Step::check("second", passes),
            Step::check("third", fails),
        ]
    }

    fn run(when: WhenOneFails, args: &[&str]) -> String {
        let args: Vec<String> = args.iter().map(|&a| a.to_owned()).collect();
        run_all("ci", list(), when, &args).map_or_else(|f| f.to_string(), |()| "passed".into())
    }

    #[test]
    fn a_failure_names_the_step_and_the_command_that_runs_it_again() {
        let failure = run(WhenOneFails::Stop, &[]);
        assert!(failure.contains("FAILED: first: bad"), "{failure}");
        assert!(failure.contains("to run it again: cargo xtask ci --only first"), "{failure}");
        assert!(!failure.contains("third"), "{failure}");
    }

    #[test]
    fn going_on_reports_every_failure() {
        let failure = run(WhenOneFails::GoOn, &[]);
        assert!(
            failure.contains("first") && failure.contains("third") && !failure.contains("second"),
            "{failure}"
        );
    }

    #[test]
    fn only_narrows_and_refuses_what_does_not_exist() {
        assert_eq!(run(WhenOneFails::Stop, &["--only", "second"]), "passed");
        assert!(run(WhenOneFails::Stop, &["--only", "nothing"]).contains("no step"));
        assert!(run(WhenOneFails::Stop, &["--what"]).contains("takes --list"));
        assert_eq!(run(WhenOneFails::Stop, &["--list"]), "passed");
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(readable(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(readable(Duration::from_secs(125)), "2 min 05 s");
    }
}
