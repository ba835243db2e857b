//! Which name each object gets, decided in the order of the list.

use std::fmt;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_128;

use crate::fold::fold;
use crate::portable::{fitted, portable};

/// Gives each object of a list the name of its entry.
///
/// A name depends on the keys that came before it in the list and on nothing else, so neither the
/// order of arrival nor a resumed run changes it. Every key gets a name, no two get the same one.
///
/// # From a key to a name
///
/// 1. `/` and `\` part it. Empty parts and `.` are left out; if the last one is such a part (the key
///    is empty, or marks a folder: `photos/`), it becomes `_`, which is a file like any other.
/// 2. Bytes that are not UTF-8, control characters, characters that turn the direction of writing
///    or are not seen, and `< > : " | ? *` become `_`, each.
/// 3. Dots and spaces at the end of a part become `_`, each: `..` is `__`.
/// 4. A part that is a device of Windows (`con`, `NUL.txt`, `com1`) gets a `_` before it.
/// 5. A part of more than 255 bytes keeps its beginning and its extension, with `#` and a hash
///    between them. A name of more than 1,024 bytes keeps its first folders and its last part.
///
/// # Two keys, one name
///
/// Names are the same if some file system takes them for the same: case and the form of Unicode do
/// not count. A name is also taken if it is that of a folder (`a`, once there is `a/b`). Who comes
/// later in the list gets the number of its line before the extension: `photo#17.jpg`. A folder that
/// is the name of a file (`a/b`, once there is `a`) gets a number: `a#2/b`.
///
/// # Cost
///
/// 16 bytes for each name and each folder, in tables that are at least 7/16 full: 20 to 40 bytes.
///
/// ```
/// use codap_archive::Names;
///
/// let mut names = Names::new();
/// assert_eq!(names.assign(b"a/photo.jpg").as_str(), "a/photo.jpg");
/// assert_eq!(names.assign(b"../etc/passwd").as_str(), "__/etc/passwd");
/// let third = names.assign(b"A/Photo.jpg");
/// assert_eq!(third.as_str(), "A/Photo#3.jpg");
/// assert!(third.change().is_some(), "and it says why");
/// ```
#[derive(Debug, Default)]
pub struct Names {
    /// Hashes of folded names, the lowest bit set for files. Two names with one hash would cost a
    /// number that was not needed.
    taken: [HashTable<u128>; TABLES],
    assigned: u64,
}

/// In so many tables, each of which grows by itself: while one does, its old memory is held beside its
/// new one.
const TABLES: usize = 16;

/// The name of an entry: from [`Names::assign`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    text: String,
    change: Option<Change>,
}

/// Why a name is not its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The key was no name that every system can hold.
    NotPortable,
    /// The name was that of an earlier object, or of a folder.
    Taken,
}

impl Name {
    /// The name: parts with `/` between them.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Why it is not as the key was; `None` if it is.
    pub fn change(&self) -> Option<Change> {
        self.change
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.text
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPortable => "not every system can hold it",
            Self::Taken => "an earlier one has that name",
        })
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Folder,
    File,
}

impl Names {
    /// No names yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many names have been assigned.
    pub fn len(&self) -> u64 {
        self.assigned
    }

    /// Whether none has been.
    pub fn is_empty(&self) -> bool {
        self.assigned == 0
    }

    /// The name for the next object of the list.
    pub fn assign(&mut self, key: &[u8]) -> Name {
        self.assigned += 1;
        let wanted = portable(key);
        let mut text = String::with_capacity(wanted.len());
        let (folders, last) = wanted.rsplit_once('/').unwrap_or(("", &wanted));
        for folder in folders.split('/').filter(|part| !part.is_empty()) {
            self.enter(&mut text, folder);
        }
        self.place(&mut text, last);
        let change = match () {
            () if text != wanted => Some(Change::Taken),
            () if text.as_bytes() != key => Some(Change::NotPortable),
            () => None,
        };
        Name { text, change }
    }

    /// Appends a folder that no file stands in the way of.
    fn enter(&mut self, path: &mut String, folder: &str) {
        let start = path.len();
        let numbers = (2..10).map(|n| format!("#{n}")).chain(self.marks());
        for mark in std::iter::once(String::new()).chain(numbers) {
            path.truncate(start);
            path.push_str(&fitted(folder, &mark));
            let hash = hash(path);
            if !self.has(hash, Kind::File) {
                self.put(hash, Kind::Folder);
                path.push('/');
                return;
            }
        }
    }

    /// Appends the last part, so that the whole is neither a file nor a folder.
    fn place(&mut self, path: &mut String, last: &str) {
        let start = path.len();
        for mark in std::iter::once(String::new()).chain(self.marks()) {
            path.truncate(start);
            path.push_str(&fitted(last, &mark));
            let hash = hash(path);
            if !self.has(hash, Kind::File) && !self.has(hash, Kind::Folder) {
                self.put(hash, Kind::File);
                return;
            }
        }
    }

    /// The number of the line; where that is taken too, with a second one. What takes those of one
    /// line are keys for that line only, so all lines together try each key at most once.
    fn marks(&self) -> impl Iterator<Item = String> + use<> {
        let line = self.assigned;
        let more = (2_u64..).map(move |n| format!("#{line}#{n}"));
        std::iter::once(format!("#{line}")).chain(more)
    }

    fn has(&self, hash: u128, kind: Kind) -> bool {
        let wanted = of_kind(hash, kind);
        self.taken[table(wanted)].find(slot(wanted), |&taken| taken == wanted).is_some()
    }

    fn put(&mut self, hash: u128, kind: Kind) {
        let new = of_kind(hash, kind);
        let table = &mut self.taken[table(new)];
        table.entry(slot(new), |&taken| taken == new, |&taken| slot(taken)).or_insert(new);
    }
}

fn hash(path: &str) -> u128 {
    xxh3_128(fold(path).as_bytes())
}

fn of_kind(hash: u128, kind: Kind) -> u128 {
    match kind {
        Kind::Folder => hash & !1,
        Kind::File => hash | 1,
    }
}

/// Which table, by other bits than those that say where in it.
fn table(hash: u128) -> usize {
    (hash >> 8) as usize % TABLES
}

/// Where in the table: files and folders of one hash side by side do no harm.
fn slot(hash: u128) -> u64 {
    (hash >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assign_all(keys: &[&str]) -> Vec<String> {
        let mut names = Names::new();
        keys.iter().map(|key| names.assign(key.as_bytes()).into()).collect()
    }

    #[test]
    fn who_comes_later_gets_its_line() {
        assert_eq!(assign_all(&["x.jpg", "x.jpg", "X.JPG"]), ["x.jpg", "x#2.jpg", "X#3.JPG"]);
        assert_eq!(assign_all(&["x#2", "x", "x"]), ["x#2", "x", "x#3"]);
        assert_eq!(assign_all(&["x#2", "x#2"]), ["x#2", "x#2#2"]);
        assert_eq!(assign_all(&["x#3", "x", "x"]), ["x#3", "x", "x#3#2"]);
    }

    #[test]
    fn files_and_folders_keep_apart() {
        assert_eq!(assign_all(&["a", "a/b", "a/c", "A/d"]), ["a", "a#2/b", "a#2/c", "A#2/d"]);
        assert_eq!(assign_all(&["a/b/c", "a/b", "a"]), ["a/b/c", "a/b#2", "a#3"]);
        assert_eq!(assign_all(&["a/", "a"]), ["a/_", "a#2"]);
    }

    #[test]
    fn forms_of_unicode_are_one_name() {
        let names = assign_all(&["caf\u{e9}", "cafe\u{301}"]);
        assert_eq!(names, ["caf\u{e9}", "cafe\u{301}#2"]);
    }

    #[test]
    fn changes_are_told() {
        let mut names = Names::new();
        assert_eq!(names.assign(b"a").change(), None);
        assert_eq!(names.assign(b"/b").change(), Some(Change::NotPortable));
        assert_eq!(names.assign(b"A").change(), Some(Change::Taken));
    }

    #[test]
    fn a_million_times_the_same_key_takes_no_time() {
        let mut names = Names::new();
        let count = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
        let last = (0..count).map(|_| names.assign(b"same.txt")).last();
        assert_eq!(last.map(String::from), Some(format!("same#{count}.txt")));
    }
}
