//! What is archived: made anew from a seed, the same for all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use crate::Outcome;

/// So many files of one kind.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    pub(crate) told: &'static str,
    pub(crate) files: usize,
    /// The tool's time by that of curl and zip.
    pub(crate) goal: f64,
    write: fn(&mut Draw) -> Vec<u8>,
}

pub(crate) const ALL: [Corpus; 2] = [
    Corpus {
        name: "small",
        told: "5,000 JSON files of 0.5–11 KB",
        files: 5_000,
        goal: 0.4,
        write: records,
    },
    Corpus { name: "large", told: "64 text files of 8 MB", files: 64, goal: 0.35, write: text },
];

impl Corpus {
    pub(crate) fn file(nth: usize) -> String {
        format!("{:03}/{nth:05}.json", nth / 100)
    }

    /// Writes the files, unless they are there.
    pub(crate) fn make(&self, folder: &Path) -> Outcome<()> {
        let done = folder.with_extension("done");
        if done.exists() {
            return Ok(());
        }
        let mut draw = Draw(7);
        for nth in 0..self.files {
            let path = folder.join(Self::file(nth));
            fs::create_dir_all(path.parent().ok_or("a file lies in a folder")?)?;
            fs::write(path, (self.write)(&mut draw))?;
        }
        Ok(fs::write(done, "")?)
    }
}

/// xorshift: the same on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    /// A word; some are much more frequent than others, as in a language.
    fn word(&mut self) -> String {
        let bound = 1 + self.below(4_000);
        let mut word =
            Self(0x9e37_79b9_7f4a_7c15 ^ self.below(bound).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let letters = 2 + word.below(8);
        (0..letters)
            .map(|_| char::from(b"etaoinshrdlucmfwypvbgkjqxz"[word.below(26) as usize]))
            .collect()
    }

    fn words(&mut self, count: u64) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

/// What a web service says about an order: 0.5 to 11 KB.
fn records(draw: &mut Draw) -> Vec<u8> {
    let lines = 1 + draw.below(30);
    let mut line = |nth: u64| {
        let words = 4 + draw.below(30);
        json!({
            "id": draw.below(1 << 40), "position": nth, "title": draw.words(words),
            "price": draw.below(100_000) as f64 / 100.0, "currency": "CHF",
            "tags": [draw.word(), draw.word()], "sku": format!("{:016x}", draw.below(1 << 53)),
            "created_at": format!("2026-{:02}-{:02}T12:00:00Z", 1 + draw.below(12), 1 + draw.below(28)),
        })
    };
    let lines: Vec<_> = (0..lines).map(&mut line).collect();
    let order = json!({"order": lines.len(), "lines": lines, "customer": {"name": draw.words(2), "note": draw.words(20)}});
    order.to_string().into_bytes()
}

/// 8 MiB of words and figures.
fn text(draw: &mut Draw) -> Vec<u8> {
    const SIZE: usize = 8 << 20;
    let mut text = Vec::with_capacity(SIZE + 1024);
    while text.len() < SIZE {
        let (words, figure) = (draw.words(10), draw.below(1 << 32));
        writeln!(text, "{words} {figure}.").expect("memory takes any text");
    }
    text.truncate(SIZE);
    text
}
