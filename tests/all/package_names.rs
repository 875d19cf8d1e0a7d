//! No text tells anybody to install a package of somebody else: `guardhouse` on PyPI and on npm are other projects.

use std::collections::BTreeSet;
use std::fs;

use crate::documents::{files, root};

/// The manifests of the packages, each with the line that names it. No other file decides about a name.
const MANIFESTS: [(&str, &str); 4] = [
    ("pyproject.toml", "name = \""),
    ("packaging/npm/package.json", "\"name\": \""),
    ("guest-sdk/python/pyproject.toml", "name = \""),
    ("guest-sdk/js/package.json", "\"name\": \""),
];

/// A program of the package `guardhouse-sdk`, which `npx` finds in the project.
const PROGRAM: &str = "guardhouse-build";

/// Commands whose next words are options and a package.
const COMMANDS: [&str; 21] = [
    "npm add ",
    "npm exec ",
    "npm i ",
    "npm install ",
    "npm uninstall ",
    "npm update ",
    "npx ",
    "pip download ",
    "pip install ",
    "pip uninstall ",
    "pip3 install ",
    "pipx install ",
    "pipx run ",
    "pipx uninstall ",
    "pipx upgrade ",
    "pnpm add ",
    "uv add ",
    "uv pip install ",
    "uv tool ",
    "uvx ",
    "yarn add ",
];

/// The names of the packages.
fn packages() -> BTreeSet<String> {
    let names = MANIFESTS.map(|(path, start)| {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(start)).unwrap();
        line.split('"').next().unwrap().to_owned()
    });
    names.into()
}

/// The names of packages that a text installs or runs, and that begin as ours do.
fn installed(text: &str) -> Vec<&str> {
    let rests = COMMANDS.iter().flat_map(|command| text.split(command).skip(1));
    let words = rests.filter_map(|rest| {
        let words = rest.lines().next()?.split(|at: char| at.is_whitespace() || "\"'`".contains(at));
        words.into_iter().find(|word| word.starts_with("guardhouse"))
    });
    words.map(name).collect()
}

/// The modules that a text in Python imports, and whose names begin as ours do. Go's `import guardhouse "…"` is none.
fn imported(text: &str) -> Vec<&str> {
    let rests = ["import ", "from "].iter().flat_map(|word| text.split(word).skip(1));
    rests.filter(|rest| rest.starts_with("guardhouse") && !rest.starts_with("guardhouse \"")).map(name).collect()
}

/// The name at the start of a text.
fn name(text: &str) -> &str {
    let is_end = |at: char| !(at.is_ascii_alphanumeric() || "-_".contains(at));
    text.split(is_end).next().unwrap()
}

#[test]
fn every_command_that_installs_a_package_names_one_of_ours() {
    let packages = packages();
    assert!(!packages.contains("guardhouse"));
    let mut found = BTreeSet::new();
    for path in files(&["md", "rs", "py", "js", "ts", "mjs", "go", "c", "zig", "toml", "json", "yml"]) {
        if path == root().join(file!()) {
            continue;
        }
        for name in installed(&fs::read_to_string(&path).unwrap()) {
            assert!(packages.contains(name) || name == PROGRAM, "{}: `{name}` is not our package", path.display());
            found.insert(name.to_owned());
        }
    }
    assert!(found.contains("guardhouse-checks"), "{found:?}");
}

/// To npm, `dist/x.tgz` is a repository on GitHub: only `./dist/x.tgz` is a file.
#[test]
fn every_file_that_npm_is_given_begins_with_a_dot() {
    let mut commands = 0;
    for path in files(&["md"]) {
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.contains("npm ") && line.contains("dist/guardhouse-checks")) {
            assert!(line.contains(" ./dist/guardhouse-checks"), "{}: {line}", path.display());
            commands += 1;
        }
    }
    assert!(commands > 1, "{commands}");
}

#[test]
fn every_import_in_python_names_one_of_our_modules() {
    let modules: BTreeSet<String> = packages().iter().map(|package| package.replace('-', "_")).collect();
    let mut found = BTreeSet::new();
    for path in files(&["md", "py", "pyi"]) {
        for name in imported(&fs::read_to_string(&path).unwrap()) {
            assert!(modules.contains(name), "{}: `{name}` is not our module", path.display());
            found.insert(name.to_owned());
        }
    }
    assert_eq!(found, BTreeSet::from(["guardhouse_checks".to_owned(), "guardhouse_sdk".to_owned()]));
}

#[test]
fn names_are_found_where_commands_and_imports_have_them() {
    for (text, names) in [
        ("$ pip install guardhouse", ["guardhouse"].as_slice()),
        ("pip install --upgrade \"guardhouse[fastmcp]\"\n", &["guardhouse"]),
        ("run `npx guardhouse` or `npx guardhouse-checks`", &["guardhouse", "guardhouse-checks"]),
        ("uvx --from guardhouse-checks guardhouse check", &["guardhouse-checks"]),
        ("npm install -g dist/guardhouse-checks-0.1.0.tgz", &[]),
        ("pip install dist/guardhouse_checks-0.1.0.whl\nguardhouse --version", &[]),
    ] {
        assert_eq!(installed(text), names, "{text}");
    }
    for (text, names) in [
        ("import guardhouse", ["guardhouse"].as_slice()),
        ("from guardhouse.fastmcp import A", &["guardhouse"]),
        ("import guardhouse_checks as guardhouse", &["guardhouse_checks"]),
        ("import guardhouse \"guardhouse.dev/sdk\"", &[]),
    ] {
        assert_eq!(imported(text), names, "{text}");
    }
}
