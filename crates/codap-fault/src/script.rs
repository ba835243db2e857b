//! The whole of what a server does, as one value: built in Rust, or read from a file.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    draw::Draw,
    error::Error,
    latency::Latency,
    on::{Nth, On},
    raw::Raw,
    reply::Reply,
    request::Request,
};

/// What a server does. The first rule that a request fits decides; where none does the reply is
/// 404. The same type in Rust, TOML and JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    pub(crate) seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<Identity>,
    #[serde(rename = "greet", skip_serializing_if = "Vec::is_empty")]
    pub(crate) greetings: Vec<Greet>,
    #[serde(rename = "rule", skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<Rule>,
}

/// A reply for the requests that fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default)]
    pub(crate) on: On,
    #[serde(default)]
    pub(crate) reply: Reply,
}

/// What a connection gets before it has asked for anything. In a script file `"reset"`,
/// `"hang_up"`, `"silence"`, `{ say = [{ text = "hello" }] }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Greeting {
    /// A reset (RST).
    Reset,
    /// An orderly close (FIN).
    HangUp,
    /// Nothing: what it sends is not even read.
    Silence,
    /// These bytes, then an orderly close.
    Say(Raw),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Greet {
    connection: Nth,
    with: Greeting,
}

/// A certificate chain and its key, as PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// How many requests a server keeps for the test to look at, unless the script says otherwise.
const LOG: usize = 10_000;

impl Script {
    /// A script without rules: 404 for everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a script from a file: JSON if its name ends in `.json`, else TOML.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no script; the message names the file and the place.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let place = path.display();
        let text = fs::read_to_string(path).map_err(|e| Error::new(format!("{place}: {e}")))?;
        let script = if path.extension().is_some_and(|e| e == "json") {
            Self::from_json(&text)
        } else {
            Self::from_toml(&text)
        };
        script.map_err(|e| Error::new(format!("{place}: {e}")))
    }

    /// Reads a script from TOML.
    ///
    /// # Errors
    ///
    /// The text is no script; the message names the place.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let script: Self =
            toml::from_str(text).map_err(|e| Error::at(text, e.span(), e.message()))?;
        script.check().map(|()| script)
    }

    /// Reads a script from JSON.
    ///
    /// # Errors
    ///
    /// The text is no script; the message names the place.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let script: Self = serde_json::from_str(text).map_err(|e| Error::new(e.to_string()))?;
        script.check().map(|()| script)
    }

    /// Another seed for all that is drawn.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The latency of every reply that does not have one of its own.
    #[must_use]
    pub fn latency(self, latency: impl Into<Latency>) -> Self {
        Self { latency: Some(latency.into()), ..self }
    }

    /// How many requests are kept for [`Server::requests`](crate::Server::requests), the latest;
    /// 10,000 if it is not said. Counters are exact whatever this is.
    #[must_use]
    pub fn log(self, requests: usize) -> Self {
        Self { log: Some(requests), ..self }
    }

    /// Speaks TLS with this certificate chain and key, both as PEM. Needs the feature `tls`.
    #[must_use]
    pub fn tls(self, certificate: impl Into<String>, key: impl Into<String>) -> Self {
        let identity = Identity { certificate: certificate.into(), key: key.into() };
        Self { tls: Some(identity), ..self }
    }

    /// What these connections get as soon as they are there: `.greet(1, Greeting::Reset)`.
    #[must_use]
    pub fn greet(mut self, connection: impl Into<Nth>, with: Greeting) -> Self {
        self.greetings.push(Greet { connection: connection.into(), with });
        self
    }

    /// One more rule, behind those that are there.
    #[must_use]
    pub fn rule(mut self, on: On, reply: Reply) -> Self {
        self.rules.push(Rule { on, reply });
        self
    }

    pub(crate) fn greeting(&self, connection: u64) -> Option<&Greeting> {
        self.greetings.iter().find(|g| g.connection.holds(connection)).map(|g| &g.with)
    }

    /// The place of the rule that decides about `request`.
    pub(crate) fn choose(&self, request: &Request) -> Option<usize> {
        (0..self.rules.len()).find(|&at| self.rules[at].on.fits(request, self.draw(request, at)))
    }

    /// What `request` draws from, in the rule at that place.
    pub(crate) fn draw(&self, request: &Request, rule: usize) -> Draw {
        Draw::new(self.seed, &request.target, request.nth).of(rule as u64)
    }

    pub(crate) fn kept(&self) -> usize {
        self.log.unwrap_or(LOG)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let latency = self.latency.iter().try_for_each(Latency::check);
        latency.map_err(|e| Error::new(format!("latency: {e}")))?;
        for (at, rule) in self.rules.iter().enumerate() {
            let checked = rule.on.check().and_then(|()| rule.reply.check());
            checked.map_err(|e| Error::new(format!("rule {at}: {e}")))?;
        }
        for greet in &self.greetings {
            if let Greeting::Say(raw) = &greet.with {
                raw.check().map_err(|e| Error::new(format!("greet: {e}")))?;
            }
        }
        Ok(())
    }
}
