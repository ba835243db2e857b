//! What a server has seen and done, counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a server has seen and done so far. A byte is counted before a peer can have it, a request
/// before its reply, the end of a reply with its last byte: a peer that looks never finds less
/// than what it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counters {
    /// Requests whose head was read. Each ends as exactly one of [`complete`](Self::complete),
    /// [`cut`](Self::cut) and [`abandoned`](Self::abandoned).
    pub requests: u64,
    /// Replies sent to their last byte.
    pub complete: u64,
    /// Replies that the script cut short.
    pub cut: u64,
    /// Requests whose peer had gone before the reply's end.
    pub abandoned: u64,
    /// Requests that no rule fits.
    pub unmatched: u64,
    /// Requests on a connection that had carried one before.
    pub reused: u64,
    /// Requests that are being answered now.
    pub concurrent: u64,
    /// The most that ever were answered at a time.
    pub concurrent_max: u64,
    /// Stalls that last at the moment, those for a time and those for a release.
    pub stalled: u64,
    /// Replies with the key of another request.
    pub wrong_keys: u64,
    /// Connections that did not speak HTTP, or ended within a request.
    pub bad_requests: u64,
    /// TLS handshakes that failed.
    pub bad_handshakes: u64,
    /// All connections.
    pub connections: u64,
    /// Those that are open now.
    pub open: u64,
    /// The most that ever were open at a time.
    pub open_max: u64,
    /// Bytes of all replies, heads included; over TLS before encryption.
    pub bytes_sent: u64,
    /// Bytes of the bodies of requests.
    pub bytes_received: u64,
    /// How many requests were the first for their target, the second and so on, up to 32; the last
    /// place counts all further ones too. Without retries it has one place.
    pub by_nth: Vec<u64>,
    /// Requests by rule.
    pub by_rule: Vec<u64>,
    /// Requests by target (path and query).
    pub by_target: BTreeMap<String, u64>,
}

impl Counters {
    /// Requests for that path and query.
    pub fn target(&self, target: &str) -> u64 {
        self.by_target.get(target).copied().unwrap_or_default()
    }

    /// The counter of that name, if it is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        Some(match name {
            "requests" => self.requests,
            "complete" => self.complete,
            "cut" => self.cut,
            "abandoned" => self.abandoned,
            "unmatched" => self.unmatched,
            "reused" => self.reused,
            "concurrent" => self.concurrent,
            "concurrent_max" => self.concurrent_max,
            "stalled" => self.stalled,
            "wrong_keys" => self.wrong_keys,
            "bad_requests" => self.bad_requests,
            "bad_handshakes" => self.bad_handshakes,
            "connections" => self.connections,
            "open" => self.open,
            "open_max" => self.open_max,
            "bytes_sent" => self.bytes_sent,
            "bytes_received" => self.bytes_received,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_name() {
        let mut counters = serde_json::to_value(Counters::default()).unwrap();
        let fields = counters.as_object_mut().unwrap();
        let names: Vec<String> =
            fields.iter().filter(|(_, v)| v.is_u64()).map(|(name, _)| name.clone()).collect();
        for (number, name) in names.iter().enumerate() {
            fields.insert(name.clone(), number.into());
        }
        let counters: Counters = serde_json::from_value(counters).unwrap();
        for (number, name) in names.iter().enumerate() {
            assert_eq!(counters.number(name), Some(number as u64), "{name}");
        }
        assert_eq!(names.len(), 17);
        assert_eq!(counters.number("by_nth"), None);
    }
}
