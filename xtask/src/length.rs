//! A file holds one idea: at most 500 lines of code, and an ARCHITECTURE.md that is read in one go.

use std::collections::BTreeSet;

use crate::finding::{File, Finding};
use crate::tokens::{tokens, without_tests};

const CODE_LINES: usize = 500;
const ARCHITECTURE_LINES: usize = 150;

pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files {
        let lines = code_lines(&file.text);
        if file.is_rust() && lines > CODE_LINES {
            found.push(Finding::whole(
                file,
                format!("{lines} lines of code, at most {CODE_LINES}: split it by idea"),
            ));
        }
    }
    match files.iter().find(|f| f.path == "ARCHITECTURE.md") {
        None => found.push(Finding::missing("ARCHITECTURE.md")),
        Some(file) => {
            let lines = file.text.lines().count();
            if lines > ARCHITECTURE_LINES {
                found.push(Finding::whole(
                    file,
                    format!("{lines} lines, at most {ARCHITECTURE_LINES}"),
                ));
            }
        }
    }
    found
}

/// Neither blank nor comment, outside test modules.
fn code_lines(text: &str) -> usize {
    let tokens = tokens(text);
    let kept = without_tests(&tokens);
    let lines = kept.iter().flat_map(|t| t.line..=t.line + t.text.matches('\n').count());
    lines.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let text = "//! doc\n\nfn a() {\n    /* why\n    */\n    b(\"x\ny\"); // c\n}\n\n\
                    #[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";
        assert_eq!(code_lines(text), 4);
    }

    #[test]
    fn a_long_file_is_named() {
        let long = File::new("crates/codap/src/group.rs", "x;\n".repeat(501));
        let commented =
            File::new("crates/codap/src/slot.rs", "// x;\n".repeat(900) + &"x;\n".repeat(500));
        let architecture = File::new("ARCHITECTURE.md", "x\n".repeat(150));
        let found = check(&[long, commented, architecture]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].to_string().starts_with("crates/codap/src/group.rs: 501 lines of code"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn a_long_or_missing_architecture_is_found() {
        let long = File::new("ARCHITECTURE.md", "x\n".repeat(151));
        assert_eq!(check(&[long]).len(), 1);
        assert_eq!(check(&[])[0].to_string(), "ARCHITECTURE.md: missing");
    }
}
