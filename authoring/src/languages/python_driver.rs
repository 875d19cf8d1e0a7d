//! The build driver of the SDK for Python.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::manifest::read_manifest;
use super::toml;
use super::tool::{INSTALL_FROM_PIP, Tool, Unwanted, venv};

/// The command that installs the SDK from the registry.
pub(super) const INSTALL_SDK: &str = ".venv/bin/pip install -r requirements-sdk.txt";

/// The settings of other programs: they would add modules, run code, or change the language.
const UNWANTED: Unwanted = Unwanted { names: &["PYTHON*", "VIRTUAL_ENV"], except: &[] };

/// The driver of the SDK, which is at the path that the manifest gives, or else is installed.
pub(super) fn driver(folder: &Path) -> Result<Tool> {
    let manifest = read_manifest(&folder.join("pyproject.toml"))?;
    let python = || Tool::new(venv(folder).join("python"), folder, INSTALL_FROM_PIP).without(&UNWANTED);
    let driver = ["-m", "guardhouse_sdk.build"];
    if toml::has(&manifest, "tool.guardhouse", "sdk") {
        let sdk = toml::string(&manifest, "tool.guardhouse", "sdk").context("cannot read `pyproject.toml`")?;
        let sdk = folder.join(sdk);
        ensure!(sdk.join("guardhouse_sdk").is_dir(), "`{}` does not contain the SDK", sdk.display());
        return Ok(python().variable("PYTHONPATH", &sdk).arguments(driver));
    }
    let installed = python().arguments(["-c", "import guardhouse_sdk"]).run();
    installed.with_context(|| {
        format!("the SDK is not installed, and `pyproject.toml` gives no path of it; to install it: {INSTALL_SDK}")
    })?;
    Ok(python().arguments(driver))
}
