//! What PyPI has of the old package, and two programs that use it: their code is run by the tests,
//! and kept out of this repository.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::environment::Environment;
use crate::servers::install;
use crate::step::Failure;

/// Name, version, and the hash that says it is the one that was read.
const PACKAGES: [(&str, &str, &str); 3] = [
    ("codap", "0.0.5", "1484596893a7e6f31a59550d460e280a9d6b019ae9d386085b07328ba1fb434c"),
    ("asyncinflux", "0.0.2", "d60f434338af4153ebbacd0961f0a7d274c600d427d5c1f424a58775bb08e246"),
    ("asyncinflux", "0.0.3", "265fc08cda469613a5cd84f72fe23aa6084fd51b607615b19c69205371c99d24"),
];

/// The folder that holds them, unpacked.
pub(super) fn fetch(tools: &Environment) -> Result<PathBuf, Failure> {
    let folder = super::folder().join("published");
    for (name, version, sha256) in PACKAGES {
        let unpacked = folder.join(format!("{name}-{version}"));
        if unpacked.is_dir() {
            continue;
        }
        let pin = folder.join(format!("{name}-{version}.txt"));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&pin, format!("{name}=={version} --hash=sha256:{sha256}\n")))
            .map_err(|e| Failure::new(format!("cannot write {}: {e}", pin.display())))?;
        let download = ["download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation"];
        let to = ["--require-hashes", "--dest"];
        tools.pip(&[&download[..], &to].concat(), &[&folder, "--requirement".as_ref(), &pin])?;
        let archive = folder.join(format!("{name}-{version}.tar.gz"));
        install::run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&folder))?;
    }
    Ok(folder)
}
