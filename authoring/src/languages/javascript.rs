//! JavaScript, run by QuickJS inside the plugin.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::driver::run_driver;
use super::spec::Spec;
use super::tool::Tool;

pub(super) const JAVASCRIPT: Spec = Spec {
    label: "JavaScript",
    word: "js",
    sdk: "js",
    marker: "package.json",
    dialect_of: None,
    manifest: "package.json",
    name,
    check_name: None,
    fingerprint: None,
    build,
};

/// The driver that comes with the SDK.
const DRIVER: &str = "node_modules/guardhouse-sdk/build.mjs";

/// Reads the name of the package.
pub(super) fn name(manifest: &str) -> Result<String> {
    let package: Value = serde_json::from_str(manifest).context("it is not valid JSON")?;
    Ok(package.get("name").and_then(Value::as_str).context("it has no string `name`")?.to_owned())
}

/// Runs the driver, which bundles the script and puts it into the engine.
pub(super) fn build(folder: &Path) -> Result<Vec<u8>> {
    ensure!(folder.join(DRIVER).is_file(), "`{DRIVER}` is missing; to install it: npm ci --ignore-scripts");
    run_driver(Tool::new("node", folder, "see https://nodejs.org, version 20 or newer").arguments([DRIVER]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_package_and_of_nothing_inside_it() {
        let manifest = r#"{"author": {"name": "somebody"}, "name":"my-check"}"#;
        assert_eq!(name(manifest).unwrap(), "my-check");
        for (manifest, error) in [("{}", "no string `name`"), (r#"{"name": 1}"#, "no string"), ("{", "not valid JSON")]
        {
            assert!(name(manifest).unwrap_err().to_string().contains(error), "{manifest}");
        }
    }
}
