//! `cargo xtask prove policies`: builds and tests the larger checks of plugins/ in every language.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::build::{GUARDHOUSE, Profile, Programs};
use crate::process::bash;
use crate::root;

/// The folders in plugins/, each with a folder for every language.
const POLICIES: [&str; 3] = ["office-hours", "role-patterns", "condition-tree"];

/// How a check is tested without WebAssembly in a language.
struct Tests {
    /// The folder in a policy.
    language: &'static str,
    /// The folder in target/languages/ with a `.venv` that has the tools of the language.
    tools: Option<&'static str>,
    script: &'static str,
}

const TESTS: [Tests; 7] = [
    Tests {
        language: "python",
        tools: Some("python"),
        script: "PYTHONPATH=../../../guest-sdk/python python3 -m unittest",
    },
    Tests { language: "js", tools: None, script: "npm ci --silent --ignore-scripts\nnpm test --silent" },
    Tests {
        language: "ts",
        tools: None,
        script: "npm ci --silent --ignore-scripts\nnpm run --silent types\nnpm test --silent",
    },
    Tests {
        language: "go",
        tools: Some("go"),
        script: "export PATH=\"$PWD/.venv/bin:$PATH\"\ngo vet ./...\ngo test ./...",
    },
    Tests { language: "c", tools: Some("c"), script: "make test" },
    Tests { language: "zig", tools: Some("zig"), script: ".venv/bin/python -m ziglang build test" },
    Tests { language: "rust", tools: None, script: "cargo test --quiet --locked" },
];

/// Builds every policy for servers and runs its cases, after the tests that run natively.
const BUILD: &str = "guardhouse build --release\nguardhouse test";

/// Proves the policies and languages that are named, or all.
pub(crate) fn prove(names: &[&str]) -> Result<()> {
    let is_known = |name: &&str| POLICIES.contains(name) || TESTS.iter().any(|tests| tests.language == *name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let languages = TESTS.map(|tests| tests.language).join(", ");
        bail!("`{unknown}` is not a check ({}) or a language ({languages})", POLICIES.join(", "));
    }
    let chosen = |all: &[&'static str]| -> Vec<&'static str> {
        let named: Vec<&str> = all.iter().copied().filter(|name| names.contains(name)).collect();
        if named.is_empty() { all.to_vec() } else { named }
    };
    let (policies, languages) = (chosen(&POLICIES), chosen(&TESTS.map(|tests| tests.language)));
    let programs = Programs::build(&[GUARDHOUSE], Profile::Dev)?;
    let mut seconds = Vec::new();
    for tests in TESTS.iter().filter(|tests| languages.contains(&tests.language)) {
        for policy in &policies {
            println!("\n== {policy} in {}", tests.language);
            let started = Instant::now();
            let folder = root()?.join("plugins").join(policy).join(tests.language);
            if let Some(tools) = tests.tools {
                borrow(&root()?.join("target/languages").join(tools).join("my-check/.venv"), &folder)?;
            }
            bash(programs.path(GUARDHOUSE)?, &folder, &format!("{}\n{BUILD}", tests.script))?;
            seconds.push((policy, tests.language, started.elapsed().as_secs_f64()));
        }
    }
    println!("\n== seconds");
    for (policy, language, seconds) in seconds {
        println!("{policy:<15} {language:<7} {seconds:>6.1}");
    }
    Ok(())
}

/// Links the tools into the folder of a check, as its README would have them installed.
fn borrow(tools: &Path, folder: &Path) -> Result<()> {
    ensure!(tools.is_dir(), "`{}` does not exist; `cargo xtask languages` makes it", tools.display());
    let link = folder.join(".venv");
    if link.symlink_metadata().is_ok_and(|link| link.is_symlink()) {
        fs::remove_file(&link).with_context(|| format!("cannot remove `{}`", link.display()))?;
    }
    ensure!(!link.exists(), "`{}` is in the way; remove it", link.display());
    std::os::unix::fs::symlink(tools, &link).with_context(|| format!("cannot link `{}`", link.display()))
}

#[cfg(test)]
mod tests {
    use guardhouse_authoring::Language;
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_policy_exists_in_every_language_with_the_same_settings_and_cases() {
        let languages: Vec<&str> = Language::all().map(Language::word).collect();
        assert_eq!(languages.len(), TESTS.len());
        for policy in POLICIES {
            let folder = root().unwrap().join("plugins").join(policy);
            for language in TESTS.map(|tests| tests.language) {
                assert!(languages.contains(&language), "{language}");
                for file in ["cases.json", "settings.schema.json"] {
                    // If a toolchain does not support links, the file is a copy.
                    let read = |folder: &Path| fs::read_to_string(folder.join(file)).unwrap();
                    assert_eq!(read(&folder.join(language)), read(&folder), "{policy}/{language}: {file}");
                }
            }
        }
    }

    #[test]
    fn every_policy_has_enough_cases_with_different_names() {
        for policy in POLICIES {
            let file = root().unwrap().join("plugins").join(policy).join("cases.json");
            let cases: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
            let mut names: Vec<&str> =
                cases["cases"].as_array().unwrap().iter().map(|case| case["name"].as_str().unwrap()).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert!(count >= 25 && names.len() == count, "{policy}: {count} cases, {} names", names.len());
        }
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let error = prove(&["office-hours", "cobol"]).unwrap_err().to_string();
        assert!(error.contains("`cobol` is not a check"), "{error}");
    }
}
