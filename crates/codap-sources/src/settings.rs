//! What holds for every fetch of one [`Sources`](crate::Sources).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// As a [`Builder`](crate::Builder) was told, or the defaults.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) max_size: u64,
    pub(crate) max_streamed_size: u64,
    pub(crate) timeout: Duration,
    #[cfg(feature = "http")]
    pub(crate) headers: Vec<Header>,
    #[cfg(feature = "http")]
    pub(crate) refuse_private_addresses: bool,
    pub(crate) environment: Environment,
}

/// The environment as the adapters see it: what was said to the builder, and else the process's.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    pub(crate) fn set(&mut self, name: String, value: String) {
        self.0.insert(name, value);
    }

    /// The value of a variable that is there and not empty.
    #[cfg(any(feature = "http", feature = "postgres", feature = "redis"))]
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = match self.0.get(name) {
            Some(value) => Some(value.clone()),
            None => std::env::var(name).ok(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// All variables whose name begins so.
    #[cfg(any(feature = "s3", feature = "gs", feature = "az"))]
    pub(crate) fn beginning(&self, prefix: &str) -> BTreeMap<String, String> {
        let process = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let mut all: BTreeMap<String, String> = process.collect();
        all.extend(self.0.clone());
        all.retain(|name, value| name.starts_with(prefix) && !value.is_empty());
        all
    }
}

/// Without the values.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A header for one origin.
#[cfg(feature = "http")]
#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) origin: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_size: 64 << 20,
            max_streamed_size: u64::MAX,
            timeout: Duration::from_secs(30),
            #[cfg(feature = "http")]
            headers: Vec::new(),
            #[cfg(feature = "http")]
            refuse_private_addresses: false,
            environment: Environment::default(),
        }
    }
}

/// Without the value, which is a credential more often than not.
#[cfg(feature = "http")]
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: …", self.origin, self.name)
    }
}
