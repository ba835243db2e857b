//! What names a document: checked when it is made, and shown without its secrets.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::adapter::{self, Adapter};
use crate::error::{Error, Kind};
use crate::secret::redact_query;

/// The name of a document: `scheme://…`, or a path.
///
/// Made from text by `parse` or `try_from`, which check it: an unknown scheme is an error that
/// lists the known ones. `Display` and `Debug` show it without user-info, fragment and the query
/// values of secret names; what shows all of it there is not. Cloning is cheap.
///
/// ```
/// use codap_sources::Uri;
///
/// let uri: Uri = "https://ada:s3cret@api.example.org/users?page=2&token=s3cret".parse()?;
/// assert_eq!(uri.to_string(), "https://…@api.example.org/users?page=2&token=…");
/// assert_eq!(uri.scheme(), "https");
/// assert_eq!(uri.origin(), "https://api.example.org");
///
/// let file = Uri::try_from("pages/index.json")?;
/// assert_eq!(file.scheme(), "file");
/// # Ok::<(), codap_sources::Error>(())
/// ```
#[derive(Clone)]
pub struct Uri(Arc<Inner>);

struct Inner {
    adapter: Adapter,
    /// As it was given; secrets included.
    text: Box<str>,
    parts: Parts,
    origin: Box<str>,
    shown: Box<str>,
    #[cfg(feature = "http")]
    url: Option<url::Url>,
}

/// Where the parts of the text are, as RFC 3986 has them: `scheme://authority/path?query#fragment`.
/// A plain path is all path.
#[derive(Clone, Default)]
struct Parts {
    scheme: Box<str>,
    authority: Option<Box<str>>,
    path: Box<str>,
    query: Option<Box<str>>,
    has_fragment: bool,
}

impl Parts {
    fn of(text: &str) -> Self {
        let Some((scheme, rest)) = split_scheme(text) else {
            return Self { scheme: "file".into(), path: text.into(), ..Self::default() };
        };
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Self {
            scheme: scheme.to_ascii_lowercase().into(),
            authority: authority.map(Into::into),
            path: path.into(),
            query: query.map(Into::into),
            has_fragment: fragment.is_some(),
        }
    }

    /// User-info, and the host or hosts with their ports. A password may hold anything, also an
    /// '@': the last one counts.
    fn split_authority(&self) -> (Option<&str>, &str) {
        let authority = self.authority.as_deref().unwrap_or_default();
        match authority.rsplit_once('@') {
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        }
    }

    fn shown(&self) -> String {
        let mut shown = format!("{}:", self.scheme);
        if self.authority.is_some() {
            let (user_info, hosts) = self.split_authority();
            shown.push_str("//");
            shown.push_str(if user_info.is_some() { "…@" } else { "" });
            shown.push_str(hosts);
        }
        shown.push_str(&self.path);
        if let Some(query) = &self.query {
            shown.push('?');
            shown.push_str(&redact_query(query));
        }
        if self.has_fragment {
            shown.push_str("#…");
        }
        shown
    }
}

/// The scheme and the rest, or nothing for a path. `C:\…` and `odd:name` are paths; `what://` never
/// is, so that a mistyped scheme is told as such.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut chars = scheme.chars();
    let well_formed = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let meant = rest.starts_with("//") || adapter::knows(&scheme.to_ascii_lowercase());
    (well_formed && meant).then_some((scheme, rest))
}

impl Uri {
    /// The scheme in lower case; `file` for a plain path.
    pub fn scheme(&self) -> &str {
        &self.0.parts.scheme
    }

    /// Scheme and host (and port, if it is not the usual one), or scheme and bucket: what shares
    /// connections, and what headers are sent to. No user-info.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    pub(crate) fn adapter(&self) -> Adapter {
        self.0.adapter
    }

    /// As it was given, secrets included.
    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }

    /// The host or hosts, with their ports, or the bucket; `""` if there is none.
    pub(crate) fn host(&self) -> &str {
        self.0.parts.split_authority().1
    }

    /// User name and password, decoded.
    pub(crate) fn user_info(&self) -> Option<(String, Option<String>)> {
        let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        self.0.parts.split_authority().0.map(|user_info| match user_info.split_once(':') {
            Some((user, password)) => (decode(user), Some(decode(password))),
            None => (decode(user_info), None),
        })
    }

    /// The path, decoded unless it was given as a plain path.
    pub(crate) fn path(&self) -> Cow<'_, str> {
        match split_scheme(&self.0.text) {
            None => Cow::Borrowed(&self.0.parts.path),
            Some(_) => percent_decode_str(&self.0.parts.path).decode_utf8_lossy(),
        }
    }

    /// The path's segments, each decoded, without a first empty one.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.0.parts.path.strip_prefix('/').unwrap_or(&self.0.parts.path);
        let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        path.split('/').map(decode).collect()
    }

    /// Names and values of the query in their order, decoded; `+` is a space.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let decode = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8_lossy().into_owned()
        };
        let pairs = self.0.parts.query.as_deref().unwrap_or_default().split('&');
        pairs
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            })
            .collect()
    }

    /// As the HTTP client wants it.
    #[cfg(feature = "http")]
    pub(crate) fn url(&self) -> Option<&url::Url> {
        self.0.url.as_ref()
    }
}

impl FromStr for Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |what: &str| Err(Error::new(Kind::Invalid, &"", what));
        if text.is_empty() {
            return refuse("a URI is empty; name one, as https://host/path or path/to/file");
        }
        if let Some(at) = text.find(|c: char| c.is_ascii_control()) {
            return refuse(&format!("a URI has a control character at byte {at}; encode it"));
        }
        let parts = Parts::of(text);
        let is_path = split_scheme(text).is_none();
        let shown = if is_path { text.to_owned() } else { parts.shown() };
        let adapter = adapter::of(&parts.scheme)
            .map_err(|what| Error::new(Kind::Unsupported, &shown, what))?;
        #[cfg(feature = "http")]
        let url =
            if adapter == Adapter::Http { Some(http_url(text, &parts, &shown)?) } else { None };
        let origin = match adapter {
            Adapter::File => "file://".to_owned(),
            Adapter::Sqlite => format!("sqlite:{}", parts.path),
            #[cfg(feature = "http")]
            Adapter::Http => {
                url.as_ref().map(|url| url.origin().ascii_serialization()).unwrap_or_default()
            }
            _ => format!("{}://{}", parts.scheme, parts.split_authority().1),
        };
        let invalid = |what: &str| Err(Error::new(Kind::Invalid, &shown, what));
        let has_host = !parts.split_authority().1.is_empty();
        match adapter {
            Adapter::Http | Adapter::Sqlite => {}
            Adapter::File if is_path => {}
            Adapter::File if !matches!(parts.split_authority().1, "" | "localhost") => {
                return invalid("is on another host; file:///path has three slashes");
            }
            Adapter::File => {}
            _ if !has_host => return invalid("names no host or bucket; write scheme://host/…"),
            _ => {}
        }
        Ok(Self(Arc::new(Inner {
            adapter,
            text: text.into(),
            parts,
            origin: origin.into(),
            shown: shown.into(),
            #[cfg(feature = "http")]
            url,
        })))
    }
}

/// The URL for the HTTP client, without its fragment.
#[cfg(feature = "http")]
fn http_url(text: &str, parts: &Parts, shown: &str) -> Result<url::Url, Error> {
    let invalid = |what: String| Error::new(Kind::Invalid, &shown, what);
    if parts.authority.is_none() {
        return Err(invalid(format!("is malformed: write {}://host/…", parts.scheme)));
    }
    let mut url =
        url::Url::parse(text).map_err(|error| invalid(format!("is malformed: {error}")))?;
    url.set_fragment(None);
    Ok(url)
}

impl TryFrom<&str> for Uri {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Uri {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

/// By the text it was made from.
impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Uri {}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.shown)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", self.0.shown)
    }
}
