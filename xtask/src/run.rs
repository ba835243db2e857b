//! Running a list of steps and reporting on it.

use std::time::{Duration, Instant};

use crate::lane::{Ended, Lane};
use crate::servers::Servers;
use crate::step::{Failure, Step, say, show};

/// What the rest of the list does when one step fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenOneFails {
    Stop,
    GoOn,
}

/// What the command line says about a list.
#[derive(Debug, Default)]
struct Wanted {
    list_only: bool,
    only: Option<String>,
    without: Vec<String>,
}

impl Wanted {
    fn parse(list: &str, args: &[String]) -> Result<Self, Failure> {
        let (mut wanted, mut rest) = (Self::default(), args.iter());
        while let Some(flag) = rest.next() {
            let mut value =
                || rest.next().cloned().ok_or_else(|| Failure::new(format!("{flag} takes a name")));
            match flag.as_str() {
                "--list" => wanted.list_only = true,
                "--only" => wanted.only = Some(value()?),
                "--without" => wanted.without.push(value()?),
                _ => {
                    return Err(Failure::new(format!(
                        "`cargo xtask {list}` takes --list, --only NAME and --without SERVER, \
                         got {args:?}"
                    )));
                }
            }
        }
        Ok(wanted)
    }
}

/// Runs the list called `list`, as `args` narrow it.
pub(crate) fn run_all(
    list: &str,
    mut steps: Vec<Step>,
    when_one_fails: WhenOneFails,
    args: &[String],
) -> Result<(), Failure> {
    let Wanted { list_only, only, without } = Wanted::parse(list, args)?;
    if let Some(name) = only {
        steps.retain(|s| s.name.contains(&name));
        if steps.is_empty() {
            return Err(Failure::new(format!(
                "no step of `{list}` has {name:?} in its name: see --list"
            )));
        }
    }
    if list_only {
        steps.iter().for_each(|s| show(&format!("{}\n    {}", s.name, s.alone(list))));
        return Ok(());
    }
    run_each(list, &steps, when_one_fails, &without)
}

fn run_each(
    list: &str,
    steps: &[Step],
    when_one_fails: WhenOneFails,
    without: &[String],
) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut report = Report::default();
    // Started for the first step that needs them, stopped when the last step has ended.
    let mut servers = None;
    let (mut lane, has_others) = (Lane::open(), steps.iter().any(|step| step.of_lane().is_none()));
    let alone = |name: &str| {
        steps.iter().find(|step| step.name == name).map(|s| s.alone(list)).unwrap_or_default()
    };
    let goes_on =
        |report: &Report| report.failures.is_empty() || when_one_fails == WhenOneFails::GoOn;
    for step in steps {
        if !goes_on(&report) {
            break;
        }
        say(&format!("\n==> {}\n    {}", step.name, step.alone(list)));
        if let Some(command) = step.of_lane().filter(|_| has_others) {
            say("    runs beside the others, and is told when it has ended");
            lane.hand_over(&step.name, command);
            continue;
        }
        let started = Instant::now();
        let result = run_one(step, &mut servers, without);
        report.add(&step.name, started.elapsed(), result, &step.alone(list));
        while let Some(ended) = lane.look() {
            report.add_ended(ended, &alone);
        }
    }
    // Also when another has failed: left to itself it would go on beside the next run, unseen.
    while let Some(ended) = lane.wait() {
        report.add_ended(ended, &alone);
    }
    say(&format!("\n{}\n{:>12}  in all", report.times.join("\n"), readable(begun.elapsed())));
    if report.failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("\n{}", report.failures.join("\n\n"))))
    }
}

#[derive(Debug, Default)]
struct Report {
    times: Vec<String>,
    failures: Vec<String>,
}

impl Report {
    fn add(&mut self, name: &str, took: Duration, result: Result<(), Failure>, alone: &str) {
        let took = readable(took);
        say(&format!("    {name}: {took}"));
        let mark = if result.is_ok() { "ok" } else { "FAILED" };
        self.times.push(format!("{took:>12}  {mark:6}  {name}"));
        if let Err(failure) = result {
            self.failures.push(format!("FAILED: {name}: {failure}\nto run it again: {alone}"));
        }
    }

    fn add_ended(&mut self, ended: Ended, alone: &impl Fn(&str) -> String) {
        let Ended { name, took, printed, result } = ended;
        say(&format!("\n==> {name}, beside the others, has printed\n{printed}"));
        self.add(&name, took, result, &alone(&name));
    }
}

fn run_one(step: &Step, servers: &mut Option<Servers>, without: &[String]) -> Result<(), Failure> {
    if step.needs_servers() && servers.is_none() {
        *servers = Some(Servers::start(without)?);
    }
    step.run(&servers.as_ref().map(Servers::env).unwrap_or_default())
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
    use crate::step::Cargo;

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
    fn what_fails_beside_the_others_fails_the_run() {
        let beside = || Step::cargo("beside", Cargo::new("there-is-no-such-command")).beside();
        let steps = || vec![beside(), Step::check("second", passes)];
        for when in [WhenOneFails::Stop, WhenOneFails::GoOn] {
            let failure = run_all("ci", steps(), when, &[]).expect_err("one of them fails");
            assert!(failure.to_string().contains("FAILED: beside: ended with"), "{failure}");
        }
        let stopped = vec![beside(), Step::check("second", fails)];
        let failure = run_all("ci", stopped, WhenOneFails::Stop, &[]).expect_err("both fail");
        let failure = failure.to_string();
        assert!(failure.contains("second: bad") && failure.contains("beside: "), "{failure}");
        let alone = run_all("ci", vec![beside()], WhenOneFails::Stop, &[]);
        assert!(alone.is_err(), "with nothing to run beside it is a step as any other");
    }

    #[test]
    fn only_narrows_and_refuses_what_does_not_exist() {
        assert_eq!(run(WhenOneFails::Stop, &["--only", "second"]), "passed");
        assert!(run(WhenOneFails::Stop, &["--only", "nothing"]).contains("no step"));
        assert!(run(WhenOneFails::Stop, &["--only"]).contains("--only takes a name"));
        assert!(run(WhenOneFails::Stop, &["--what"]).contains("takes --list"));
        assert_eq!(run(WhenOneFails::Stop, &["--list"]), "passed");
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(readable(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(readable(Duration::from_secs(125)), "2 min 05 s");
    }
}
