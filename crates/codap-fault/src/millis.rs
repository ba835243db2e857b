//! Durations in scripts are numbers of milliseconds; fractions are allowed.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(crate) fn serialize<S: Serializer>(of: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(of.as_secs_f64() * 1e3)
}

pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Duration, D::Error> {
    let millis = f64::deserialize(from)?;
    Duration::try_from_secs_f64(millis / 1e3)
        .map_err(|_| D::Error::custom(format!("{millis} is no number of milliseconds")))
}
