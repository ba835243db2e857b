//! When two names are one to some file system.

use unicode_normalization::UnicodeNormalization;

/// The same for names that a file system may take for the same: it ignores case (Windows, macOS) or
/// the form of Unicode (macOS), or passes over joiners (HFS+). It may be the same for others too;
/// they are then told apart without need.
pub(crate) fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // Both ways, since either maps together what the other keeps apart: ß and SS, σ and ς, K and K.
    let seen =
        name.nfd().filter(|c| !matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}'));
    seen.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_system_takes_for_the_same_is_the_same() {
        let same = [
            ("README", "readme"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("CAFE\u{301}", "caf\u{e9}"),
            ("stra\u{df}e", "STRASSE"),
            ("\u{3c3}", "\u{3c2}"),
            ("\u{212a}", "k"),
            ("a\u{200d}b", "ab"),
        ];
        for (a, b) in same {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("a"), fold("b"));
        assert_ne!(fold("e"), fold("\u{e9}"));
    }
}
