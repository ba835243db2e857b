//! Rust source as words, literals and punctuation, each with its line: comments are gone, strings
//! are opaque.

use std::collections::BTreeSet;
use std::ops::Range;

/// A word (identifier, keyword, number), a literal, or one character of punctuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// Where it starts, counted from 1.
    pub(crate) line: usize,
}

impl<'a> Token<'a> {
    /// The text of a name or keyword (`r#type` is `type`).
    pub(crate) fn word(&self) -> Option<&'a str> {
        let name = self.text.strip_prefix("r#").unwrap_or(self.text);
        name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            .then_some(name)
            .filter(|n| n.chars().all(in_word))
    }
}

/// Takes `text` apart. Source that does not compile may come out oddly, never as a panic.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut found, mut rest, mut line) = (Vec::new(), text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, kept) = if first.is_whitespace() {
            (first.len_utf8(), false)
        } else if let Some(length) = comment(rest) {
            (length, false)
        } else {
            let length = string(rest).or_else(|| character(rest)).or_else(|| word(rest));
            (length.unwrap_or(first.len_utf8()), true)
        };
        let (text, after) = rest.split_at(length);
        if kept {
            found.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    rest.strip_prefix("/*")?;
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let open = rest[at..].find("/*");
        let close = rest[at..].find("*/");
        match (open, close) {
            (Some(open), Some(close)) if open < close => (depth, at) = (depth + 1, at + open + 2),
            (_, Some(close)) => (depth, at) = (depth - 1, at + close + 2),
            (_, None) => return Some(rest.len()),
        }
    }
    Some(at)
}

/// `"…"`, `b"…"`, `c"…"`, `r#"…"#` and the like.
fn string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    if let Some(raw) = body.strip_prefix('r') {
        let quoted = raw.trim_start_matches('#');
        let hashes = &raw[..raw.len() - quoted.len()];
        let inside = quoted.strip_prefix('"')?;
        let end = format!("\"{hashes}");
        let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
        return Some(rest.len() - inside.len() + length);
    }
    let inside = body.strip_prefix('"')?;
    Some(rest.len() - inside.len() + up_to(inside, '"'))
}

/// `'a'`, `b'\n'`, and the lifetime `'a`.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('\'')?;
    let before = rest.len() - inside.len();
    let second = inside.char_indices().nth(1);
    if inside.starts_with('\\') || second.is_some_and(|(_, c)| c == '\'') {
        return Some(before + up_to(inside, '\''));
    }
    Some(before + word(inside).unwrap_or(0))
}

/// The length up to and including the first `end` that no backslash precedes.
fn up_to(inside: &str, end: char) -> usize {
    let mut characters = inside.char_indices();
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == end {
            return at + c.len_utf8();
        }
    }
    inside.len()
}

fn word(rest: &str) -> Option<usize> {
    let name = rest.strip_prefix("r#").unwrap_or(rest);
    let length = name.find(|c| !in_word(c)).unwrap_or(name.len());
    (length > 0).then_some(rest.len() - name.len() + length)
}

/// The index of the bracket that closes the one at `open`, or of the end.
pub(crate) fn close(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len()
}

/// Where the attributes are: each range runs from behind `#[` (or `#![`) up to the `]`.
pub(crate) fn attributes(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let opens = (0..tokens.len()).filter_map(|at| {
        let bang = usize::from(tokens.get(at + 1).is_some_and(|t| t.text == "!"));
        let open = at + 1 + bang;
        (tokens[at].text == "#" && tokens.get(open).is_some_and(|t| t.text == "[")).then_some(open)
    });
    opens.map(|open| open + 1..close(tokens, open)).collect()
}

/// A module that only test builds have: `#[cfg(test)] mod name { … }`, or `… mod name;`.
#[derive(Debug)]
pub(crate) struct TestModule<'a> {
    pub(crate) name: &'a str,
    /// From its attribute to its end.
    pub(crate) range: Range<usize>,
}

pub(crate) fn test_modules<'a>(tokens: &[Token<'a>]) -> Vec<TestModule<'a>> {
    attributes(tokens).into_iter().filter_map(|attribute| test_module(tokens, &attribute)).collect()
}

fn test_module<'a>(tokens: &[Token<'a>], attribute: &Range<usize>) -> Option<TestModule<'a>> {
    let words: BTreeSet<&str> = tokens[attribute.clone()].iter().filter_map(Token::word).collect();
    if tokens[attribute.start].text != "cfg" || !words.contains("test") || words.contains("not") {
        return None;
    }
    // Other attributes and `pub(crate)` may stand between.
    let mut at = attribute.end + 1;
    while tokens.get(at)?.text != "mod" {
        match tokens[at].text {
            "#" | "pub" => at += 1,
            "[" | "(" => at = close(tokens, at) + 1,
            _ => return None,
        }
    }
    let name = tokens.get(at + 1)?.word()?;
    let end = (close(tokens, at + 2) + 1).min(tokens.len());
    Some(TestModule { name, range: attribute.start.saturating_sub(2)..end })
}

/// The tokens without what only test builds have.
pub(crate) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let tests = test_modules(tokens);
    let outside = |index: &usize| !tests.iter().any(|t| t.range.contains(index));
    (0..tokens.len()).filter(outside).map(|index| tokens[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn comments_vanish_and_strings_are_one_token() {
        assert_eq!(
            texts("a // b \"\n/* c /* d */ e */ f \"g // \\\" h\" i"),
            ["a", "f", "\"g // \\\" h\"", "i"]
        );
        assert_eq!(
            texts("r#\"a \" b\"# br\"\\\" b\"x\\\"y\" c\"z\""),
            ["r#\"a \" b\"#", "br\"\\\"", "b\"x\\\"y\"", "c\"z\""]
        );
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        assert_eq!(
            texts("'a' 'b '\\'' b'\"' '{' &'static str"),
            ["'a'", "'b", "'\\''", "b'\"'", "'{'", "&", "'static", "str"]
        );
    }

    #[test]
    fn words_know_their_line_and_raw_names_their_name() {
        let found = tokens("one\n\n  r#type::\"a\nb\" last");
        assert_eq!(found[1], Token { text: "r#type", line: 3 });
        assert_eq!(found[1].word(), Some("type"));
        assert_eq!(found.last(), Some(&Token { text: "last", line: 4 }));
        assert_eq!(found[4].word(), None);
    }

    #[test]
    fn unfinished_source_ends() {
        for source in
            ["\"a", "r#\"a\"", "/* a", "'", "b'", "#[cfg(test)", "#[cfg(test)] mod", "'\\"]
        {
            let found = tokens(source);
            test_modules(&found);
        }
    }

    #[test]
    fn test_modules_are_found_and_cut_out() {
        let source = "a;\n#[cfg(all(test, codap_loom))]\n#[path = \"x\"]\npub(crate) mod loom;\n\
                      #[cfg(not(test))] mod real;\n#[cfg(test)] use b;\n\
                      #[cfg(test)]\nmod tests { fn f() {} }";
        let found = tokens(source);
        let names: Vec<&str> = test_modules(&found).iter().map(|m| m.name).collect();
        assert_eq!(names, ["loom", "tests"]);
        let left: Vec<&str> = without_tests(&found).iter().map(|t| t.text).collect();
        let cut = texts("a; #[cfg(not(test))] mod real; #[cfg(test)] use b;");
        assert_eq!(left, cut);
    }
}
