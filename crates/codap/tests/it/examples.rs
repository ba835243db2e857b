//! Every example runs to its end, and says what it is there to say.

use std::process::Command;

use crate::leaks::Watch;

/// What the example prints. It is built with the features of this very test, all of them: with one
/// less cargo would build the library anew.
fn output(example: &str) -> String {
    let features = [
        (cfg!(feature = "default"), "default"),
        (cfg!(feature = "tokio"), "tokio"),
        (cfg!(feature = "smol"), "smol"),
        (cfg!(feature = "page"), "page"),
        (cfg!(feature = "minijinja"), "minijinja"),
        (cfg!(feature = "conformance"), "conformance"),
    ];
    let features: Vec<&str> =
        features.iter().filter(|(on, _)| *on).map(|&(_, name)| name).collect();
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--offline", "--no-default-features", "--features"])
        .arg(features.join(","))
        .args(if cfg!(debug_assertions) { &[][..] } else { &["--release"] })
        .args(["--example", example])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    let stdout = String::from_utf8(output.stdout).expect("an example prints text");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example} failed, and printed\n{stdout}{stderr}");
    stdout
}

/// Every one of these texts stands in what the example prints.
fn assert_prints(example: &str, texts: &[&str]) {
    let output = output(example);
    for text in texts {
        assert!(output.contains(text), "{example} does not say {text:?}, but\n{output}");
    }
}

#[test]
fn fib() {
    let _watch = Watch::new();
    let all = "0 1 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987 1597 2584 4181 6765 10946 17711 \
               28657 46368 75025 121393 196418 317811 514229";
    assert_prints("fib", &["fib(29) = 514229", all, "30 by key and 30 in order"]);
}

#[test]
fn sync() {
    let _watch = Watch::new();
    let missing = "entry \"mod.rs\" is missing: nothing was put under this key";
    assert_prints("sync", &["kv.rs has ", "the containers have ", "filled by hand: 7", missing]);
}

#[test]
#[cfg(all(feature = "tokio", feature = "minijinja"))]
fn page() {
    let _watch = Watch::new();
    let photos = "  [ada-1.jpg]  [ada-2.jpg]  [ada-3.jpg]\n";
    let page = ["Ada, here since 1843\n", photos, "It is 21.5 degrees", "1 still on its way"];
    assert_prints("page", &page);
}

#[test]
#[cfg(feature = "tokio")]
fn enrich() {
    let _watch = Watch::new();
    let output = output("enrich");
    let order = ["Everest", "K2", "Kangchenjunga", "Lhotse", "Makalu", "Cho Oyu"];
    let said: Vec<&str> = output.lines().collect();
    for (line, peak) in said.iter().zip(order) {
        assert!(line.contains(peak), "{peak} is not in its place:\n{output}");
    }
    assert!(said[3].contains("no row for") && said[4].contains("8485 m"), "{output}");
}

#[test]
#[cfg(feature = "tokio")]
fn first_reply() {
    let _watch = Watch::new();
    let output = output("first_reply");
    // The losers would have taken seconds: their connections were closed when the race was won.
    for replica in ["lima", "oslo", "turin", "kyoto"] {
        let closed = format!("(connection to {replica} closed after ");
        assert_eq!(output.matches(&closed).count(), 1, "of {replica}:\n{output}");
    }
    let lost = "was cancelled (another entry won the race)";
    assert_eq!(output.matches(lost).count(), 2, "{output}");
    assert!(output.contains("first success: 42, says turin (push 2)"), "{output}");
}

#[test]
#[cfg(feature = "tokio")]
fn fetch() {
    let _watch = Watch::new();
    let texts = [
        "flaky: at attempt 3",
        "news: no news",
        "entry \"slow\" timed out",
        "no such table",
        "entry \"stuck\" is still running",
        "entry \"promised\" was abandoned",
    ];
    assert_prints("fetch", &texts);
}
