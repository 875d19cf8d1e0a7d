//! JavaScript, run by QuickJS inside the plugin.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::driver::run_driver;
use super::registry::{Edit, Registry};
use super::spec::Spec;
use super::tool::{Tool, Unwanted};
use crate::profile::Profile;

pub(super) const JAVASCRIPT: Spec = Spec {
    label: "JavaScript",
    word: "js",
    aliases: &["javascript", "mjs", "node"],
    sdk: "js",
    marker: "package.json",
    dialect_of: None,
    manifest: "package.json",
    name,
    check_name: None,
    fingerprint: None,
    registry: Some(REGISTRY),
    update: Some(UPDATE),
    develop: None,
    export: "write `export function check(ctx) { … }` in `check.js`",
    has_llvm_stack: false,
    build,
};

/// The version means itself and later compatible ones, as npm writes it: `package-lock.json` pins one of them.
pub(super) const REGISTRY: Registry = Registry {
    edits: &[
        Edit {
            file: "package.json",
            old: r#""guardhouse-sdk": "file:../../../guest-sdk/js""#,
            new: r#""guardhouse-sdk": "^{version}""#,
        },
        Edit {
            file: "package-lock.json",
            old: r#""guardhouse-sdk": "file:../../../guest-sdk/js""#,
            new: r#""guardhouse-sdk": "^{version}""#,
        },
        Edit { file: "package-lock.json", old: "      \"resolved\": \"file:../../../guest-sdk/js\",\n", new: "" },
        Edit {
            file: ".npmrc",
            old: "# The SDK is copied into node_modules, with the tools that it needs beside it.\ninstall-links=true\n",
            new: "",
        },
        Edit {
            file: "README.md",
            old: "\n`npm ci` also copies the SDK to `node_modules`. Run it again after a change in the SDK.\n",
            new: "",
        },
    ],
    added: &[],
    manifest: "package.json",
    update: Some("npm install --ignore-scripts"),
};

/// `npm ci` and `npm install` without a path would keep the SDK's former dependencies.
pub(super) const UPDATE: &str = "npm install --ignore-scripts ./third_party/guardhouse/guest-sdk/js";

/// The driver that comes with the SDK.
const DRIVER: &str = "node_modules/guardhouse-sdk/build.mjs";

/// Reads the name of the package.
pub(super) fn name(manifest: &str) -> Result<String> {
    let package: Value = serde_json::from_str(manifest).context("it is not valid JSON")?;
    Ok(package.get("name").and_then(Value::as_str).context("it has no string `name`")?.to_owned())
}

/// The settings of other programs: they would load modules or name another bundler.
const UNWANTED: Unwanted =
    Unwanted { names: &["ESBUILD_*", "NODE_*", "npm_*", "NPM_*", "TSX_*"], except: &["NODE_EXTRA_CA_CERTS"] };

/// Runs the driver, which bundles the script and puts it into the engine.
pub(super) fn build(folder: &Path, _profile: Profile) -> Result<Vec<u8>> {
    ensure!(folder.join(DRIVER).is_file(), "`{DRIVER}` is missing; to install it: npm ci --ignore-scripts");
    let node = Tool::new("node", folder, "see https://nodejs.org, version 20 or newer").without(&UNWANTED);
    run_driver(node.arguments([DRIVER]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_package_and_of_nothing_inside_it() {
        let manifest = r#"{"author": {"name": "somebody"}, "name":"my-check"}"#;
        assert_eq!(name(manifest).unwrap(), "my-check");
        assert_eq!(name(r#"{"name": "@acme/my\u002dcheck", "version": "1.0.0"}"#).unwrap(), "@acme/my-check");
        for (manifest, error) in [("{}", "no string `name`"), (r#"{"name": 1}"#, "no string"), ("{", "not valid JSON")]
        {
            assert!(name(manifest).unwrap_err().to_string().contains(error), "{manifest}");
        }
    }
}
