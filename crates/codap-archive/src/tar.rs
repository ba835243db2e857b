//! The headers of tar: ustar, and before it a pax header where ustar has no room.

use std::ops::Range;

const BLOCK: usize = 512;

/// Two blocks of zeros.
pub(crate) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// What eleven octal digits can say.
const MOST: u64 = 0o777_7777_7777;

const NAME: Range<usize> = 0..100;
const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
const PREFIX: Range<usize> = 345..500;

/// What stands before the data of a file.
pub(crate) fn header(name: &str, size: u64, modified: i64) -> Vec<u8> {
    let modified = u64::try_from(modified).unwrap_or(0).min(MOST);
    let split = split(name);
    let mut pax = Vec::new();
    if split.is_none() {
        pax_record(&mut pax, "path", name);
    }
    if size > MOST {
        pax_record(&mut pax, "size", &size.to_string());
    }
    let mut out = Vec::new();
    if !pax.is_empty() {
        let pax_size = pax.len() as u64;
        out.extend(block(("", "pax_header"), pax_size, modified, b'x'));
        out.extend(&pax);
        out.resize(out.len() + padding(pax_size), 0);
    }
    // Where the pax header has the name, this one is for readers that do not know it.
    let short = split.unwrap_or(("", beginning(name)));
    out.extend(block(short, size.min(MOST), modified, b'0'));
    out
}

/// How many zeros fill the last block of `size` bytes.
pub(crate) fn padding(size: u64) -> usize {
    let used = usize::try_from(size % BLOCK as u64).expect("less than a block");
    (BLOCK - used) % BLOCK
}

/// The two fields that hold a name, if they can: ASCII, and a `/` in the right place.
fn split(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= NAME.len() {
        return Some(("", name));
    }
    let slashes = name.match_indices('/').map(|(at, _)| at);
    let at = slashes.take_while(|&at| at <= PREFIX.len()).last()?;
    let (prefix, rest) = (&name[..at], &name[at + 1..]);
    (rest.len() <= NAME.len()).then_some((prefix, rest))
}

/// As much of a name as has place, whole characters.
fn beginning(name: &str) -> &str {
    let end = (0..=NAME.len().min(name.len())).rev().find(|&end| name.is_char_boundary(end));
    &name[..end.unwrap_or(0)]
}

fn block((prefix, name): (&str, &str), size: u64, modified: u64, kind: u8) -> [u8; BLOCK] {
    let mut out = [0; BLOCK];
    out[NAME][..name.len()].copy_from_slice(name.as_bytes());
    out[PREFIX][..prefix.len()].copy_from_slice(prefix.as_bytes());
    out[100..108].copy_from_slice(b"0000644\0");
    out[108..116].copy_from_slice(b"0000000\0");
    out[116..124].copy_from_slice(b"0000000\0");
    out[SIZE].copy_from_slice(format!("{size:011o}\0").as_bytes());
    out[136..148].copy_from_slice(format!("{modified:011o}\0").as_bytes());
    out[CHECKSUM].fill(b' ');
    out[156] = kind;
    out[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = out.iter().map(|&byte| u32::from(byte)).sum();
    out[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out
}

/// `LENGTH KEY=VALUE`, where the length counts its own digits.
fn pax_record(out: &mut Vec<u8>, key: &str, value: &str) {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    out.extend(format!("{length}{rest}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_comes_in_where_ustar_ends() {
        let blocks = |name: &str, size| header(name, size, 0).len() / BLOCK;
        assert_eq!(blocks(&"n".repeat(100), MOST), 1);
        assert_eq!(blocks(&"n".repeat(101), 0), 3);
        assert_eq!(blocks(&format!("{}/{}", "f".repeat(155), "n".repeat(100)), 0), 1);
        assert_eq!(blocks(&format!("{}/{}", "f".repeat(156), "n".repeat(100)), 0), 3);
        assert_eq!(blocks("é", 0), 3);
        assert_eq!(blocks("a", MOST + 1), 3);
    }

    #[test]
    fn the_length_of_a_record_counts_itself() {
        for length in [1, 90, 91, 92, 93, 94, 990, 991, 992, 993] {
            let mut out = Vec::new();
            pax_record(&mut out, "path", &"n".repeat(length));
            let text = String::from_utf8(out).unwrap();
            let told: usize = text.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(told, text.len());
        }
    }

    #[test]
    fn blocks_are_filled() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
