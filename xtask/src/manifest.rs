//! As much of a Cargo.toml as the checks need: `key = value` lines, each with its section.

/// A line of a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) section: &'a str,
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) line: usize,
}

/// The entries of `text`, in order. A value that spans lines is seen with its first one only.
pub(crate) fn entries(text: &str) -> Vec<Entry<'_>> {
    let (mut section, mut found) = ("", Vec::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_start_matches('[').split(']').next().unwrap_or_default();
        } else if !line.starts_with(['#', '"', '{'])
            && let Some((key, value)) = line.split_once('=')
        {
            found.push(Entry { section, key: key.trim(), value: value.trim(), line: index + 1 });
        }
    }
    found
}

/// The text between the first pair of quotes in `value`.
pub(crate) fn string(value: &str) -> Option<&str> {
    value.split('"').nth(1)
}

/// `version` of `{ path = "x", version = "1.0" }`.
pub(crate) fn field<'a>(inline_table: &'a str, name: &str) -> Option<&'a str> {
    let inside = inline_table.strip_prefix('{')?.split('}').next()?;
    inside
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.trim() == name)?
        .1
        .split('"')
        .nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_know_their_section_and_line() {
        let text =
            "[package]\nname = \"a\" # why\n\n[features]\n# comment = no\nall = [\n  \"x\",\n]\n";
        let found = entries(text);
        assert_eq!(
            found[0],
            Entry { section: "package", key: "name", value: "\"a\" # why", line: 2 }
        );
        assert_eq!(found[1].key, "all");
        assert_eq!(found.len(), 2);
        assert_eq!(string(found[0].value), Some("a"));
    }

    #[test]
    fn inline_tables_give_their_fields() {
        let table = r#"{ path = "crates/codap", version = "0.1.0", features = ["a"] }"#;
        assert_eq!(field(table, "version"), Some("0.1.0"));
        assert_eq!(field(table, "path"), Some("crates/codap"));
        assert_eq!(field(table, "git"), None);
        assert_eq!(field("\"1\"", "path"), None);
    }
}
