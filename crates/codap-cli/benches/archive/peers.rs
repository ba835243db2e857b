//! Who does the work: the tool, and what one would do without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::corpus::Corpus;
use crate::site::Site;
use crate::{AT_ONCE, Outcome};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Codap,
    CurlZip,
    Python,
    Fetch,
    Compress,
}

impl Turn {
    pub(crate) const ALL: [Self; 5] =
        [Self::Codap, Self::CurlZip, Self::Python, Self::Fetch, Self::Compress];
}

/// The work of one corpus: a list of URIs, and a folder to work in.
pub(crate) struct Work {
    list: PathBuf,
    config: PathBuf,
    documents: PathBuf,
    /// Where curl puts its files.
    fetched: PathBuf,
    archive: PathBuf,
}

impl Work {
    pub(crate) fn prepare(site: &Site, corpus: &Corpus) -> Outcome<Self> {
        let documents = site.folder.join(corpus.name);
        corpus.make(&documents)?;
        let place = site.folder.with_file_name(format!("work-{}", corpus.name));
        fs::create_dir_all(&place)?;
        let place = place.canonicalize()?;
        let work = Self {
            list: place.join("list.txt"),
            config: place.join("curl.txt"),
            fetched: place.join("fetched"),
            archive: place.join("archive.zip"),
            documents,
        };
        let (mut list, mut config) = (String::new(), String::new());
        for nth in 0..corpus.files {
            let file = Corpus::file(nth);
            let uri = format!("{}/{}/{file}", site.base, corpus.name);
            list.push_str(&format!("{uri}\n"));
            config.push_str(&format!("url = \"{uri}\"\noutput = \"fetched/{file}\"\n"));
        }
        fs::write(&work.list, list)?;
        fs::write(&work.config, config)?;
        Ok(work)
    }

    /// Does it; how long it took, where it tells by itself.
    pub(crate) fn run(&self, turn: Turn) -> Outcome<Option<Duration>> {
        let place = self.list.parent().ok_or("the list lies in a folder")?;
        let archive = self.archive.as_os_str();
        match turn {
            Turn::Codap => {
                let mut codap = Command::new(env!("CARGO_BIN_EXE_codap"));
                codap.args(["archive", "--progress", "never", "-o"]).arg(archive);
                run(codap.arg("-i").arg(&self.list).current_dir(place))?;
            }
            Turn::CurlZip => {
                clear(&self.fetched)?;
                clear_file(&self.archive)?;
                let mut curl = Command::new("curl");
                curl.args(["--silent", "--fail", "--create-dirs", "--parallel", "--parallel-max"]);
                curl.arg(AT_ONCE.to_string()).arg("--config").arg(&self.config);
                run(curl.current_dir(place))?;
                run(Command::new("zip")
                    .args(["-q", "-r"])
                    .arg(archive)
                    .arg("fetched")
                    .current_dir(place))?;
            }
            Turn::Python => {
                let python = std::env::var_os("CODAP_BENCH_PYTHON").unwrap_or("python3".into());
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/archive/peer.py");
                run(Command::new(python).arg(script).arg(&self.list).arg(archive))?;
            }
            Turn::Fetch => {
                run(Command::new(std::env::current_exe()?).arg("fetch").arg(&self.list))?
            }
            Turn::Compress => {
                let mut compress = Command::new(std::env::current_exe()?);
                let told = compress.arg("compress").arg(&self.documents).output()?;
                return Ok(Some(Duration::from_secs_f64(
                    String::from_utf8(told.stdout)?.trim().parse()?,
                )));
            }
        }
        Ok(None)
    }

    /// Of the archive that was made last.
    pub(crate) fn size(&self) -> Outcome<u64> {
        Ok(fs::metadata(&self.archive)?.len())
    }
}

fn run(command: &mut Command) -> Outcome<()> {
    let program = command.get_program().display().to_string();
    let status =
        command.stdin(Stdio::null()).status().map_err(|error| format!("{program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} ended as {status}").into()) }
}

fn clear(folder: &Path) -> Outcome<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn clear_file(path: &Path) -> Outcome<()> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    Ok(())
}
