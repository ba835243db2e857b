//! `--default NAME=JSON`: what stands in for entries that fail.

use std::collections::BTreeMap;

use crate::json_text::is_json;
use crate::stop::Stop;
use codap::redact;

/// Defaults by name, and one for all the others.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    named: BTreeMap<String, String>,
    all: Option<String>,
}

impl Defaults {
    pub(crate) fn parse(texts: &[String]) -> Result<Self, Stop> {
        let mut defaults = Self::default();
        for text in texts {
            let Some((name, json)) = text.split_once('=') else {
                let what = "has no name (write NAME=JSON, or '*=JSON' for all)";
                return Err(Stop::usage(format!("--default {}: {what}", redact(text))));
            };
            if !is_json(json) {
                let what = "is not JSON (a text has quotes: NAME='\"text\"')";
                let name = redact(name);
                return Err(Stop::usage(format!("--default {name}: its value {what}")));
            }
            match name {
                "*" => defaults.all = Some(json.to_owned()),
                _ => drop(defaults.named.insert(name.to_owned(), json.to_owned())),
            }
        }
        Ok(defaults)
    }

    /// What stands in for the entry of this name.
    pub(crate) fn of(&self, name: &str) -> Option<&String> {
        self.named.get(name).or(self.all.as_ref())
    }

    /// What stands in for an entry that has `planned` as its own: the name goes before the plan,
    /// the plan before all.
    pub(crate) fn of_entry(&self, name: &str, planned: Option<String>) -> Option<String> {
        self.named.get(name).cloned().or(planned).or_else(|| self.all.clone())
    }

    /// What stands in for any.
    pub(crate) fn of_all(&self) -> Option<&String> {
        self.all.as_ref()
    }

    /// Each name is that of an entry.
    pub(crate) fn check(&self, is_entry: impl Fn(&str) -> bool) -> Result<(), Stop> {
        match self.named.keys().find(|name| !is_entry(name)) {
            None => Ok(()),
            Some(name) => Err(Stop::usage(format!(
                "--default {}: there is no entry of that name (name one, or * for all)",
                redact(name)
            ))),
        }
    }
}
