//! JSON as text, laid out anew and otherwise as it came: numbers keep their digits, objects their
//! order.

/// Deeper than this no document is taken for JSON: laid out in lines it would grow by its depth
/// in every line.
const DEPTH_MAX: usize = 127;

/// Whether `text` is JSON. It takes no memory to find out.
pub(crate) fn is_json(text: &str) -> bool {
    depth(text) <= DEPTH_MAX && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn depth(text: &str) -> usize {
    let mut in_string = Strings::default();
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes().filter(|&byte| !in_string.passes(byte)) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// `json`, which is valid, in one line.
pub(crate) fn push_line(json: &str, out: &mut Vec<u8>) {
    let mut in_string = Strings::default();
    out.extend(json.bytes().filter(|&byte| in_string.passes(byte) || !is_space(byte)));
}

/// `json`, which is valid, with a line for each element, two spaces a level, from `depth` levels
/// on.
pub(crate) fn push_indented(json: &str, mut depth: usize, out: &mut Vec<u8>) {
    let mut in_string = Strings::default();
    let mut bytes = json.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if in_string.passes(byte) {
            out.push(byte);
            continue;
        }
        match byte {
            _ if is_space(byte) => {}
            b'{' | b'[' => {
                out.push(byte);
                while bytes.next_if(|&next| is_space(next)).is_some() {}
                match bytes.next_if(|&next| matches!(next, b'}' | b']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        push_break(depth, out);
                    }
                }
            }
            b'}' | b']' => {
                depth -= 1;
                push_break(depth, out);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                push_break(depth, out);
            }
            b':' => out.extend(b": "),
            _ => out.push(byte),
        }
    }
}

fn push_break(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', 2 * depth));
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Where strings begin and end.
#[derive(Default)]
struct Strings {
    inside: bool,
    escaped: bool,
}

impl Strings {
    /// Whether `byte`, the next one, is of a string, its quotes included.
    fn passes(&mut self, byte: u8) -> bool {
        let inside = self.inside;
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if inside => self.escaped = true,
            b'"' => self.inside = !inside,
            _ => {}
        }
        inside || self.inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#" {"a" : [1.50, 123456789012345678901234567890,{}, [ ] ],
        "b\" :,": "x y\\", "c":null}"#;

    #[test]
    fn a_line_has_no_space_but_in_strings() {
        let mut out = Vec::new();
        push_line(JSON, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"a":[1.50,123456789012345678901234567890,{},[]],"b\" :,":"x y\\","c":null}"#
        );
    }

    #[test]
    fn what_is_nested_too_deep_is_no_json() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_json(&nested(127)) && !is_json(&nested(128)) && !is_json("[1,]"));
    }

    #[test]
    fn an_element_has_a_line() {
        let mut out = Vec::new();
        push_indented(r#"{"a":[1,{}],"b":"x, y"}"#, 1, &mut out);
        let expected = "{\n    \"a\": [\n      1,\n      {}\n    ],\n    \"b\": \"x, y\"\n  }";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn layout_changes_no_value() {
        let value: serde_json::Value = serde_json::from_str(JSON).unwrap();
        for push in [push_line as fn(&str, &mut Vec<u8>), |json, out| push_indented(json, 0, out)] {
            let mut out = Vec::new();
            push(JSON, &mut out);
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).unwrap(), value);
        }
    }
}
