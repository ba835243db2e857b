//! Times as people write them: `250ms`, `2s`, `1.5s`, `1m`.

use std::time::Duration;

const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// The time that `text` says, or what to write instead.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let seconds = UNITS.iter().find(|it| it.0 == unit).map(|it| it.1);
    let number = digits.parse::<f64>().ok().filter(|number| *number > 0.0);
    match (number, seconds) {
        (Some(number), Some(seconds)) => Duration::try_from_secs_f64(number * seconds)
            .map_err(|_| "is longer than time itself".to_owned()),
        (Some(_), None) if unit.is_empty() => Err(format!("has no unit; write {digits}s")),
        _ => Err("is no time; write 250ms, 2s, 1.5s, 1m or 1h".to_owned()),
    }
}

/// `duration` with as many digits as matter.
pub(crate) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        _ if seconds >= 100.0 => format!("{seconds:.0} s"),
        _ if seconds >= 1.0 => format!("{seconds:.1} s"),
        _ if seconds >= 0.01 => format!("{:.0} ms", seconds * 1000.0),
        _ => format!("{:.1} ms", seconds * 1000.0),
    }
}

/// In thousandths of a second, to the microsecond: what reports count in.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_number_and_a_unit() {
        for (text, millis) in [("250ms", 250), ("2s", 2_000), ("1.5s", 1_500), ("1m", 60_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-1s", "0s", "2 parsecs", "2d", "nans", "infs", "1e400s"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("2"), Err("has no unit; write 2s".to_owned()));
    }
}
