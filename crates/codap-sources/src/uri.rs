//! What names a document: checked when it is made, and shown without its secrets.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use percent_encoding::percent_decode_str;
#[cfg(any(feature = "file", feature = "s3", feature = "gs", feature = "az"))]
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

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
    /// As it was given but for the case of its scheme; secrets included.
    text: Box<str>,
    origin: OnceLock<Box<str>>,
    #[cfg(feature = "http")]
    url: Option<url::Url>,
}

/// The parts of a text, as RFC 3986 has them: `scheme://authority/path?query#fragment`.
#[derive(Clone, Copy)]
struct Parts<'a> {
    /// `None` for a plain path, which is all path.
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    has_fragment: bool,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let Some((scheme, rest)) = split_scheme(text) else {
            let (scheme, authority, query) = (None, None, None);
            return Self { scheme, authority, path: text, query, has_fragment: false };
        };
        let (rest, has_fragment) = match rest.split_once('#') {
            Some((rest, _)) => (rest, true),
            None => (rest, false),
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
        Self { scheme: Some(scheme), authority, path, query, has_fragment }
    }

    /// User-info, and the host or hosts with their ports. A password may hold anything, also an
    /// '@': the last one counts.
    fn split_authority(&self) -> (Option<&'a str>, &'a str) {
        let authority = self.authority.unwrap_or_default();
        match authority.rsplit_once('@') {
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        }
    }

    fn shown(&self) -> String {
        let Some(scheme) = self.scheme else { return self.path.to_owned() };
        let mut shown = format!("{scheme}:");
        if self.authority.is_some() {
            let (user_info, hosts) = self.split_authority();
            shown.push_str("//");
            shown.push_str(if user_info.is_some() { "…@" } else { "" });
            shown.push_str(hosts);
        }
        shown.push_str(self.path);
        if let Some(query) = self.query {
            shown.push('?');
            shown.push_str(&redact_query(query));
        }
        if self.has_fragment {
            shown.push_str("#…");
        }
        shown
    }

    /// What cannot be, told by what to write instead.
    fn check(&self, adapter: Adapter) -> Result<(), &'static str> {
        let (_, host) = self.split_authority();
        let mut parts = [self.authority, Some(self.path), self.query].into_iter().flatten();
        let is_text = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8().is_ok();
        match (self.scheme, adapter) {
            (None, _) => Ok(()),
            // A lossy reading would ask for another document. Servers of the web read for themselves.
            _ if adapter != Adapter::Http && !parts.all(is_text) => {
                Err("has %-codes that spell no text (UTF-8), as in %FF; check them")
            }
            (_, Adapter::Sqlite) => Ok(()),
            (_, Adapter::File) if matches!(host, "" | "localhost") => Ok(()),
            (_, Adapter::File) => Err("is on another host; file:///path has three slashes"),
            // WHATWG reads it as a slash, RFC 3986 not at all.
            _ if self.authority.is_some_and(|it| it.contains('\\')) => {
                Err("has a backslash in its host; write slashes")
            }
            _ if host.is_empty() => Err("names no host or bucket; write scheme://host/…"),
            _ => Ok(()),
        }
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

#[cfg(any(
    feature = "http",
    feature = "mongodb",
    feature = "sqlite",
    feature = "postgres",
    feature = "redis"
))]
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A path as it stands in a URI.
#[cfg(any(feature = "file", feature = "s3", feature = "gs", feature = "az"))]
pub(crate) fn encoded(path: &str) -> String {
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    utf8_percent_encode(path, KEPT).to_string()
}

impl Uri {
    /// The scheme in lower case; `file` for a plain path.
    pub fn scheme(&self) -> &str {
        self.parts().scheme.unwrap_or("file")
    }

    /// Scheme and host (and port, if it is not the usual one), or scheme and bucket: what shares
    /// connections, and what headers are sent to. No user-info.
    pub fn origin(&self) -> &str {
        self.0.origin.get_or_init(|| {
            #[cfg(feature = "http")]
            if let Some(url) = &self.0.url {
                return url.origin().ascii_serialization().into();
            }
            match self.0.adapter {
                Adapter::File => "file://".into(),
                Adapter::Sqlite => format!("sqlite:{}", self.parts().path).into(),
                _ => format!("{}://{}", self.scheme(), self.host()).into(),
            }
        })
    }

    /// Whether it stands for many documents, to be [listed](crate::Sources::list): a bucket, or what
    /// ends with a slash in a bucket or among files. It is told by its text alone.
    ///
    /// ```
    /// use codap_sources::Uri;
    ///
    /// assert!(Uri::try_from("pages/")?.is_prefix());
    /// assert!(!Uri::try_from("pages/index.json")?.is_prefix());
    /// assert!(!Uri::try_from("https://example.org/pages/")?.is_prefix());
    /// # Ok::<(), codap_sources::Error>(())
    /// ```
    pub fn is_prefix(&self) -> bool {
        let path = self.parts().path;
        match self.0.adapter {
            Adapter::S3 | Adapter::Gs | Adapter::Az => path.is_empty() || path.ends_with('/'),
            Adapter::File => path.ends_with('/'),
            _ => false,
        }
    }

    /// Whether it was given as a path.
    #[cfg(feature = "file")]
    pub(crate) fn is_plain(&self) -> bool {
        self.parts().scheme.is_none()
    }

    pub(crate) fn adapter(&self) -> Adapter {
        self.0.adapter
    }

    /// All of it, secrets included.
    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }

    fn parts(&self) -> Parts<'_> {
        Parts::of(&self.0.text)
    }

    /// The host or hosts, with their ports, or the bucket; `""` if there is none.
    pub(crate) fn host(&self) -> &str {
        self.parts().split_authority().1
    }

    /// User name and password, decoded.
    #[cfg(any(feature = "http", feature = "mongodb", feature = "postgres", feature = "redis"))]
    pub(crate) fn user_info(&self) -> Option<(String, Option<String>)> {
        if !self.0.text.contains('@') {
            return None;
        }
        self.parts().split_authority().0.map(|user_info| match user_info.split_once(':') {
            Some((user, password)) => (decoded(user), Some(decoded(password))),
            None => (decoded(user_info), None),
        })
    }

    /// The path, decoded unless it was given as a plain path.
    #[cfg(any(
        feature = "file",
        feature = "s3",
        feature = "gs",
        feature = "az",
        feature = "postgres",
        feature = "sqlite"
    ))]
    pub(crate) fn path(&self) -> std::borrow::Cow<'_, str> {
        let parts = self.parts();
        match parts.scheme {
            None => parts.path.into(),
            Some(_) => percent_decode_str(parts.path).decode_utf8_lossy(),
        }
    }

    /// The path's segments, each decoded, without a first empty one.
    #[cfg(any(feature = "mongodb", feature = "redis"))]
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.parts().path;
        path.strip_prefix('/').unwrap_or(path).split('/').map(decoded).collect()
    }

    /// Names and values of the query in their order, decoded; `+` is a space.
    #[cfg(any(
        feature = "s3",
        feature = "gs",
        feature = "az",
        feature = "mongodb",
        feature = "postgres",
        feature = "sqlite"
    ))]
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let decoded = |text: &str| decoded(&text.replace('+', " "));
        let pairs = self.parts().query.unwrap_or_default().split('&');
        pairs
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
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
        // All of it is looked at, which is done many bytes at a time; one alone is rare.
        if text.bytes().fold(false, |found, b| found | b.is_ascii_control()) {
            let at = text.bytes().position(|b| b.is_ascii_control()).unwrap_or_default();
            return refuse(&format!("a URI has a control character at byte {at}; encode it"));
        }
        #[cfg(feature = "http")]
        if let Some(url) = plain_url(text) {
            let (adapter, origin) = (Adapter::Http, OnceLock::new());
            return Ok(Self(Arc::new(Inner {
                adapter,
                origin,
                url: Some(url),
                text: text.into(),
            })));
        }
        let mut text = Box::<str>::from(text);
        if let Some((scheme, _)) = split_scheme(&text) {
            let end = scheme.len();
            text[..end].make_ascii_lowercase();
        }
        let parts = Parts::of(&text);
        let adapter = adapter::of(parts.scheme.unwrap_or("file"))
            .map_err(|what| Error::new(Kind::Unsupported, &parts.shown(), what))?;
        let invalid = |what: &str| Error::new(Kind::Invalid, &parts.shown(), what);
        parts.check(adapter).map_err(invalid)?;
        #[cfg(feature = "http")]
        let url = match adapter {
            Adapter::Http => Some(http_url(&text).map_err(|what| invalid(&what))?),
            _ => None,
        };
        Ok(Self(Arc::new(Inner {
            adapter,
            origin: OnceLock::new(),
            #[cfg(feature = "http")]
            url,
            text,
        })))
    }
}

/// The URL of a text that is nothing but well-formed, which most are: there is nothing to be told
/// then, and no need to take it apart for that.
#[cfg(feature = "http")]
fn plain_url(text: &str) -> Option<url::Url> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let begins_well = rest.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if !begins_well || text.contains('\\') { None } else { http_url(text).ok() }
}

/// The URL for the HTTP client, without user-info and fragment.
#[cfg(feature = "http")]
fn http_url(text: &str) -> Result<url::Url, String> {
    let mut url = url::Url::parse(text).map_err(|error| format!("is malformed: {error}"))?;
    strip(&mut url);
    Ok(url)
}

/// Takes off what is not for the server as it stands: user-info and fragment.
#[cfg(feature = "http")]
pub(crate) fn strip(url: &mut url::Url) {
    if !url.username().is_empty() || url.password().is_some() {
        // It fails for URLs without a host, which have no user-info.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url.set_fragment(None);
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
        f.write_str(&self.parts().shown())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({self})")
    }
}
