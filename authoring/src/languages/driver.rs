//! Runs the build drivers of SDKs.

use std::ffi::OsStr;

use anyhow::Result;

use crate::contract;

use super::tool::{Tool, read_output};

/// Runs the driver of an SDK that makes components itself. Its options are the folder of the contract and the path of
/// the component.
pub(super) fn run_driver(driver: Tool) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    contract::write(folder.path())?;
    let component = folder.path().join("plugin.wasm");
    let options = [OsStr::new("--wit"), folder.path().as_os_str(), OsStr::new("--out"), component.as_os_str()];
    driver.arguments(options).run()?;
    read_output(&component)
}
