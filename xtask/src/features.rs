//! `cargo xtask features`: checks that cargo builds each dependency once, whichever packages are selected.
//!
//! Cargo gives a dependency the features that the selected packages ask for. If two selections ask for different ones,
//! wasmtime is compiled again when a developer goes from one to the other. The manifests ask for the same features
//! (`Cargo.toml`, `authoring/Cargo.toml`, `tests/Cargo.toml`), and this command reports those that a manifest lacks.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use crate::arguments::Arguments;
use crate::process::{cargo_command, output};

/// The selections that developers and CI use, beside the whole workspace with its tests.
const SELECTIONS: &[&[&str]] = &[
    &["--workspace"],
    &[],
    &["--package", "guardhouse-cli"],
    &["--package", "guardhouse-tests"],
    &["--package", "guardhouse-bench"],
    &["--package", "guardhouse-python"],
    &["--package", "xtask"],
];

/// Large dependencies that build scripts and macros use too. They are compiled once if both uses have the same
/// features.
const SHARED: &[&str] = &[
    "anyhow",
    "indexmap",
    "semver",
    "serde",
    "serde_json",
    "wasm-encoder",
    "wasmparser",
    "wit-component",
    "wit-parser",
];

/// The lists of features that each package is built with, by the package's name and version.
type Features = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn run(_: &Arguments<'_>) -> Result<()> {
    let whole = features(&["--workspace"], "normal,build,dev")?;
    let mut differences = Vec::new();
    for selection in SELECTIONS {
        let name = if selection.is_empty() { "the default members".to_owned() } else { selection.join(" ") };
        differences.extend(compare(&name, &features(selection, "normal,build")?, &whole));
    }
    let host = ["--package", "guardhouse"];
    differences.extend(compare("the tests of guardhouse", &features(&host, "normal,build,dev")?, &whole));
    differences.extend(twice(&whole));
    ensure!(
        differences.is_empty(),
        "dependencies are built more than once:\n  {}\nadd the missing features in Cargo.toml or authoring/Cargo.toml",
        differences.join("\n  ")
    );
    println!("{} selections build {} packages with the same features", SELECTIONS.len() + 2, whole.len());
    Ok(())
}

/// The features of all dependencies of a selection.
fn features(selection: &[&str], edges: &str) -> Result<Features> {
    let mut tree = cargo_command()?;
    tree.args(["tree", "--locked", "--quiet", "--prefix", "none", "--format", "{p}|{f}"]);
    tree.args(["--edges", &format!("features,{edges}")]).args(selection);
    Ok(parse(&output(&mut tree)?))
}

/// Reads lines such as `semver v1.0.28|serde,std (*)`. Lines without a bar are features, and `(*)` marks repetitions.
/// Packages of this repository, which have a path, are left out: they compile quickly.
fn parse(tree: &str) -> Features {
    let mut packages = Features::new();
    for line in tree.lines() {
        let Some((package, features)) = line.split_once('|') else { continue };
        if package.contains("(/") {
            continue;
        }
        let package = package.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let features = features.trim_end_matches(" (*)").to_owned();
        packages.entry(package).or_default().insert(features);
    }
    packages
}

/// The packages that a selection builds with other features than the whole workspace does.
fn compare(selection: &str, features: &Features, whole: &Features) -> Vec<String> {
    let mut differences = Vec::new();
    for (package, lists) in features {
        let others = whole.get(package);
        let lacking = lists.iter().filter(|list| !others.is_some_and(|others| others.contains(*list)));
        differences.extend(lacking.map(|list| format!("{package} has the features `{list}` for {selection} alone")));
    }
    differences
}

/// The packages that build scripts and macros use with other features than the program itself.
fn twice(features: &Features) -> Vec<String> {
    let name = |package: &str| package.split(' ').next().unwrap_or_default().to_owned();
    let differing = features.iter().filter(|(package, lists)| lists.len() > 1 && SHARED.contains(&&*name(package)));
    differing
        .map(|(package, lists)| format!("{package} is built for the compiler and for the program: {lists:?}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_of_one_selection_is_found() {
        let whole = parse("a v1.0.0|std\na feature \"std\"\nb v1.0.0|\nb v1.0.0|std (*)\n");
        assert_eq!(compare("x", &parse("a v1.0.0|std (*)\nb v1.0.0|\n"), &whole), [""; 0]);
        let found = compare("x", &parse("a v1.0.0|\nb v1.0.0|std"), &whole);
        assert_eq!(found, ["a v1.0.0 has the features `` for x alone"]);
    }

    #[test]
    fn a_dependency_with_two_sets_of_features_is_found() {
        assert_eq!(twice(&parse("semver v1.0.0|std\nsemver v2.0.0|\n")), [""; 0]);
        assert_eq!(twice(&parse("semver v1.0.0|std\nsemver v1.0.0|\n")).len(), 1);
    }
}
