//! A plan: entries in a TOML file, for what outgrows a command line. docs/plan.schema.json is its
//! schema.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::duration;
use crate::entry::{Entry, is_name};
use crate::header::Header;
use crate::link::Link;
use crate::policy::Policy;
use crate::stop::Stop;
use codap::redact;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    entries: InOrder,
}

/// The entries in the order of the file.
struct InOrder(Vec<(String, Planned)>);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    #[serde(deserialize_with = "link")]
    uri: Link,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "time")]
    timeout: Option<Duration>,
    retry: Option<u32>,
    default: Option<serde_json::Value>,
}

/// The entries of the plan at `path`. What an entry does not say is as `common`.
pub(crate) fn read(path: &Path, common: &Policy) -> Result<Vec<Entry>, Stop> {
    let text = fs::read_to_string(path)
        .map_err(|error| Stop::usage(format!("{}: cannot be read: {error}", path.display())))?;
    let plan: Plan = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        // It may quote the file, which holds secrets.
        Stop::usage(format!("{}:{line}: {}", path.display(), redact(error.message())))
    })?;
    plan.entries.0.into_iter().map(|(name, planned)| planned.entry(name, common)).collect()
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1
}

impl Planned {
    fn entry(self, name: String, common: &Policy) -> Result<Entry, Stop> {
        let headers = self.headers.iter().map(|(header, value)| Header::new(header, value));
        let headers: Result<Vec<Header>, String> = headers.collect();
        let headers = headers.map_err(|error| Stop::usage(format!("{name}: {error}")))?;
        if !headers.is_empty() && self.uri.origin().is_none_or(|it| !it.starts_with("http")) {
            let what = "headers go to http and https only, and to an origin that is written out";
            return Err(Stop::usage(format!("{name}: {what} (leave them out)")));
        }
        let policy = Policy {
            timeout: self.timeout.unwrap_or(common.timeout),
            retry: self.retry.unwrap_or(common.retry),
            default: self.default.map(|it| it.to_string()),
        };
        Ok(Entry { name, link: self.uri, policy, headers })
    }
}

fn link<'d, D: Deserializer<'d>>(from: D) -> Result<Link, D::Error> {
    Link::parse(&String::deserialize(from)?).map_err(D::Error::custom)
}

fn time<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = |error| D::Error::custom(format!("timeout {text:?} {error}"));
    duration::parse(&text).map(Some).map_err(wrong)
}

impl<'d> Deserialize<'d> for InOrder {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Entries)
    }
}

struct Entries;

impl<'d> Visitor<'d> for Entries {
    type Value = InOrder;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of entries, as [entries.user]")
    }

    fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<InOrder, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if !is_name(&name) {
                let what = format!("{name:?} is no name of an entry; write letters, digits and _");
                return Err(A::Error::custom(what));
            }
            entries.push((name, map.next_value()?));
        }
        Ok(InOrder(entries))
    }
}
