//! No unfinished code, and no lint or test switched off without a reason.

use crate::finding::{File, Finding};
use crate::tokens::{Token, attributes, close, tokens};

const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().filter(|f| f.is_rust()).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let tokens = tokens(&file.text);
    let mut found = Vec::new();
    for pair in tokens.windows(2) {
        if UNFINISHED.contains(&pair[0].text) && pair[1].text == "!" {
            found.push(Finding::at(
                file,
                pair[0].line,
                format!("{}! is for unfinished code", pair[0].text),
            ));
        }
    }
    for attribute in attributes(&tokens) {
        check_attribute(file, &tokens[attribute], &mut found);
    }
    found
}

/// `allow(…)`, `expect(…)`, `ignore`, also inside `cfg_attr(…)`.
fn check_attribute(file: &File, attribute: &[Token<'_>], found: &mut Vec<Finding>) {
    let after = |index: usize| attribute.get(index + 1).map(|t| t.text);
    let starts = |index: usize| {
        index == 0 || attribute[0].text == "cfg_attr" && attribute[index - 1].text == ","
    };
    for (index, token) in attribute.iter().enumerate().filter(|(index, _)| starts(*index)) {
        let missing = match token.text {
            "allow" | "expect" if after(index) == Some("(") => {
                let inside = &attribute[index + 1..close(attribute, index + 1)];
                !inside.windows(2).any(|pair| pair[0].text == "reason" && pair[1].text == "=")
            }
            "ignore" => after(index) != Some("="),
            _ => false,
        };
        if missing {
            found.push(Finding::at(file, token.line, format!("#[{}] gives no reason", token.text)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        check(&[File::new("a.rs", source)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unfinished_code_is_found_but_not_in_comments_or_strings() {
        let source = "// todo!()\nfn f() { todo!(); \"dbg!\"; self.todo; }\n\
                      fn g() { unimplemented!() }\nfn h() { dbg!(1) }";
        let lines = ["a.rs:2: todo! is", "a.rs:3: unimplemented! is", "a.rs:4: dbg! is"];
        let found = found(source);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().zip(lines).all(|(f, line)| f.starts_with(line)), "{found:?}");
    }

    #[test]
    fn a_lint_switched_off_needs_a_reason() {
        for bad in ["#[allow(dead_code)]", "#![expect(a, b)]", "#[cfg_attr(test, allow(unused))]"] {
            assert_eq!(found(&format!("{bad} fn f() {{}}")).len(), 1, "{bad}");
        }
        for good in [
            "#[expect(dead_code, reason = \"x\")]",
            "#[cfg_attr(test, allow(unused, reason = \"y\"))]",
        ] {
            assert_eq!(found(&format!("{good} fn f() {{ x.expect(\"y\") }}")), [""; 0], "{good}");
        }
    }

    #[test]
    fn a_test_switched_off_needs_a_reason() {
        assert_eq!(found("#[test]\n#[ignore]\nfn f() {}"), ["a.rs:2: #[ignore] gives no reason"]);
        assert_eq!(found("#[cfg_attr(miri, ignore)] fn f() {}").len(), 1);
        assert_eq!(found("#[ignore = \"slow\"] fn f() {}"), [""; 0]);
        assert_eq!(found("#[cfg_attr(miri, ignore = \"slow\")] fn f() {}"), [""; 0]);
    }
}
