//! From any key to a name that every system can hold and no extractor can be led astray by.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

/// The longest that a part of a path may be, in bytes: what common file systems allow.
pub(crate) const PART: usize = 255;

/// The longest that a mapped name is, in bytes. Extractors put a folder before it and fail at 4,096.
const WHOLE: usize = 1024;

/// What stands for what cannot stay, and for a part that is not there.
const INSTEAD: char = '_';

/// The rules stand at [`crate::Names`].
pub(crate) fn portable(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let mut parts: Vec<&str> = text.split(['/', '\\']).collect();
    let last = parts.pop().filter(|last| !is_nothing(last)).unwrap_or("_");
    let folders = parts.into_iter().filter(|part| !is_nothing(part));
    let parts: Vec<String> = folders.chain([last]).map(portable_part).collect();
    let name = parts.join("/");
    if name.len() <= WHOLE { name } else { shortened(&parts, &name) }
}

fn is_nothing(part: &str) -> bool {
    part.is_empty() || part == "."
}

fn portable_part(part: &str) -> String {
    let mut made: String =
        part.chars().map(|c| if is_forbidden(c) { INSTEAD } else { c }).collect();
    let kept = made.trim_end_matches(['.', ' ']).len();
    let dropped = made.len() - kept;
    made.truncate(kept);
    made.extend(std::iter::repeat_n(INSTEAD, dropped));
    if is_device(&made) {
        made.insert(0, INSTEAD);
    }
    match fitted(&made, "") {
        Cow::Borrowed(_) => made,
        Cow::Owned(shorter) => shorter,
    }
}

fn is_forbidden(c: char) -> bool {
    let is_invisible = matches!(
        c,
        '\u{200B}' | '\u{200E}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFF}'
    );
    c.is_control() || is_invisible || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

/// Windows opens the device, whatever the folder and the extension.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end_matches(' ');
    let stem = stem.to_uppercase();
    if matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CLOCK$" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|n| {
        let mut chars = n.chars();
        let one = chars.next().is_some_and(|c| matches!(c, '0'..='9' | '¹' | '²' | '³'));
        one && chars.next().is_none()
    })
}

/// `part` with `mark` before its extension, cut so that it is not too long. What is cut is not lost
/// to sight: 64 bits of its hash stand for it.
pub(crate) fn fitted<'p>(part: &'p str, mark: &str) -> Cow<'p, str> {
    if mark.is_empty() && part.len() <= PART {
        return Cow::Borrowed(part);
    }
    let dot = part.rfind('.').filter(|&dot| dot > 0 && part.len() - dot <= 32);
    let (stem, extension) = part.split_at(dot.unwrap_or(part.len()));
    if stem.len() + mark.len() + extension.len() <= PART {
        return Cow::Owned(format!("{stem}{mark}{extension}"));
    }
    let hash = format!("#{:016x}", xxh3_64(part.as_bytes()));
    let room = PART - hash.len() - mark.len() - extension.len();
    Cow::Owned(format!("{}{hash}{mark}{extension}", cut(stem, room)))
}

/// The first folders, a hash of the whole instead of those between, and the last part.
fn shortened(parts: &[String], name: &str) -> String {
    let (last, folders) = parts.split_last().expect("a name has at least one part");
    let hash = format!("#{:016x}", xxh3_64(name.as_bytes()));
    let mut made = String::new();
    for folder in folders {
        if made.len() + folder.len() + 1 + hash.len() + 1 + last.len() > WHOLE {
            break;
        }
        made.push_str(folder);
        made.push('/');
    }
    format!("{made}{hash}/{last}")
}

/// At most `room` bytes, whole characters, and nothing at the end that may not stand there.
fn cut(text: &str, room: usize) -> &str {
    let end = (0..=room.min(text.len())).rev().find(|&i| text.is_char_boundary(i));
    text[..end.unwrap_or(0)].trim_end_matches(['.', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_safe_stays() {
        for name in ["a", "a/b.json", "Größe/日本.txt", "a b/c-d_e+f (1).tar.gz", ".hidden", "a..b"]
        {
            assert_eq!(portable(name.as_bytes()), name);
        }
    }

    #[test]
    fn the_rules_by_example() {
        let table: &[(&[u8], &str)] = &[
            (b"", "_"),
            (b"/", "_"),
            (b".", "_"),
            (b"..", "__"),
            (b"../../etc/passwd", "__/__/etc/passwd"),
            (b"/etc/passwd", "etc/passwd"),
            (b"a//b/./c", "a/b/c"),
            (b"photos/", "photos/_"),
            (b"a/.", "a/_"),
            (b"C:\\Windows\\x.dll", "C_/Windows/x.dll"),
            (b"\\\\server\\share\\x", "server/share/x"),
            (b"a\\..\\b", "a/__/b"),
            (b"a\0b", "a_b"),
            (b"a\nb\x1b[31m", "a_b_[31m"),
            (b"x?y*z|\"<>:", "x_y_z_____"),
            (b"caf\xe9", "caf_"),
            (b"con", "_con"),
            (b"a/NUL.tar.gz", "a/_NUL.tar.gz"),
            (b"lpt1 .txt", "_lpt1 .txt"),
            (b"com0", "_com0"),
            (b"console.txt", "console.txt"),
            (b"name. . ", "name____"),
            (b"...", "___"),
            ("a\u{202e}gpj.exe".as_bytes(), "a_gpj.exe"),
        ];
        for (key, name) in table {
            assert_eq!(portable(key), *name, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn long_parts_keep_their_extension() {
        let name = portable(format!("{}.json", "é".repeat(200)).as_bytes());
        assert!(name.len() <= PART && name.ends_with(".json") && name.contains('#'), "{name}");
        let other = portable(format!("{}e.json", "é".repeat(200)).as_bytes());
        assert_ne!(name, other, "what was cut off still tells them apart");
    }

    #[test]
    fn long_names_keep_both_ends() {
        let key = format!("{}/last.txt", "folder/".repeat(400));
        let name = portable(key.as_bytes());
        assert!(name.len() <= WHOLE, "{}", name.len());
        assert!(name.starts_with("folder/folder/") && name.ends_with("/last.txt"));
    }
}
