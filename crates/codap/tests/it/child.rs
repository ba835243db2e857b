//! Tests that need a process of their own: this program once more, for some of its tests.

use std::process::Command;

const CHILD: &str = "CODAP_TEST_CHILD";

/// Runs the body of the test that is called `name` in a process where nothing else runs.
pub(crate) fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let said = run(&["--exact", name, "--nocapture"], &[]);
    assert!(said.contains("1 passed"), "{name} is not what the test is called:\n{said}");
}

/// Runs the tests that `args` name, all of which must pass; what that prints.
pub(crate) fn run(args: &[&str], env: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(args)
        .env(CHILD, "1")
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{text}");
    said
}
