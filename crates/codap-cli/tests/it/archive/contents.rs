//! What is in an archive, by readers that are not ours: Python's, after zstd where it has none.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

/// What each name stands for: its size, and its SHA-256.
pub(crate) type Contents = BTreeMap<String, (usize, String)>;

/// Reads every entry to its end: a size, a checksum or an end that is wrong is an error. A name
/// that is there twice is one too.
const READER: &str = r#"
import hashlib, sys, tarfile, zipfile

def entries(path):
    if path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield info.filename, archive.open(info)
    else:
        file = sys.stdin.buffer if path == "-" else open(path, "rb")
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            for info in archive:
                yield info.name, archive.extractfile(info)

seen = set()
for name, body in entries(sys.argv[1]):
    assert name not in seen, name
    seen.add(name)
    digest, size = hashlib.sha256(), 0
    while piece := body.read(1 << 20):
        digest.update(piece)
        size += len(piece)
    sys.stdout.buffer.write(f"{size} {digest.hexdigest()} {name!r}\n".encode())
"#;

/// The entries of an archive, or what its reader has against it.
pub(crate) fn contents(archive: &Path) -> Result<Contents, String> {
    let mut reader = Command::new("python3");
    reader.args(["-c", READER]);
    if archive.extension().is_some_and(|it| it == "zst") {
        let mut zstd = Command::new("zstd")
            .args(["-dcq"])
            .arg(archive)
            .stdout(Stdio::piped())
            .spawn()
            .expect("zstd is installed");
        reader.arg("-").stdin(zstd.stdout.take().expect("its output is a pipe"));
        let read = entries(reader);
        return if zstd.wait().expect("it ends").success() { read } else { Err("zstd".to_owned()) };
    }
    entries({
        reader.arg(archive);
        reader
    })
}

fn entries(mut reader: Command) -> Result<Contents, String> {
    let output = reader.output().expect("python3 is installed");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).expect("names are printed in ASCII");
    let entry = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().expect("a line has three parts");
        let (size, digest, name) = (next().parse().expect("a number"), next(), next());
        (name[1..name.len() - 1].to_owned(), (size, digest.to_owned()))
    };
    Ok(text.lines().map(entry).collect())
}

/// What the contents have to be.
pub(crate) fn expected<N: Into<String>, B: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = (N, B)>,
) -> Contents {
    let entry = |(name, body): (N, B)| (name.into(), (body.as_ref().len(), sha256(body.as_ref())));
    entries.into_iter().map(entry).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
