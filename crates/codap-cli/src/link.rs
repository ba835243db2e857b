//! What an entry fetches: a URI, or one that other entries complete.

use std::collections::BTreeMap;
use std::sync::Arc;

use codap_sources::Uri;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a URI as it is; all else of a value is percent-encoded, so that a value can
/// never be more than a part of a path or of a query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A URI, or what becomes one.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    Fixed(Uri),
    /// `https://host/photos?owner={{ user.id }}`
    Made(Arc<Recipe>),
}

/// A URI with holes, and whose values go there.
#[derive(Debug)]
pub(crate) struct Recipe {
    text: String,
    uses: Vec<String>,
    /// Of what stands before the first hole.
    origin: Option<String>,
    shown: String,
}

impl Link {
    /// What `text` says, or what is wrong with it. An entry's own URI is checked again once it is
    /// complete.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(hole) = text.find("{{").into_iter().chain(text.find("{%")).min() else {
            return text
                .parse()
                .map(Self::Fixed)
                .map_err(|error: codap_sources::Error| error.to_string());
        };
        let environment = environment();
        let template = environment
            .template_from_named_str(NAME, text)
            .map_err(|error| format!("has a hole that is none: {}", reason(&error)))?;
        let mut uses: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        uses.sort();
        let (before, _) = text.split_at(hole);
        let origin = origin_of(before);
        // What is wrong with the part that is known is told before anything starts.
        let shown = match before.parse::<Uri>() {
            Ok(uri) => format!("{uri}…"),
            Err(error) if before.contains("://") && origin.is_some() => {
                return Err(error.to_string());
            }
            Err(_) => "…".to_owned(),
        };
        Ok(Self::Made(Arc::new(Recipe { text: text.to_owned(), uses, origin, shown })))
    }

    /// The names of the entries that it uses.
    pub(crate) fn uses(&self) -> &[String] {
        match self {
            Self::Fixed(_) => &[],
            Self::Made(recipe) => &recipe.uses,
        }
    }

    /// Where it leads, as far as that is certain from the start.
    pub(crate) fn origin(&self) -> Option<&str> {
        match self {
            Self::Fixed(uri) => Some(uri.origin()),
            Self::Made(recipe) => recipe.origin.as_deref(),
        }
    }

    /// It without its secrets.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Fixed(uri) => uri.to_string(),
            Self::Made(recipe) => recipe.shown.clone(),
        }
    }
}

impl Recipe {
    pub(crate) fn uses(&self) -> &[String] {
        &self.uses
    }

    /// The URI, with the values of the entries that it uses.
    pub(crate) fn complete(&self, values: BTreeMap<String, Value>) -> Result<Uri, String> {
        let environment = environment();
        let text = environment
            .template_from_named_str(NAME, &self.text)
            .and_then(|template| template.render(values))
            .map_err(|error| format!("its URI cannot be completed: {}", reason(&error)))?;
        text.parse().map_err(|error: codap_sources::Error| error.to_string())
    }
}

const NAME: &str = "the URI";

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(|out, _, value| {
        use minijinja::value::ValueKind::{Bool, Number, String};
        if !matches!(value.kind(), Bool | Number | String) {
            let what = format!("a value is {}, not a text or a number", kind(value));
            return Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, what));
        }
        let text = value.to_string();
        out.write_str(&utf8_percent_encode(&text, ENCODED).to_string())
            .map_err(minijinja::Error::from)
    });
    environment
}

fn kind(value: &Value) -> String {
    match value.kind() {
        minijinja::value::ValueKind::None => "null".to_owned(),
        kind => format!("a {kind}"),
    }
}

/// What a template says is wrong, without the template's text, which may hold secrets.
fn reason(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// The origin of a URI that begins with `text`, if it cannot be another one.
fn origin_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("://")?;
    rest.contains(['/', '?', '#']).then_some(())?;
    text.parse::<Uri>().ok().map(|uri| uri.origin().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str, values: &[(&str, Value)]) -> Result<String, String> {
        let Link::Made(recipe) = Link::parse(text)? else { return Err("is fixed".to_owned()) };
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        recipe.complete(values.collect()).map(|uri| uri.to_string())
    }

    #[test]
    fn values_are_parts_and_never_more() {
        let value = |text: &str| [("a", Value::from(text))];
        for (text, expected) in [
            ("cats & dogs", "http://h/x?q=cats%20%26%20dogs"),
            ("../../etc", "http://h/x?q=..%2F..%2Fetc"),
            ("@evil.example/#", "http://h/x?q=%40evil.example%2F%23"),
            ("ä", "http://h/x?q=%C3%A4"),
        ] {
            assert_eq!(complete("http://h/x?q={{ a }}", &value(text)).as_deref(), Ok(expected));
        }
        let safe = complete("http://h/{{ a|safe }}", &value("a/b"));
        assert_eq!(safe.as_deref(), Ok("http://h/a%2Fb"));
    }

    #[test]
    fn what_is_no_text_is_told() {
        let list = [("a", Value::from(vec![1]))];
        assert!(complete("http://h/{{ a }}", &list).is_err_and(|it| it.contains("sequence")));
        assert!(complete("http://h/{{ a.b }}", &[("a", Value::from(()))]).is_err());
        let parsed = Link::parse("http://h/{{ a").map(|_| ());
        assert!(parsed.is_err_and(|it| it.contains("hole")));
    }

    #[test]
    fn an_origin_is_known_once_nothing_can_change_it() {
        let origin = |text| Link::parse(text).unwrap().origin().map(str::to_owned);
        assert_eq!(origin("http://h/{{ a }}").as_deref(), Some("http://h"));
        assert_eq!(origin("http://h?x={{ a }}").as_deref(), Some("http://h"));
        assert_eq!(origin("http://h{{ a }}/"), None);
        assert_eq!(origin("{{ a }}"), None);
    }

    #[test]
    fn json_in_a_query_is_no_hole() {
        let text = r#"mongodb://h/d/c?filter={"age":{"$gt":30}}"#;
        assert!(matches!(Link::parse(text), Ok(Link::Fixed(_))));
    }
}
