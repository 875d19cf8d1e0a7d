//! `cargo xtask version`: the version of everything that is released together, in all files that have it.
//!
//! The contract in `wit/` has a version of its own. So have the programs that are not released, and the reference
//! plugins: their version is that of an author's new plugin.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::arguments::Arguments;
use crate::lock;
use crate::process::output;
use crate::root;

/// The option that only compares.
pub(crate) const CHECK: &str = "--check";

/// The file with the version, and the text before it there. All other files have the same version.
const FIRST: (&str, &str) = ("Cargo.toml", "\n[workspace.package]\nversion = \"");

/// The files that repeat the version, each with the text before it. Every place with that text has the version.
const OTHERS: &[(&str, &str)] = &[
    // The dependencies that have both a path and a version.
    ("Cargo.toml", "\", version = \""),
    ("guest-sdk/js/package.json", "\n  \"version\": \""),
    ("guest-sdk/js/package-lock.json", "\"name\": \"guardhouse-sdk\",\n  \"version\": \""),
    ("guest-sdk/js/package-lock.json", "\"name\": \"guardhouse-sdk\",\n      \"version\": \""),
    ("guest-sdk/python/guardhouse_sdk/__init__.py", "\n__version__ = \""),
    ("guest-sdk/python/pyproject.toml", "\nversion = \""),
    ("guest-sdk/rust/Cargo.toml", "\nversion = \""),
    ("guest-sdk/rust/README.md", "\nguardhouse-sdk = \""),
    ("guest-sdk/zig/build.zig.zon", "\n    .version = \""),
    ("host/README.md", "\nguardhouse = \""),
    ("packaging/npm/package.json", "\n  \"version\": \""),
    ("plugins/condition-tree/go/go.mod", "guardhouse.dev/sdk v"),
    ("plugins/condition-tree/js/package-lock.json", LOCKED_SDK),
    ("plugins/condition-tree/ts/package-lock.json", LOCKED_SDK),
    ("plugins/office-hours/go/go.mod", "guardhouse.dev/sdk v"),
    ("plugins/office-hours/js/package-lock.json", LOCKED_SDK),
    ("plugins/office-hours/ts/package-lock.json", LOCKED_SDK),
    ("plugins/role-patterns/go/go.mod", "guardhouse.dev/sdk v"),
    ("plugins/role-patterns/js/package-lock.json", LOCKED_SDK),
    ("plugins/role-patterns/ts/package-lock.json", LOCKED_SDK),
    ("plugins/spending-limit/go/go.mod", "guardhouse.dev/sdk v"),
    ("plugins/spending-limit/js/package-lock.json", LOCKED_SDK),
    ("plugins/spending-limit/ts/package-lock.json", LOCKED_SDK),
    ("pyproject.toml", "\nversion = \""),
    ("tests/guests/go/go.mod", "guardhouse.dev/sdk v"),
    ("tests/guests/js/package-lock.json", LOCKED_SDK),
];

/// The text before the version of the SDK in the lock file of a plugin in JavaScript.
const LOCKED_SDK: &str = "\"node_modules/guardhouse-sdk\": {\n      \"version\": \"";

/// The heading of the changes since the last release.
const UNRELEASED: &str = "\n## Unreleased\n";

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    let root = root()?;
    let current = current(root)?;
    let version = match (arguments.operands.as_slice(), arguments.has(CHECK)) {
        ([], true) => current.as_str(),
        ([version], _) => version,
        _ => bail!("`version` needs one version, or `{CHECK}`"),
    };
    check_form(version)?;
    if !arguments.has(CHECK) {
        set(root, version)?;
        release_changes(root, version)?;
        lock::complete_all(false)?;
        println!("next: `cargo xtask guests`, because plugins contain the version of their SDK; then `.ci/run`");
    }
    let differences = differences(root, version)?;
    ensure!(differences.is_empty(), "{}; run `cargo xtask version {version}`", differences.join("; "));
    println!("all files have version {version}");
    Ok(())
}

/// The version that `Cargo.toml` has.
fn current(root: &Path) -> Result<String> {
    let (file, before) = FIRST;
    let text = read(root, file)?;
    let (_, rest) = text.split_once(before).with_context(|| format!("`{file}` has no version of the workspace"))?;
    Ok(version_at_start(rest).to_owned())
}

/// Fails unless `version` consists of three numbers. Each registry writes other versions in a way of its own.
fn check_form(version: &str) -> Result<()> {
    let numbers: Vec<&str> = version.split('.').collect();
    let is_number = |text: &&str| text.parse::<u32>().is_ok_and(|number| number.to_string() == **text);
    ensure!(
        numbers.len() == 3 && numbers.iter().all(is_number),
        "invalid version `{version}`: use three numbers, such as `0.2.0`"
    );
    Ok(())
}

/// Writes `version` to every place.
fn set(root: &Path, version: &str) -> Result<()> {
    for (file, before) in places() {
        let text = read(root, file)?;
        let mut parts = text.split(before);
        let mut new = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = part.strip_prefix(version_at_start(part)).unwrap_or(part);
            new.extend([before, version, rest]);
        }
        if new != text {
            fs::write(root.join(file), new).with_context(|| format!("cannot write `{file}`"))?;
            println!("{file}");
        }
    }
    Ok(())
}

/// The places that do not have `version`.
fn differences(root: &Path, version: &str) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    for (file, before) in places() {
        let text = read(root, file)?;
        let found: Vec<&str> = text.split(before).skip(1).map(version_at_start).collect();
        ensure!(!found.is_empty(), "`{file}` has no version after `{}`", before.trim().escape_debug());
        let others = found.iter().filter(|found| **found != version);
        differences.extend(others.map(|other| format!("`{file}` has version `{other}` instead of {version}")));
    }
    Ok(differences)
}

/// Makes the changes since the last release those of `version`, unless the changelog has that version already.
fn release_changes(root: &Path, version: &str) -> Result<()> {
    let text = read(root, CHANGELOG)?;
    if text.contains(&format!("\n## {version}")) {
        return Ok(());
    }
    ensure!(text.contains(UNRELEASED), "`{CHANGELOG}` has no heading `{}`", UNRELEASED.trim());
    let date = output(Command::new("date").args(["--utc", "+%F"]))?;
    let new = text.replacen(UNRELEASED, &format!("{UNRELEASED}\n## {version}, {}\n", date.trim()), 1);
    fs::write(root.join(CHANGELOG), new).with_context(|| format!("cannot write `{CHANGELOG}`"))
}

const CHANGELOG: &str = "CHANGELOG.md";

fn places() -> impl Iterator<Item = (&'static str, &'static str)> {
    [FIRST].into_iter().chain(OTHERS.iter().copied())
}

/// The longest start of `text` that may be a version.
fn version_at_start(text: &str) -> &str {
    let is_version = |character: char| character.is_ascii_alphanumeric() || ".+-".contains(character);
    text.split(|character| !is_version(character)).next().unwrap_or_default()
}

fn read(root: &Path, file: &str) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| format!("cannot read `{file}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manifests that have a version of their own: programs that are not released, and plugins.
    const OWN: [&str; 26] = [
        "fuzz/Cargo.toml",
        "peers/Cargo.toml",
        "peers/extism-plugin/Cargo.toml",
        "plugins/condition-tree/js/package.json",
        "plugins/condition-tree/python/pyproject.toml",
        "plugins/condition-tree/rust/Cargo.toml",
        "plugins/condition-tree/ts/package.json",
        "plugins/condition-tree/zig/build.zig.zon",
        "plugins/office-hours/js/package.json",
        "plugins/office-hours/python/pyproject.toml",
        "plugins/office-hours/rust/Cargo.toml",
        "plugins/office-hours/ts/package.json",
        "plugins/office-hours/zig/build.zig.zon",
        "plugins/role-patterns/js/package.json",
        "plugins/role-patterns/python/pyproject.toml",
        "plugins/role-patterns/rust/Cargo.toml",
        "plugins/role-patterns/ts/package.json",
        "plugins/role-patterns/zig/build.zig.zon",
        "plugins/spending-limit/js/package.json",
        "plugins/spending-limit/python/pyproject.toml",
        "plugins/spending-limit/rust/Cargo.toml",
        "plugins/spending-limit/ts/package.json",
        "plugins/spending-limit/zig/build.zig.zon",
        "tests/guests/js/package.json",
        "tests/guests/python/pyproject.toml",
        "tests/guests/zig/build.zig.zon",
    ];

    /// A copy of the files that have the version.
    fn copy() -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in places().map(|(file, _)| file).chain([CHANGELOG]) {
            let path = copy.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(root().unwrap().join(file), path).unwrap();
        }
        copy
    }

    fn texts(root: &Path) -> Vec<String> {
        places().map(|(file, _)| read(root, file).unwrap()).collect()
    }

    #[test]
    fn all_files_have_the_version_that_is_set() {
        let copy = copy();
        let root = copy.path();
        let (first, before) = (current(root).unwrap(), texts(root));
        assert_eq!(differences(root, &first).unwrap(), [""; 0]);
        assert!(differences(root, "98.7.6").unwrap().len() >= places().count());

        set(root, "98.7.6").unwrap();
        assert_eq!(current(root).unwrap(), "98.7.6");
        assert_eq!(differences(root, "98.7.6").unwrap(), [""; 0]);
        set(root, &first).unwrap();
        assert_eq!(texts(root), before);
    }

    #[test]
    fn one_file_with_another_version_is_found() {
        let copy = copy();
        let root = copy.path();
        let version = current(root).unwrap();
        let (file, text) = ("guest-sdk/zig/build.zig.zon", read(root, "guest-sdk/zig/build.zig.zon").unwrap());
        fs::write(root.join(file), text.replace(&format!(".version = \"{version}\""), ".version = \"9.9.9\"")).unwrap();
        let expected = format!("`{file}` has version `9.9.9` instead of {version}");
        assert_eq!(differences(root, &version).unwrap(), [expected]);
        fs::write(root.join(file), "").unwrap();
        let error = differences(root, &version).unwrap_err().to_string();
        assert_eq!(error, format!("`{file}` has no version after `.version = \\\"`"));
    }

    #[test]
    fn the_changes_since_the_last_release_get_a_heading_once() {
        let copy = copy();
        let root = copy.path();
        let before = read(root, CHANGELOG).unwrap();
        for _ in 0..2 {
            release_changes(root, "98.7.6").unwrap();
            let text = read(root, CHANGELOG).unwrap();
            let (start, rest) = text.split_once("\n## 98.7.6, 20").unwrap();
            assert!(start.ends_with(UNRELEASED), "{start}");
            assert_eq!(format!("{start}{}", rest.split_once('\n').unwrap().1), before);
        }
    }

    #[test]
    fn only_versions_that_every_registry_accepts_are_set() {
        for version in ["0.1.0", "1.0.0", "10.20.30"] {
            assert!(check_form(version).is_ok(), "{version}");
        }
        for version in ["", "1", "1.0", "1.0.0.0", "v1.0.0", "1.0.0-rc.1", "01.0.0", "1..0", "1.0.+1"] {
            assert!(check_form(version).is_err(), "{version}");
        }
    }

    #[test]
    fn every_manifest_has_the_version_or_is_known_to_have_its_own() {
        let mut git = Command::new("git");
        git.current_dir(root().unwrap()).args(["ls-files", "--", "*.toml", "*.json", "*.zon"]);
        let is_manifest = |file: &&str| {
            ["Cargo.toml", "build.zig.zon", "package.json", "pyproject.toml"].iter().any(|name| file.ends_with(name))
        };
        let files = output(&mut git).unwrap();
        for file in files.lines().filter(is_manifest) {
            let text = read(root().unwrap(), file).unwrap();
            let starts = ["version = \"", "\"version\": \"", ".version = \""];
            let has_version = text.lines().any(|line| starts.iter().any(|start| line.trim_start().starts_with(start)));
            let is_listed = places().any(|(listed, _)| listed == file);
            assert_eq!(has_version, is_listed || OWN.contains(&file), "`{file}`: list it in `OTHERS` or `OWN`");
        }
    }
}
