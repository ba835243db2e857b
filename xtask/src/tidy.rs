//! `cargo xtask tidy`: the rules that no compiler knows. Each is a function from all files to what
//! it found wrong.

use std::fs;
use std::io;
use std::path::Path;

use crate::finding::{File, Finding};
use crate::step::{self, Failure};
use crate::{cycles, length, marks, snippets, versions};

type Rule = fn(&[File]) -> Vec<Finding>;

const RULES: [Rule; 5] =
    [length::check, cycles::check, versions::check, snippets::check, marks::check];

pub(crate) fn run() -> Result<(), Failure> {
    let mut files = Vec::new();
    collect(step::root(), "", &mut files)
        .map_err(|e| Failure::new(format!("cannot read the workspace: {e}")))?;
    let found: Vec<String> =
        RULES.iter().flat_map(|rule| rule(&files)).map(|f| f.to_string()).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{} things to tidy\n{}", found.len(), found.join("\n"))))
}

/// Reads what the rules look at, below `folder`, whose path from the root is `prefix`.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && name != "target" {
                collect(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if [".rs", ".md", ".toml"].iter().any(|end| name.ends_with(end)) {
            files.push(File::new(path, fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_is_read_and_builds_are_left_out() {
        let mut files = Vec::new();
        collect(step::root(), "", &mut files).expect("the workspace can be read");
        let has = |path: &str| files.iter().any(|f| f.path == path);
        assert!(has("Cargo.toml") && has("README.md") && has("xtask/src/tidy.rs"));
        assert!(
            !files.iter().any(|f| f.path.starts_with("target/") || f.path.starts_with(".git/"))
        );
    }
}
