//! Headers: `Name: value`, with `${VAR}` from the environment.

use std::env;

/// A header with its value complete. Its value is a secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Header {
    /// Of `Name: value`, or what is wrong with that. The text itself is not told: it holds a secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once(':')
            .filter(|(name, _)| is_token(name.trim()))
            .ok_or("a header is written 'Name: value'")?;
        Self::new(name.trim(), value.trim())
    }

    pub(crate) fn new(name: &str, value: &str) -> Result<Self, String> {
        if !is_token(name) {
            return Err(format!("{name:?} is no name of a header; write letters, digits and -"));
        }
        let value = complete(value).map_err(|error| format!("header {name}: {error}"))?;
        Ok(Self { name: name.to_owned(), value })
    }
}

fn is_token(name: &str) -> bool {
    let mark = |c: char| "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || mark(c))
}

/// `text` with the environment's values in place of `${VAR}`; `$$` is a dollar.
fn complete(text: &str) -> Result<String, String> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            value.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (name, after) = after.split_once('}').ok_or("${ has no }; write ${VAR}")?;
            value.push_str(&variable(name)?);
            rest = after;
        } else {
            value.push('$');
        }
    }
    value.push_str(rest);
    Ok(value)
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| match error {
        env::VarError::NotPresent => {
            format!("the environment has no {name}; set it, as in {name}=… codap …")
        }
        env::VarError::NotUnicode(_) => format!("the environment's {name} is not UTF-8"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_dollars() {
        assert_eq!(
            complete("a $5 $$x ${PATH}").unwrap(),
            format!("a $5 $x {}", env::var("PATH").unwrap())
        );
        assert!(
            complete("${NO_SUCH_VARIABLE_1}").is_err_and(|it| it.contains("NO_SUCH_VARIABLE_1"))
        );
        assert!(complete("${open").is_err());
    }

    #[test]
    fn what_is_no_header_is_not_told_back() {
        for text in ["s3cret", "s3 cret: x", ": s3cret"] {
            assert!(Header::parse(text).is_err_and(|it| !it.contains("s3")), "{text}");
        }
    }
}
