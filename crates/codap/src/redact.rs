//! Secrets stay out of what codap prints: keys and foreign messages often are, or quote, URLs.

/// `text` in one line, without the user-info and query of URLs, without bearer and basic
/// credentials, and without the values of fields whose name says that they are secret: what every
/// message of codap goes through, for those of its users.
///
/// It knows secrets by their looks and errs on the side of hiding; what looks like prose stays. The
/// cost is one pass over the text and a copy.
///
/// ```
/// let error = "GET https://ada:s3cret@api.example.org/users?token=abc failed: 403";
/// assert_eq!(codap::redact(error), "GET https://…@api.example.org/users?… failed: 403");
/// ```
pub fn redact(text: &str) -> String {
    // Most names are one plain word, and nothing below finds a secret in such a one.
    if !text.contains([' ', '\n', '\r', '\t', ':', '=']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut hide_next = false;
    let mut field = Field::Open;
    for (i, word) in text.split([' ', '\n', '\r', '\t']).enumerate() {
        if i > 0 {
            out.push(' ');
        }
        if field.hides(word) {
            out.push('…');
            continue;
        }
        if std::mem::take(&mut hide_next) && looks_like_a_credential(word) {
            out.push('…');
            continue;
        }
        hide_next = names_a_scheme(word);
        field = Field::named_by(word);
        match field {
            Field::Open | Field::Next => push_word(word, &mut out),
            Field::Quoted | Field::Here => {
                out.push_str(&word[..=word.find(':').unwrap_or(0)]);
                out.push('…');
            }
        }
    }
    out
}

/// Where the value of a secret field is, as structs print (`password: Some("…")`) and JSON does
/// (`"password":"…"`).
#[derive(Clone, Copy)]
enum Field {
    /// There is none.
    Open,
    /// It begins with the next word.
    Next,
    /// It began in a quoted text, which has not ended.
    Quoted,
    /// It is in the word of its name.
    Here,
}

impl Field {
    fn named_by(word: &str) -> Self {
        let Some((name, value)) = word.split_once(':') else { return Self::Open };
        let lower = name.to_ascii_lowercase();
        let query = lower.trim_matches('"') == "query";
        if value.starts_with("//") || !query && !SECRET_NAMES.iter().any(|it| lower.contains(it)) {
            return Self::Open;
        }
        match value {
            "" => Self::Next,
            value if quotes(value) % 2 == 1 => Self::Quoted,
            _ => Self::Here,
        }
    }

    /// Whether `word` is of the value.
    fn hides(&mut self, word: &str) -> bool {
        let odd = quotes(word) % 2 == 1;
        let (hides, then) = match self {
            // "Authorization: Bearer": the credential comes after that.
            Self::Next if names_a_scheme(word) => (false, Self::Open),
            Self::Next if odd => (true, Self::Quoted),
            Self::Next => (looks_like_a_value(word), Self::Open),
            Self::Quoted if odd => (true, Self::Open),
            Self::Quoted => (true, Self::Quoted),
            Self::Open | Self::Here => (false, Self::Open),
        };
        *self = then;
        hides
    }
}

fn quotes(word: &str) -> usize {
    word.replace("\\\"", "").matches('"').count()
}

/// "token: invalid" is prose, and `token: None` no secret.
fn looks_like_a_value(word: &str) -> bool {
    let word = word.trim_end_matches([',', '}']);
    word != "None" && looks_like_a_credential(word)
}

fn names_a_scheme(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    bare.eq_ignore_ascii_case("bearer") || bare.eq_ignore_ascii_case("basic")
}

/// "basic auth" is two words of English; "basic dXNlcg==" is not.
fn looks_like_a_credential(word: &str) -> bool {
    word.contains(|c: char| !c.is_ascii_lowercase())
}

fn push_word(word: &str, out: &mut String) {
    match word.find("://") {
        Some(at) => push_url(word, at + 3, out),
        None => push_fields(word, out),
    }
}

/// What may end a URL inside running text.
fn ends_url(c: char) -> bool {
    matches!(c, '"' | '\'' | '<' | '>' | ')' | ']' | '}' | '`' | ',' | ';' | '|')
}

fn push_url(word: &str, authority: usize, out: &mut String) {
    let (scheme, rest) = word.split_at(authority);
    out.push_str(scheme);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may hold anything, also an '@' or a quote: the last '@' of the authority counts.
    let rest = match rest[..end].rfind('@') {
        Some(at) => {
            out.push_str("…@");
            &rest[at + 1..]
        }
        None => rest,
    };
    match rest.find('?') {
        Some(query) => {
            out.push_str(&rest[..=query]);
            out.push('…');
            let tail = &rest[query + 1..];
            if let Some(stop) = tail.find(ends_url) {
                push_word(&tail[stop..], out);
            }
        }
        None => match rest.find("://") {
            Some(at) => push_url(rest, at + 3, out),
            None => out.push_str(rest),
        },
    }
}

const SECRET_NAMES: [&str; 9] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "signature",
    "authorization",
];

fn push_fields(word: &str, out: &mut String) {
    let mut rest = word;
    while let Some(eq) = rest.find('=') {
        let (name, value) = rest.split_at(eq + 1);
        out.push_str(name);
        let lower = name.to_ascii_lowercase();
        let end = value.find(['&', ';', ',']).unwrap_or(value.len());
        if SECRET_NAMES.iter().any(|secret| lower.contains(secret)) {
            out.push('…');
        } else {
            out.push_str(&value[..end]);
        }
        rest = &value[end..];
        if let Some(separator) = rest.chars().next() {
            out.push(separator);
            rest = &rest[separator.len_utf8()..];
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::redact;
    use crate::leaks::Watch;

    #[test]
    fn secrets_are_cut_out_and_the_rest_is_kept() {
        let _watch = Watch::new();
        for (text, expected) in [
            ("plain key 42", "plain key 42"),
            ("https://host/a/b", "https://host/a/b"),
            ("https://ada:s3cret@host/a", "https://…@host/a"),
            ("https://ada:p@ss@host/a?x=1", "https://…@host/a?…"),
            ("\"s3://b/k?X-Amz-Signature=abc\" failed", "\"s3://b/k?…\" failed"),
            (
                "error for url (http://u:p@h/x?token=1): refused",
                "error for url (http://…@h/x?…): refused",
            ),
            ("Authorization: Bearer abc.def rest", "Authorization: Bearer … rest"),
            ("basic dXNlcg==", "basic …"),
            ("basic auth is off", "basic auth is off"),
            ("token=abc&page=2", "token=…&page=2"),
            ("password=hunter2", "password=…"),
            ("a=b", "a=b"),
            (
                r#"Url { username: "ada", password: Some("s3cret"), port: None }"#,
                r#"Url { username: "ada", password: … port: None }"#,
            ),
            (
                r#"Url { query: Some("q=s3cret"), fragment: None }"#,
                "Url { query: … fragment: None }",
            ),
            (r#"Db { password: "with two spaces", port: 1 }"#, "Db { password: … … … port: 1 }"),
            (r#"{"token":"abc","page":2}"#, r#"{"token":…"#),
            ("token: invalid", "token: invalid"),
            ("password: None, x: 1", "password: None, x: 1"),
            ("two\nlines\r\nhere", "two lines  here"),
            ("proxy=http://p:q@one/http://r:s@two/", "proxy=http://…@one/http://…@two/"),
        ] {
            assert_eq!(redact(text), expected, "of {text:?}");
        }
    }
}
