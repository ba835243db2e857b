//! Names that an object of JSON has twice: to whoever parses it, one of the values would be lost.

use std::collections::HashSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};

/// The first name that `object` has twice. An error says that it is no object of JSON.
pub(crate) fn repeated(object: &str) -> Result<Option<String>, serde_json::Error> {
    serde_json::Deserializer::from_str(object).deserialize_map(Names)
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let (mut seen, mut repeated) = (HashSet::new(), None);
        while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
            if !seen.insert(name.clone()) {
                repeated = repeated.or(Some(name));
            }
        }
        Ok(repeated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_where_they_stand() {
        for (object, found) in [
            (r#"{"id":1,"name":{"id":2}}"#, None),
            (r#"{"id":1,"name":2,"id":3,"name":4}"#, Some("id")),
            (r#"{"a":1,"\u0061":2}"#, Some("a")),
            ("{}", None),
        ] {
            assert_eq!(repeated(object).unwrap().as_deref(), found, "of {object}");
        }
        assert!(repeated("[1]").is_err() && repeated("{\"a\":1").is_err());
    }
}
