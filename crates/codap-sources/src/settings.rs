//! What holds for every fetch of one [`Sources`](crate::Sources).

use std::fmt;
use std::time::Duration;

/// As a [`Builder`](crate::Builder) was told, or the defaults.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) max_size: u64,
    pub(crate) timeout: Duration,
    pub(crate) headers: Vec<Header>,
    pub(crate) refuse_private_addresses: bool,
}

/// A header for one origin.
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
            timeout: Duration::from_secs(30),
            headers: Vec::new(),
            refuse_private_addresses: false,
        }
    }
}

/// Without the value, which is a credential more often than not.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: …", self.origin, self.name)
    }
}
