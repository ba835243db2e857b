//! One version: the workspace's, each path dependency's, and the newest heading of CHANGELOG.md.
//!
//! A path alone is right for what only tests need: cargo leaves it out when it publishes, while a
//! version would have to be published too.

use crate::finding::{File, Finding};
use crate::manifest::{self, Entry};

pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let Some(root) = files.iter().find(|f| f.path == "Cargo.toml") else {
        return vec![Finding::missing("Cargo.toml")];
    };
    let entries = manifest::entries(&root.text);
    let ours = entries.iter().find(|e| e.section == "workspace.package" && e.key == "version");
    let Some(ours) = ours.and_then(|e| manifest::string(e.value)) else {
        return vec![Finding::whole(root, "[workspace.package] has no version")];
    };
    let manifests =
        files.iter().filter(|f| f.path == "Cargo.toml" || f.path.ends_with("/Cargo.toml"));
    let mut found: Vec<Finding> = manifests.flat_map(|file| check_manifest(file, ours)).collect();
    found.extend(check_changelog(files, ours));
    found
}

fn check_manifest(file: &File, ours: &str) -> Vec<Finding> {
    let entries = manifest::entries(&file.text);
    let mut found = Vec::new();
    for entry in &entries {
        let version = if entry.section == "package" && entry.key == "version" {
            manifest::string(entry.value)
        } else {
            path_dependency(entry, &entries)
        };
        if let Some(version) = version.filter(|v| *v != ours) {
            found.push(Finding::at(
                file,
                entry.line,
                format!("version {version:?}, the workspace has {ours:?}"),
            ));
        }
    }
    found
}

/// The version given with a `path`, `""` if none is (cargo would not publish that).
fn path_dependency<'a>(entry: &Entry<'a>, all: &[Entry<'a>]) -> Option<&'a str> {
    let mut sections = entry.section.rsplit('.');
    let name = sections.next()?;
    if name.ends_with("dependencies") {
        manifest::field(entry.value, "path")?;
        let version = manifest::field(entry.value, "version");
        return version.or((name != "dev-dependencies").then_some(""));
    }
    // `[dependencies.name]` with `path = ` under it.
    let table = sections.next()?.ends_with("dependencies") && entry.key == "path";
    let version = all.iter().find(|e| e.section == entry.section && e.key == "version");
    table.then(|| version.and_then(|e| manifest::string(e.value)).unwrap_or(""))
}

fn check_changelog(files: &[File], ours: &str) -> Option<Finding> {
    let Some(file) = files.iter().find(|f| f.path == "CHANGELOG.md") else {
        return Some(Finding::missing("CHANGELOG.md"));
    };
    let newest =
        file.text.lines().enumerate().find_map(|(at, line)| Some((at, line.strip_prefix("## ")?)));
    let Some((at, heading)) = newest else {
        return Some(Finding::whole(file, "no version has a heading: `## 0.1.0 (unreleased)`"));
    };
    let version = heading.split_whitespace().next().unwrap_or_default();
    let wrong = version != ours;
    wrong.then(|| {
        Finding::at(
            file,
            at + 1,
            format!("the newest heading is {version:?}, the workspace has {ours:?}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.package]\nversion = \"0.2.0\"\n[workspace.dependencies]\n\
                        codap = { path = \"crates/codap\", version = \"0.2.0\" }\nserde = \"1\"\n";

    fn found(root: &str, member: &str, changelog: &str) -> Vec<String> {
        let files = [
            File::new("Cargo.toml", root),
            File::new("crates/x/Cargo.toml", member),
            File::new("CHANGELOG.md", changelog),
        ];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn versions_that_agree_pass() {
        let member =
            "[package]\nversion.workspace = true\n[dependencies]\ncodap.workspace = true\n";
        assert_eq!(
            found(ROOT, member, "# Changelog\n\n## 0.2.0 (unreleased)\n\n## 0.1.0\n"),
            [""; 0]
        );
    }

    #[test]
    fn an_older_path_dependency_is_found() {
        for member in [
            "[dependencies]\ncodap = { path = \"../codap\", version = \"0.1.0\" }\n",
            "[target.'cfg(unix)'.dependencies]\ncodap = { path = \"../codap\" }\n",
            "[dependencies.codap]\npath = \"../codap\"\nversion = \"0.1.0\"\n",
            "[package]\nversion = \"0.1.0\"\n",
        ] {
            let found = found(ROOT, member, "## 0.2.0\n");
            assert_eq!(found.len(), 1, "{member}: {found:?}");
            assert!(found[0].starts_with("crates/x/Cargo.toml:2: version"), "{found:?}");
        }
    }

    #[test]
    fn what_only_tests_need_may_be_a_path_alone() {
        let member =
            |version| format!("[dev-dependencies]\nfault = {{ path = \"../fault\"{version} }}\n");
        assert_eq!(found(ROOT, &member(""), "## 0.2.0\n"), [""; 0]);
        assert_eq!(found(ROOT, &member(", version = \"0.1.0\""), "## 0.2.0\n").len(), 1);
    }

    #[test]
    fn a_changelog_without_the_version_is_found() {
        assert!(
            found(ROOT, "", "# Changelog\n\n## 0.1.0\n\n## 0.2.0\n")[0]
                .starts_with("CHANGELOG.md:3: the newest")
        );
        assert!(found(ROOT, "", "# Changelog\n")[0].contains("no version has a heading"));
    }

    #[test]
    fn missing_files_are_found() {
        let root = File::new("Cargo.toml", ROOT);
        assert_eq!(check(&[root])[0].to_string(), "CHANGELOG.md: missing");
        assert_eq!(check(&[])[0].to_string(), "Cargo.toml: missing");
    }
}
