//! The Python package: built once, installed on every Python of the machine, tested on one in full
//! and on the others in short.
//!
//! `interpreters` are the Pythons there are, an `environment` is one with what the tests need, the
//! `wheel` is what is tested, `published` the old package and programs that use it.

mod environment;
mod interpreters;
mod published;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::step::{self, Cargo, Env, Failure, Step};
use environment::Environment;
use interpreters::Interpreters;
use wheel::Profile;

/// Where work can be at home. Each has a process of its own: patching cannot be undone.
const HOMES: [&str; 5] = ["threads", "asyncio", "gevent", "gevent-unpatched", "eventlet"];

/// What a run is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    /// 400,000 wake-ups, a hundred runs of each exit, a hundred forks.
    Nightly,
}

/// The steps of `cargo xtask test`.
pub(crate) fn steps() -> Vec<Step> {
    let mut steps = vec![Step::check("python: wheel", || ready(Profile::Dev).map(drop))];
    steps.extend(suites(Size::Small));
    steps
}

/// What `cargo xtask ci` asks besides.
pub(crate) fn gates() -> Vec<Step> {
    vec![
        Step::check("python: lint", lint),
        Step::check("python: types", types),
        Step::check("python: sdist", sdist),
    ]
}

/// The same tests in their full size, on the wheel as users get it.
pub(crate) fn nightly() -> Vec<Step> {
    let mut steps = vec![Step::check("python: wheel", || ready(Profile::Release).map(drop))];
    steps.extend(suites(Size::Nightly));
    steps.push(Step::check("python: installed from its sources", from_nothing));
    steps
}

/// `cargo xtask bench python`.
pub(crate) fn bench(args: &[String]) -> Result<(), Failure> {
    let built = ready(Profile::Release)?;
    let mut bench = built.main.python("bench");
    bench.args(args).env("CODAP_TEST_PUBLISHED", &built.published);
    bench.env("CODAP_BENCH_RAW", raw_peer()?);
    show(bench)
}

/// What all steps of a run share.
struct Built {
    main: Installed,
    others: Vec<Installed>,
    published: PathBuf,
}

/// An environment with the wheel in it.
struct Installed {
    name: String,
    environment: Environment,
}

impl Installed {
    /// Its Python, about to run what is called `script` in the folder of tests.
    fn python(&self, script: &str) -> Command {
        let mut python = Command::new(self.environment.program("python"));
        python.arg(tests().join(script)).current_dir(step::root());
        // Whoever runs the tests may have chosen a home for programs of his own.
        python.env_remove("CODAP_BACKEND").env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }

    fn suite(&self, home: &str, what: &str, size: Size) -> Command {
        let mut suite = self.python("at_home.py");
        suite.args([home, "-q", "-p", "no:cacheprovider"]).arg(tests().join(what));
        if size == Size::Nightly {
            suite.env("CODAP_SCALE", "1000000");
        }
        suite
    }
}

fn suites(size: Size) -> Vec<Step> {
    let profile = match size {
        Size::Small => Profile::Dev,
        Size::Nightly => Profile::Release,
    };
    let mut steps = Vec::new();
    for home in HOMES {
        steps.push(Step::check(format!("python: at home with {home}"), move || {
            let mut suite = ready(profile)?.main.suite(home, "homes", size);
            suite.env("CODAP_TEST_FAULT", fault()?);
            show(suite)
        }));
    }
    steps.push(Step::check_with_servers("python: everything else", move |servers| {
        everything_else(profile, size, servers)
    }));
    steps.push(Step::check("python: other versions", move || other_versions(profile, size)));
    steps
}

fn everything_else(profile: Profile, size: Size, servers: &Env) -> Result<(), Failure> {
    let built = ready(profile)?;
    let mut suite = built.main.suite("threads", "suite", size);
    suite.envs(servers.iter().map(|(name, value)| (name, value)));
    suite.env("CODAP_TEST_PUBLISHED", &built.published);
    suite.env("CODAP_TEST_FAULT", fault()?);
    show(suite)
}

fn other_versions(profile: Profile, size: Size) -> Result<(), Failure> {
    let built = ready(profile)?;
    for other in &built.others {
        step::say(&format!("    Python {}", other.name));
        show(other.suite("threads", "everywhere", size))?;
    }
    if built.others.is_empty() {
        step::say(&format!("    there is no Python but {}", built.main.name));
    }
    Ok(())
}

fn lint() -> Result<(), Failure> {
    let tools = tools(&Interpreters::find()?)?;
    for args in [&["check"][..], &["format", "--check"]] {
        let mut ruff = Command::new(tools.program("ruff"));
        ruff.args(args).args(["--quiet", "--no-cache", "python", "tests/python"]);
        show(ruff)?;
    }
    Ok(())
}

/// The package, what its stubs say of the compiled part, and a program that uses all of it.
fn types() -> Result<(), Failure> {
    let built = ready(Profile::Dev)?;
    let cache = folder().join("mypy");
    let mypy = |args: &[&str]| {
        let mut mypy = Command::new(built.main.environment.program("python"));
        mypy.args(["-I", "-m"]).args(args).env("MYPY_CACHE_DIR", &cache);
        show(mypy)
    };
    mypy(&["mypy", "--strict", "--package", "codap"])?;
    mypy(&["mypy", "--strict", "tests/python/typed.py"])?;
    mypy(&["mypy.stubtest", "codap._native"])
}

/// What the source distribution lacks of the sources, which nobody sees who has them all.
fn sdist() -> Result<(), Failure> {
    let sdist = wheel::sdist(&tools(&Interpreters::find()?)?)?;
    let held = wheel::files(&sdist)?;
    let mut wanted = vec!["pyproject.toml".to_owned(), "LICENSE-MIT".to_owned()];
    for folder in PACKAGED {
        let found = list(&step::root().join(folder), folder, &mut wanted);
        found.map_err(|e| Failure::new(format!("cannot read {folder}: {e}")))?;
    }
    let lacking: Vec<&str> =
        wanted.iter().filter(|file| !held.contains(file)).map(String::as_str).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{} lacks {}", sdist.display(), lacking.join(", "))))
}

/// What a build of the package reads.
const PACKAGED: [&str; 5] = [
    "python/codap",
    "crates/codap/src",
    "crates/codap-archive/src",
    "crates/codap-python/src",
    "crates/codap-sources/src",
];

fn list(folder: &Path, prefix: &str, into: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}/{name}");
        if name == "__pycache__" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &path, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

/// A wheel from the source distribution alone, in an environment that has nothing else: what
/// `pip install .` does.
fn from_nothing() -> Result<(), Failure> {
    let interpreters = Interpreters::find()?;
    let tools = tools(&interpreters)?;
    let wheel = wheel::from_sdist(&tools, &wheel::sdist(&tools)?)?;
    let clean = Environment::make("clean", interpreters.main().1, "requirements-none.txt")?;
    clean.install_wheel(&wheel)?;
    let mut python = Command::new(clean.program("python"));
    python.args(["-I", "-c", "import codap; assert codap.KV({'a': 1})['a'] == 1"]);
    show(python)
}

/// Builds what is needed once in a run, and again in the next: nothing says that the sources are
/// still the same.
fn ready(profile: Profile) -> Result<&'static Built, Failure> {
    static DEV: OnceLock<Built> = OnceLock::new();
    static RELEASE: OnceLock<Built> = OnceLock::new();
    let built = match profile {
        Profile::Dev => &DEV,
        Profile::Release => &RELEASE,
    };
    if built.get().is_none() {
        let _ = built.set(build(profile)?);
    }
    Ok(built.get().expect("it was set above"))
}

fn build(profile: Profile) -> Result<Built, Failure> {
    let interpreters = Interpreters::find()?;
    interpreters.say();
    let tools = tools(&interpreters)?;
    // One waits for the compiler, the other for downloads.
    let (wheel, environments) = std::thread::scope(|scope| {
        let wheel = scope.spawn(|| wheel::build(&tools, profile));
        let environments = environments(&interpreters);
        (wheel.join().expect("the build does not panic"), environments)
    });
    let (main, others) = environments?;
    let wheel = wheel?;
    for installed in others.iter().chain([&main]) {
        installed.environment.install_wheel(&wheel)?;
    }
    Ok(Built { main, others, published: published::fetch(&tools)? })
}

fn environments(interpreters: &Interpreters) -> Result<(Installed, Vec<Installed>), Failure> {
    let make = |(name, program): (String, &Path), requirements| {
        let environment = Environment::make(&name, program, requirements)?;
        Ok::<_, Failure>(Installed { name, environment })
    };
    let main = make(interpreters.main(), "requirements.txt")?;
    let others = interpreters.others().into_iter();
    let others = others.map(|other| make(other, "requirements-everywhere.txt"));
    Ok((main, others.collect::<Result<_, _>>()?))
}

fn tools(interpreters: &Interpreters) -> Result<Environment, Failure> {
    Environment::make("tools", interpreters.main().1, "requirements-tools.txt")
}

/// The server that fails as it is told, as a program.
fn fault() -> Result<PathBuf, Failure> {
    Cargo::new("build --quiet -p codap-fault").run()?;
    Ok(step::root().join(step::own_target("debug")).join("codap-fault"))
}

/// The benchmark of the sources, which is also a server for small documents and, without Python,
/// what a fetch of them costs.
fn raw_peer() -> Result<PathBuf, Failure> {
    let built = "bench --no-run --quiet -p codap-sources --bench sources --message-format=json";
    let said = Cargo::new(built).output()?;
    executable(&said).ok_or_else(|| Failure::new("cargo does not say where it put the benchmark"))
}

/// The last program among cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    let after = |line: &str| line.split_once(r#""executable":""#).map(|(_, rest)| rest.to_owned());
    let path = messages.lines().filter_map(after).next_back()?;
    path.split('"').next().map(PathBuf::from)
}

/// Runs a command with this terminal's output.
fn show(mut command: Command) -> Result<(), Failure> {
    let program = command.get_program().display().to_string();
    let status = command
        .current_dir(step::root())
        .stdin(Stdio::null())
        .status()
        .map_err(|e| Failure::new(format!("cannot start {program}: {e}")))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("ended with {status}"))) }
}

/// Where environments, wheels and results lie.
fn folder() -> PathBuf {
    step::root().join(step::own_target("python"))
}

fn tests() -> PathBuf {
    step::root().join("tests/python")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_cargo_built_is_found() {
        let messages = "{\"executable\":null}\n{\"a\":1,\"executable\":\"/t/sources-1\",\"b\":2}\n\
                        {\"reason\":\"build-finished\"}";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/sources-1")));
        assert_eq!(executable("{\"executable\":null}"), None);
    }
}
