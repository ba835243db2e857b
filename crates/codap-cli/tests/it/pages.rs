//! Commands that pages show do what the pages say.
//!
//! In docs/cli.md a block of `console` has commands after `$ ` (and `> `, where they go on), each
//! with what it prints, stdout and stderr as they come. Blocks run one after another in one folder, which has the files that blocks
//! headed by `<!-- file: NAME -->` hold. `…` stands for anything within a line.

use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../../../docs/cli.md");

/// A block of the page.
enum Block<'a> {
    File(&'a str, String),
    Command { line: usize, command: String, output: String },
}

fn blocks() -> Vec<Block<'static>> {
    let mut blocks = Vec::new();
    let mut name = None;
    let mut lines = PAGE.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(rest) = line.strip_prefix("<!-- file: ") {
            name = rest.strip_suffix(" -->");
            continue;
        }
        let Some(language) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        if let Some(name) = name.take() {
            blocks.push(Block::File(name, body.join("\n") + "\n"));
        } else if language == "console" {
            commands(at + 2, &body, &mut blocks);
        }
    }
    blocks
}

fn commands(first: usize, body: &[&str], blocks: &mut Vec<Block<'static>>) {
    for (at, text) in body.iter().enumerate() {
        if let Some(command) = text.strip_prefix("$ ") {
            let (line, command) = (first + at, command.to_owned());
            blocks.push(Block::Command { line, command, output: String::new() });
            continue;
        }
        let Some(Block::Command { command, output, .. }) = blocks.last_mut() else {
            panic!("docs/cli.md:{}: output without a command", first + at);
        };
        match text.strip_prefix("> ") {
            Some(more) => command.push_str(&format!("\n{more}")),
            None => output.push_str(&format!("{text}\n")),
        }
    }
}

/// Whether `line` is `pattern`, in which `…` is anything.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        last = part;
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || (pattern.contains('…') && last.is_empty())
}

#[test]
fn every_command_of_the_page_prints_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_codap")).parent().unwrap();
    let path = std::env::join_paths(
        [bin.to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let mut ran = 0;
    for block in blocks() {
        let (line, command, expected) = match block {
            Block::File(name, content) => {
                std::fs::write(folder.path().join(name), content).unwrap();
                continue;
            }
            Block::Command { line, command, output } => (line, command, output),
        };
        ran += 1;
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(folder.path());
        let output = shell.env("PATH", &path).env("NO_COLOR", "1").output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let (expected, printed): (Vec<_>, Vec<_>) =
            (expected.trim_end().lines().collect(), printed.trim_end().lines().collect());
        let same = expected.len() == printed.len()
            && expected.iter().zip(&printed).all(|(pattern, line)| fits(pattern, line));
        assert!(same, "docs/cli.md:{line}: {command}\nprints\n{}", printed.join("\n"));
    }
    assert!(ran >= 12, "only {ran} commands were found");
}
