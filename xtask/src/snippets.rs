//! Code that is shown is code that is tested: each ```` ```rust ```` block of README.md and
//! docs/*.md.
//!
//! Either the whole page is a doc test (`#[doc = include_str!("../../../README.md")]` in a crate's
//! lib.rs), or the block stands word for word in an example or an integration test.

use crate::finding::{File, Finding};
use crate::tokens::tokens;

const README: &str = "README.md";

pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let doc_tests = doc_tests(files);
    let tested: Vec<String> =
        files.iter().filter(|f| is_tested(f)).map(|f| words(&f.text)).collect();
    let mut found = Vec::new();
    if !files.iter().any(|f| f.path == README) {
        found.push(Finding::missing(README));
    }
    for page in files.iter().filter(|f| is_page(f)) {
        let is_doc_test = doc_tests.contains(&page.path);
        for block in blocks(&page.text) {
            let stands_elsewhere = tested.iter().any(|text| text.contains(&words(&block.code)));
            if !(stands_elsewhere || is_doc_test && !block.ignored) {
                found.push(Finding::at(
                    page,
                    block.line,
                    "this code is neither a doc test nor part of an example",
                ));
            }
        }
    }
    found
}

fn is_page(file: &File) -> bool {
    let in_docs = file.path.strip_prefix("docs/").is_some_and(|name| name.ends_with(".md"));
    file.path == README || in_docs
}

fn is_tested(file: &File) -> bool {
    let folder = |name: &str| {
        file.path.starts_with("crates/") && file.path.split('/').any(|part| part == name)
    };
    file.is_rust() && (folder("examples") || folder("tests"))
}

/// The pages that a lib.rs includes as documentation, as paths from the workspace root.
fn doc_tests(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|f| f.path.ends_with("src/lib.rs")) {
        for run in tokens(&file.text).windows(6) {
            let start: Vec<&str> = run[..5].iter().map(|t| t.text).collect();
            if start == ["doc", "=", "include_str", "!", "("] {
                found.push(resolve(&file.path, run[5].text.trim_matches('"')));
            }
        }
    }
    found
}

/// `../x` seen from the file at `from`.
fn resolve(from: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

struct Block {
    line: usize,
    code: String,
    ignored: bool,
}

/// The blocks of Rust code in a page of Markdown.
fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let line = line.trim();
        let info = line.trim_start_matches('`');
        let fence = &line[..line.len() - info.len()];
        if fence.len() < 3 {
            continue;
        }
        let inside: Vec<&str> =
            lines.by_ref().map(|(_, l)| l).take_while(|l| l.trim() != fence).collect();
        let marks: Vec<&str> = info.split([',', ' ']).collect();
        if marks.contains(&"rust") {
            found.push(Block {
                line: at + 1,
                code: inside.join("\n"),
                ignored: marks.contains(&"ignore"),
            });
        }
    }
    found
}

/// Indentation and line breaks are no difference.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# codap\n\n```sh\ncargo add codap\n```\n\n```rust\nlet a = 1;\nlet b = 2;\n```\n";

    fn found(page: &str, others: &[(&str, &str)]) -> Vec<String> {
        let others = others.iter().map(|(path, text)| File::new(*path, *text));
        let files: Vec<File> = others.chain([File::new(README, page)]).collect();
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn code_that_nothing_tests_is_found() {
        let only = ["README.md:7: this code is neither a doc test nor part of an example"];
        assert_eq!(found(PAGE, &[]), only);
        assert_eq!(found(PAGE, &[("crates/codap/examples/a.rs", "let a = 1; let b = 3;")]), only);
        assert_eq!(found(PAGE, &[("crates/codap/src/a.rs", "let a = 1; let b = 2;")]), only);
    }

    #[test]
    fn code_of_an_example_passes_whatever_its_indentation() {
        let example = "fn main() {\n    let a = 1;\n    let b = 2;\n}\n";
        assert_eq!(found(PAGE, &[("crates/codap/examples/a.rs", example)]), [""; 0]);
        assert_eq!(found(PAGE, &[("crates/codap/tests/it/a.rs", example)]), [""; 0]);
    }

    #[test]
    fn a_doc_test_covers_its_page_and_no_other() {
        let readme =
            "#[cfg(doctest)]\n#[doc = include_str!(\"../../../README.md\")]\nstruct Readme;";
        let lib = ("crates/codap/src/lib.rs", readme);
        assert_eq!(found(PAGE, &[lib]), [""; 0]);
        assert_eq!(
            found("none", &[lib, ("docs/a.md", PAGE)])[0].split(": ").next(),
            Some("docs/a.md:7")
        );
        let commented = format!("// {}", readme.replace('\n', "\n// "));
        assert_eq!(found(PAGE, &[("crates/codap/src/lib.rs", &commented)]).len(), 1);
    }

    #[test]
    fn an_ignored_block_is_no_doc_test() {
        let lib = ("crates/codap/src/lib.rs", "#![doc = include_str!(\"../../../README.md\")]");
        assert_eq!(found(&PAGE.replace("```rust", "```rust,ignore"), &[lib]).len(), 1);
        assert_eq!(found(&PAGE.replace("```rust", "```rust,no_run"), &[lib]), [""; 0]);
    }

    #[test]
    fn a_missing_readme_is_found() {
        assert_eq!(check(&[])[0].to_string(), "README.md: missing");
    }
}
