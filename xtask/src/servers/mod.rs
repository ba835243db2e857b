//! Real servers for the tests of the sources: each on a free port of the loopback, its data under
//! `target/servers`, stopped when the run ends, however it ends.
//!
//! One file a server says how it is started, how to tell that it is ready, and which variables
//! tell the tests where it is. `install` finds or brings the programs, `process` is one that runs.

mod azure;
mod google;
pub(crate) mod install;
mod mongodb;
mod nginx;
mod postgres;
mod process;
mod redis;
mod s3;
mod tls;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::step::{self, Failure};
use process::Process;

/// A server that was started: what runs, and what to tell the tests.
struct Server {
    process: Process,
    variables: Vec<(&'static str, String)>,
}

/// Starts a server that keeps its data in the folder it is given.
type Start = fn(&Path) -> Result<Server, Failure>;

const KINDS: [(&str, Start); 7] = [
    ("mongodb", mongodb::start),
    ("s3", s3::start),
    ("google", google::start),
    ("azure", azure::start),
    ("redis", redis::start),
    ("postgres", postgres::start),
    ("nginx", nginx::start),
];

/// Names the servers that were left out, so that their tests say so instead of failing.
const WITHOUT: &str = "CODAP_TEST_WITHOUT";

/// All servers of a run. Dropping it stops them.
pub(crate) struct Servers {
    running: Vec<Server>,
    without: String,
    place: PathBuf,
}

impl Servers {
    /// Installs what is missing and starts every server but those named in `without`.
    pub(crate) fn start(without: &[String]) -> Result<Self, Failure> {
        check_names(without)?;
        let begun = Instant::now();
        let place = own_folder()?;
        let mut servers = Self { running: Vec::new(), without: without.join(","), place };
        for (name, start) in KINDS {
            if without.iter().any(|w| w == name) {
                step::say(&format!("    LEFT OUT: {name}, and every test that needs it"));
                continue;
            }
            let place = servers.place.join(name);
            fs::create_dir_all(&place).map_err(|e| cannot("create", &place, &e))?;
            // All are started before any is waited for: most of a start is waiting.
            servers.running.push(start(&place).map_err(|e| without_it(name, &e))?);
        }
        for server in &mut servers.running {
            server.process.wait_until_ready()?;
        }
        let names: Vec<&str> = servers.running.iter().map(|s| s.process.name()).collect();
        step::say(&format!(
            "    servers: {} ({:.1} s)",
            names.join(", "),
            begun.elapsed().as_secs_f64()
        ));
        Ok(servers)
    }

    /// The variables by which the tests find the servers.
    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        let mut env: Vec<_> =
            self.running.iter().flat_map(|server| server.variables.clone()).collect();
        if !self.without.is_empty() {
            env.push((WITHOUT, self.without.clone()));
        }
        env
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // All are asked before any is waited for.
        self.running.iter().for_each(|server| server.process.ask_to_end());
        self.running.iter_mut().for_each(|server| server.process.end());
        // Data of a finished run; one that stays is removed by the next.
        let _ = fs::remove_dir_all(&self.place);
    }
}

/// `cargo xtask servers`: runs them until the end of stdin or Ctrl-C, for work by hand.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let without = match args {
        [] => &[],
        [flag, names @ ..] if flag == "--without" && !names.is_empty() => names,
        _ => {
            return Err(Failure::new(format!(
                "`cargo xtask servers` takes --without NAME, got {args:?}"
            )));
        }
    };
    let servers = Servers::start(without)?;
    for (name, value) in servers.env() {
        step::show(&format!("export {name}={}", step::quoted(&value)));
    }
    step::say("    they run until Ctrl-C, or the end of the input");
    let mut line = [0; 64];
    while matches!(std::io::stdin().read(&mut line), Ok(read) if read > 0) {}
    Ok(())
}

fn check_names(without: &[String]) -> Result<(), Failure> {
    match without.iter().find(|w| KINDS.iter().all(|(name, _)| name != w)) {
        None => Ok(()),
        Some(unknown) => Err(Failure::new(format!(
            "--without {unknown}: there is no such server; there is: {}",
            KINDS.map(|(name, _)| name).join(", ")
        ))),
    }
}

/// A folder for this run; those that killed runs have left are removed.
fn own_folder() -> Result<PathBuf, Failure> {
    let all = folder();
    fs::create_dir_all(&all).map_err(|e| cannot("create", &all, &e))?;
    for entry in fs::read_dir(&all).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let run = name.to_str().and_then(|name| name.strip_prefix("run-"));
        if run.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(all.join(format!("run-{}", std::process::id())))
}

fn folder() -> PathBuf {
    step::root().join(step::own_target("servers"))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
}

fn without_it(name: &str, failure: &Failure) -> Failure {
    Failure::new(format!(
        "the server {name} for tests does not start: {failure}\n\
         to leave its tests out: cargo xtask test --without {name}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_does_not_exist_cannot_be_left_out() {
        let failure = check_names(&["redis".into(), "oracle".into()]).expect_err("no such server");
        assert!(failure.to_string().contains("there is: mongodb, s3, google"), "{failure}");
        assert!(check_names(&["redis".into(), "nginx".into()]).is_ok());
    }

    #[test]
    fn the_foreground_takes_only_names_to_leave_out() {
        let failure = run(&["--what".into()]).expect_err("no such option");
        assert!(failure.to_string().contains("takes --without NAME"), "{failure}");
    }
}
