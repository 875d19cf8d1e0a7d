//! Python, run by CPython inside the plugin.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::driver::run_driver;
use super::spec::Spec;
use super::toml;
use super::tool::{INSTALL_FROM_PIP, Tool, venv};

pub(super) const PYTHON: Spec = Spec {
    label: "Python",
    word: "python",
    sdk: "python",
    marker: "pyproject.toml",
    dialect_of: None,
    manifest: "pyproject.toml",
    name: |manifest| toml::string(manifest, "project", "name"),
    check_name: None,
    fingerprint: None,
    build,
};

fn build(folder: &Path) -> Result<Vec<u8>> {
    let manifest = fs::read_to_string(folder.join("pyproject.toml")).context("cannot read `pyproject.toml`")?;
    let sdk = toml::string(&manifest, "tool.guardhouse", "sdk")
        .context("`pyproject.toml` does not give the path of the SDK")?;
    let sdk = folder.join(sdk);
    ensure!(sdk.join("guardhouse_sdk").is_dir(), "`{}` does not contain the SDK", sdk.display());
    let python = Tool::new(venv(folder).join("python"), folder, INSTALL_FROM_PIP);
    run_driver(python.variable("PYTHONPATH", &sdk).arguments(["-m", "guardhouse_sdk.build"]))
}
