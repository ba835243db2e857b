//! Sizes as people write them: `64MiB`, `48M`, `1.5GB`, `4096`.

const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("B", 1),
    ("K", 1 << 10),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("M", 1 << 20),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("G", 1 << 30),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("T", 1 << 40),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
];

/// How many bytes `text` says, or what to write instead.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let unit = UNITS.iter().find(|it| it.0.eq_ignore_ascii_case(unit)).map(|it| it.1);
    let bytes = unit.and_then(|unit| match digits.parse::<u64>() {
        Ok(number) => number.checked_mul(unit),
        Err(_) => {
            let bytes = digits.parse::<f64>().ok()? * unit as f64;
            (0.0..9e18).contains(&bytes).then_some(bytes as u64)
        }
    });
    match bytes {
        Some(0) => Err("is nothing".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("is no size; write 64MiB, 1.5GB or 4096".to_owned()),
    }
}

/// `bytes` with as many digits as matter.
pub(crate) fn shown(bytes: u64) -> String {
    let (mut number, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if number < 1024.0 {
            break;
        }
        (number, unit) = (number / 1024.0, larger);
    }
    if unit == "B" || number >= 100.0 {
        format!("{number:.0} {unit}")
    } else {
        format!("{number:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_number_and_may_have_a_unit() {
        let sizes =
            [("4096", 4096), ("48M", 48 << 20), ("64MiB", 64 << 20), ("1.5gb", 1_500_000_000)];
        for (text, bytes) in sizes {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1", "0", "0.0001", "2 M", "2X", "nanM", "infM", "9999999999999T"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn as_many_digits_as_matter() {
        let shown = [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (200 << 20, "200 MiB")];
        for (bytes, text) in shown {
            assert_eq!(super::shown(bytes), text);
        }
    }
}
