//! What `--help` says, at 80 columns. `CODAP_BLESS=1` writes it down anew.

use std::path::Path;

use crate::tool::codap;

#[test]
fn help_is_as_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help");
    for command in ["", "get", "list", "race", "archive", "demo", "completions", "man"] {
        let args: Vec<&str> = [command, "--help"].into_iter().filter(|it| !it.is_empty()).collect();
        let help = codap(&args).prints();
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let name = if command.is_empty() { "codap" } else { command };
        let path = folder.join(format!("{name}.txt"));
        if std::env::var_os("CODAP_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &help).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(help, expected, "{}: CODAP_BLESS=1 writes it anew", path.display());
    }
}

#[test]
fn without_a_command_help_is_told_on_stderr() {
    let ran = codap::<&str>([]).run();
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    assert!(ran.stderr.contains("Usage: codap"), "{}", ran.stderr);
}

#[test]
fn exit_codes_are_in_the_help() {
    let help = codap(["--help"]).prints();
    for code in ["0  ", "1  ", "2  ", "3  ", "130  "] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(code)), "{code}");
    }
}

#[test]
fn completions_and_manual_pages_know_every_option() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = codap(["completions", shell]).prints();
        assert!(text.contains("fail-fast") && text.contains("race"), "{shell}");
    }
    let page = codap(["man"]).prints();
    assert!(page.starts_with(".ie") || page.contains(".TH codap"), "{page}");
    assert!(page.contains("130"), "exit codes are in it");
    let page = codap(["man", "get"]).prints();
    assert!(page.contains("template") && page.contains("codap\\-get"), "{page}");
    codap(["man", "nope"]).run().told(2, &["there is no command nope; there are get, list, race"]);
    codap(["completions", "nosuchshell"]).run().told(2, &["nosuchshell"]);
}

#[test]
fn the_version_is_that_of_the_workspace() {
    assert_eq!(codap(["--version"]).prints(), format!("codap {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_makes_no_sense_is_one_line_with_what_to_do() {
    let told = |args: &[&str], line: &str| {
        codap(args).run().said(2, &[&format!("codap: {line}")]);
    };
    told(
        &["lst"],
        "unrecognized subcommand 'lst'; a similar subcommand exists: 'list' (see codap --help)",
    );
    told(
        &["get", "--limit=0", "a=a"],
        "invalid value '0' for '--limit <N>': nothing could run (see codap get --help)",
    );
    told(
        &["race"],
        "the following required arguments were not provided: <URI>... (see codap race --help)",
    );
}
