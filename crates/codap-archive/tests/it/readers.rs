//! The programs that read archives: each extracts, or lists with hashes.
//!
//! `cargo xtask test` installs what is missing; by hand: `cargo xtask readers`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use codap_archive::Format;
use sha2::{Digest, Sha256};

use crate::stage::{Contents, hex};

/// An independent reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Unzip,
    Python,
    Java,
    Bsdtar,
    SevenZip,
    GnuTar,
}

impl Reader {
    /// Those that read the format.
    pub(crate) fn of(format: Format) -> Vec<Self> {
        match format {
            Format::Zip => {
                vec![Self::Unzip, Self::Python, Self::Java, Self::Bsdtar, Self::SevenZip]
            }
            Format::Tar | Format::TarGz => {
                vec![Self::GnuTar, Self::Python, Self::Bsdtar, Self::SevenZip]
            }
            // Python reads it from 3.14 on.
            _ => vec![Self::GnuTar, Self::Bsdtar],
        }
    }

    /// Those of them that extract to files.
    pub(crate) fn extractors(format: Format) -> Vec<Self> {
        Self::of(format).into_iter().filter(|reader| *reader != Self::Java).collect()
    }

    /// Extracts into an empty folder; an error if the program complains.
    pub(crate) fn extract(self, archive: &Path, folder: &Path) -> Result<(), String> {
        let archive = archive.to_str().unwrap();
        match self {
            Self::Unzip => run(folder, "unzip", &["-q", archive]),
            Self::Python => run(folder, "python3", &["-c", EXTRACT, archive]),
            Self::Bsdtar => run(folder, "bsdtar", &["-xf", archive]),
            Self::GnuTar => run(folder, "tar", &["-xf", archive]),
            Self::SevenZip => self.seven_zip(archive, folder),
            Self::Java => unreachable!("it only lists"),
        }
    }

    /// 7-Zip takes a compressed tar for what it is: a compressed file.
    fn seven_zip(self, archive: &str, folder: &Path) -> Result<(), String> {
        if !archive.ends_with(".gz") {
            return run(folder, "7zz", &["x", "-y", "-bd", archive]);
        }
        let inner = tempfile::tempdir().unwrap();
        run(inner.path(), "7zz", &["x", "-y", "-bd", archive])?;
        let tar = fs::read_dir(inner.path()).unwrap().next().unwrap().unwrap().path();
        run(folder, "7zz", &["x", "-y", "-bd", tar.to_str().unwrap()])
    }

    /// Size and hash of one entry, which goes through a pipe and not onto the disk. Not by
    /// Java, and 7-Zip cannot look into a compressed tar.
    pub(crate) fn piped(self, archive: &Path, name: &str) -> Result<(u64, String), String> {
        let archive = archive.to_str().unwrap();
        let (program, args) = match self {
            Self::Unzip => ("unzip", vec!["-p", archive, name]),
            Self::Python => ("python3", vec!["-c", PIPE, archive, name]),
            Self::Bsdtar => ("bsdtar", vec!["-xOf", archive, name]),
            Self::GnuTar => ("tar", vec!["-xOf", archive, name]),
            Self::SevenZip => ("7zz", vec!["x", "-so", archive, name]),
            Self::Java => unreachable!("it only lists"),
        };
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{program} is needed: {e}"));
        let found = size_and_hash(child.stdout.take().unwrap());
        let status = child.wait().unwrap();
        if status.success() { Ok(found) } else { Err(format!("{program} ended with {status}")) }
    }

    /// Names, sizes and hashes, without writing anything but what is extracted.
    pub(crate) fn contents(self, archive: &Path) -> Result<Contents, String> {
        if self == Self::Java {
            return java(archive);
        }
        let folder = tempfile::tempdir().unwrap();
        self.extract(archive, folder.path())?;
        Ok(tree(folder.path()))
    }
}

/// Every file below a folder.
pub(crate) fn tree(folder: &Path) -> Contents {
    let (mut contents, mut folders) = (Contents::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            contents.insert(name, size_and_hash(fs::File::open(&path).unwrap()));
        }
    }
    contents
}

fn size_and_hash(mut from: impl Read) -> (u64, String) {
    let (mut hasher, mut buffer, mut size) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let read = from.read(&mut buffer).unwrap();
        if read == 0 {
            return (size, hex(hasher.finalize().into()));
        }
        size += read as u64;
        hasher.update(&buffer[..read]);
    }
}

const EXTRACT: &str = "
import sys, tarfile, zipfile
path = sys.argv[1]
if zipfile.is_zipfile(path):
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    archive.extractall()
else:
    tarfile.open(path).extractall(filter='data')
";

const PIPE: &str = "
import shutil, sys, tarfile, zipfile
path, name = sys.argv[1:]
if zipfile.is_zipfile(path):
    entry = zipfile.ZipFile(path).open(name)
else:
    entry = tarfile.open(path).extractfile(name)
shutil.copyfileobj(entry, sys.stdout.buffer)
";

/// Reads a zip as a stream, so that only what stands before the data helps.
const JAVA: &str = r#"
import java.io.*;
import java.security.*;
import java.util.zip.*;

class List {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        byte[] buffer = new byte[1 << 20];
        try (ZipInputStream in = new ZipInputStream(new BufferedInputStream(new FileInputStream(args[0])))) {
            for (ZipEntry entry; (entry = in.getNextEntry()) != null; ) {
                MessageDigest hash = MessageDigest.getInstance("SHA-256");
                long size = 0;
                for (int read; (read = in.read(buffer)) > 0; size += read) hash.update(buffer, 0, read);
                StringBuilder hex = new StringBuilder();
                for (byte b : hash.digest()) hex.append(String.format("%02x", b));
                out.println(hex + " " + size + " " + entry.getName());
            }
        }
    }
}
"#;

fn java(archive: &Path) -> Result<Contents, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("List.java"), JAVA).unwrap();
    let listed = output(folder.path(), "java", &["List.java", archive.to_str().unwrap()])?;
    Ok(listed
        .lines()
        .map(|line| {
            let mut fields = line.splitn(3, ' ');
            let mut next = || fields.next().unwrap().to_owned();
            let (hash, size, name) = (next(), next(), next());
            (name, (size.parse().unwrap(), hash))
        })
        .collect())
}

fn run(folder: &Path, program: &str, args: &[&str]) -> Result<(), String> {
    output(folder, program, args).map(|_| ())
}

fn output(folder: &Path, program: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command.env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap_or_else(|e| {
        panic!("{program} is needed to read archives ({e}): `cargo xtask readers` installs it")
    });
    let [said, complained] =
        [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    if output.status.success() {
        Ok(said)
    } else {
        Err(format!("{program} ended with {}:\n{said}{complained}", output.status))
    }
}

/// The contents of many archives by one process, which Python's own hashes vouch for.
pub(crate) fn python_contents(archives: &[PathBuf]) -> Vec<Contents> {
    let list: String = archives.iter().map(|path| format!("{}\n", path.display())).collect();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("list"), list).unwrap();
    let told = output(folder.path(), "python3", &["-c", LIST]).unwrap();
    let mut all = vec![Contents::new(); archives.len()];
    for line in told.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [archive, name, size, hash] = fields[..] else { panic!("{line}") };
        let entry = (size.parse().unwrap(), hash.to_owned());
        all[archive.parse::<usize>().unwrap()].insert(name.to_owned(), entry);
    }
    all
}

const LIST: &str = "
import hashlib, tarfile, zipfile
for number, path in enumerate(open('list').read().splitlines()):
    if zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        entries = ((name, archive.read(name)) for name in archive.namelist())
    else:
        archive = tarfile.open(path)
        entries = ((member.name, archive.extractfile(member).read()) for member in archive)
    for name, body in entries:
        print(number, name, len(body), hashlib.sha256(body).hexdigest(), sep='\\t')
";

/// How many entries the directory of a zip has, for Python and for 7-Zip.
pub(crate) fn count_zip(archive: &Path) -> u64 {
    let path = archive.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let count = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))";
    let python = output(folder.path(), "python3", &["-c", count, path]).unwrap();
    let python = python.trim().parse().unwrap();
    let listed = output(folder.path(), "7zz", &["l", "-slt", "-ba", path]).unwrap();
    let seven = listed.lines().filter(|line| line.starts_with("Path = ")).count() as u64;
    assert_eq!(python, seven);
    python
}
