//! Bytes by rule: any stretch of gigabytes, without holding them.

use std::borrow::Cow;
use std::ops::Range;

use crate::draw::word;

/// The bytes `range` of the body that [`Body::Generated`](crate::Body::Generated) gives for `seed`,
/// for a test to compare with.
///
/// Byte `i` is byte `i % 8` (the lowest first) of the output number `i / 8` of a SplitMix64 that
/// starts at `seed`.
pub fn generated(seed: u64, range: Range<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Content::Generated { seed, size: range.end }.fill(range, &mut bytes);
    bytes
}

/// A body whose every stretch can be had at any time.
#[derive(Clone, Debug)]
pub(crate) enum Content<'a> {
    Bytes(Cow<'a, [u8]>),
    Generated { seed: u64, size: u64 },
    Zeros { size: u64 },
}

impl Content<'_> {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Generated { size, .. } | Self::Zeros { size } => *size,
        }
    }

    /// Appends that stretch to `to`; the caller keeps it short and within the length.
    pub(crate) fn fill(&self, range: Range<u64>, to: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => {
                let held = usize::try_from(range.start)
                    .and_then(|from| Ok(from..usize::try_from(range.end)?))
                    .ok()
                    .and_then(|range| bytes.get(range));
                to.extend_from_slice(held.unwrap_or_default());
            }
            Self::Generated { seed, .. } => generate(*seed, range, to),
            Self::Zeros { .. } => {
                to.resize(to.len() + length(&range), 0);
            }
        }
    }
}

fn generate(seed: u64, range: Range<u64>, to: &mut Vec<u8>) {
    to.reserve(length(&range) + 16);
    let end = to.len() + length(&range);
    let skip = length(&(0..range.start % 8));
    let first = to.len();
    for index in range.start / 8..range.end.div_ceil(8) {
        to.extend_from_slice(&word(seed, index).to_le_bytes());
    }
    to.drain(first..first + skip.min(to.len() - first));
    to.truncate(end);
}

fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_stretch_is_that_of_the_whole() {
        let whole = generated(9, 0..100);
        assert_eq!(whole.len(), 100);
        for from in 0..20 {
            for to in from..100 {
                let expected = &whole[from as usize..to as usize];
                assert_eq!(generated(9, from..to), expected, "{from}..{to}");
            }
        }
        assert_ne!(generated(8, 0..100), whole);
        assert_eq!(generated(9, u64::MAX - 9..u64::MAX - 1).len(), 8);
    }
}
