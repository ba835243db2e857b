//! One entry: its name, what it fetches, and how.

use std::collections::BTreeSet;

use crate::header::Header;
use crate::link::Link;
use crate::policy::Policy;
use crate::stop::Stop;

/// What `get` fetches under one name.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) link: Link,
    pub(crate) policy: Policy,
    /// Sent to the origin of its URI, for this entry only.
    pub(crate) headers: Vec<Header>,
}

/// Name and URI of `NAME=URI`.
pub(crate) fn split(text: &str) -> Result<(&str, &str), Stop> {
    match text.split_once('=') {
        Some((name, uri)) if is_name(name) => Ok((name, uri)),
        // The text is not told back: it may be a URI with a secret.
        _ => Err(Stop::usage(format!(
            "an entry has no name (write NAME=URI, as user={}; a name has letters, digits and _)",
            codap::redact(text.split(['?', '=']).next().unwrap_or_default())
        ))),
    }
}

/// Whether templates can use it as it is.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Names are there once, and those that URIs use are there.
pub(crate) fn check(entries: &[Entry]) -> Result<(), Stop> {
    let mut names = BTreeSet::new();
    for entry in entries {
        if !names.insert(&*entry.name) {
            let name = &entry.name;
            return Err(Stop::usage(format!(
                "{name}: is named twice (give each entry its own name)"
            )));
        }
    }
    for entry in entries {
        for used in entry.link.uses() {
            if !names.contains(&**used) {
                let known = names.iter().copied().collect::<Vec<_>>().join(", ");
                return Err(Stop::usage(format!(
                    "{}: its URI uses {used}, which is no entry (there are {known})",
                    entry.name
                )));
            }
        }
    }
    Ok(())
}
