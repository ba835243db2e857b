//! The programs that read archives, for the tests of those that codap writes, and the one that kills
//! who writes them: from the machine, or Debian's packages when we are root.

use crate::servers::install::{find, from_debian};
use crate::step::{self, Failure};

/// A program, and the package that has it. `javac` stands for a Java that runs a source file.
const PROGRAMS: [(&str, &str); 8] = [
    ("unzip", "unzip"),
    ("python3", "python3"),
    ("javac", "default-jdk-headless"),
    ("bsdtar", "libarchive-tools"),
    ("7zz", "7zip"),
    ("tar", "tar"),
    // Which tar runs.
    ("zstd", "zstd"),
    ("strace", "strace"),
];

/// Installs what is missing.
pub(crate) fn install() -> Result<(), Failure> {
    for (program, package) in PROGRAMS {
        from_debian(package, || find(program))?;
    }
    let names = PROGRAMS.map(|(program, _)| program).join(", ");
    step::say(&format!("    readers of archives: {names}"));
    Ok(())
}
