//! `cargo xtask prove sdks`: builds and tests projects that use published SDKs.
//!
//! The SDKs are packaged here, and the package managers are told to take them from here instead of their registries.
//! `cargo xtask languages` builds and tests projects that have a copy of the SDK.

use std::fs;

use anyhow::{Context, Result};

use crate::build::{GENERATE, GUARDHOUSE, Profile, Programs};
use crate::process::bash;
use crate::root;

/// Every language with a registry, with the script that makes the project `my-check`, installs its SDK and runs its
/// unit tests. The folder `guest-sdk/` is `$sdks`.
const LANGUAGES: &[(&str, &str)] = &[
    (
        "rust",
        r#"mkdir .cargo
        echo "patch.crates-io.guardhouse-sdk.path = '$sdks/rust'" > .cargo/config.toml
        generate project my-check rust
        cd my-check
        cargo test --quiet"#,
    ),
    ("js", NPM),
    ("ts", NPM),
    (
        "python",
        r#"cp -r "$sdks/python" sdk
        python3 -m pip wheel --quiet --no-deps --wheel-dir packages ./sdk
        generate project my-check python
        cd my-check
        python3 -m venv .venv
        .venv/bin/pip install --quiet --require-hashes -r requirements.txt
        .venv/bin/pip install --quiet --no-index --find-links ../packages -r requirements-sdk.txt
        .venv/bin/python -m unittest"#,
    ),
];

/// The lock file of a new project has the version of the SDK. Here it gets the path of the package as well.
const NPM: &str = r#"npm pack --silent "$sdks/js" > package
    generate project my-check $language
    cd my-check
    node -e '
        const fs = require("fs");
        const lock = JSON.parse(fs.readFileSync("package-lock.json"));
        lock.packages["node_modules/guardhouse-sdk"].resolved = `file:../${fs.readFileSync("../package").toString().trim()}`;
        fs.writeFileSync("package-lock.json", JSON.stringify(lock));'
    npm ci --silent --ignore-scripts
    npm run --silent --if-present types
    npm test --silent"#;

/// Builds the plugin of the project, runs its cases, and finds that the SDK has the version of the command.
const TEST: &str = "
    guardhouse build --release
    guardhouse test
    test ! -e third_party
    guardhouse upgrade | grep 'is up to date'";

/// Makes, builds and tests a project in each language.
pub(crate) fn prove() -> Result<()> {
    let programs = Programs::build(&[GUARDHOUSE, GENERATE], Profile::Dev)?;
    let sdks = root()?.join("guest-sdk");
    for (language, script) in LANGUAGES {
        println!("\n== {language}");
        let folder = root()?.join("target/sdks").join(language);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        let script = format!("sdks='{}'\nlanguage={language}\n{script}\n{TEST}", sdks.display());
        bash(programs.path(GUARDHOUSE)?, &folder, &script)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use guardhouse_authoring::{Language, SdkSource, new_project};

    use super::*;

    #[test]
    fn every_language_with_a_registry_is_proved() {
        let folder = tempfile::tempdir().unwrap();
        let mut published = Vec::new();
        for language in Language::all().map(Language::word) {
            let project = folder.path().join(language);
            new_project(&project, "my-check", language.parse().unwrap(), SdkSource::Registry).unwrap();
            if !project.join("third_party").exists() {
                published.push(language);
            }
        }
        assert_eq!(published, LANGUAGES.iter().map(|(language, _)| *language).collect::<Vec<_>>());
    }
}
