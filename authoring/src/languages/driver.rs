//! Runs the build drivers of SDKs.

use std::ffi::OsStr;

use anyhow::Result;

use crate::contract;

use super::tool::{Tool, read_output};

/// Runs the driver of an SDK that makes components itself. Its options are the folder of the contract and the path of
/// the component.
pub(super) fn run_driver(driver: Tool) -> Result<Vec<u8>> {
    run(driver, None).map(|(component, _)| component)
}

/// Runs a driver that writes another file besides the component. Its path is the value of the option `option`.
pub(super) fn run_driver_with(driver: Tool, option: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    run(driver, Some(option))
}

/// Runs a driver that makes the plan of a development build.
pub(super) fn run_plan(driver: Tool) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let plan = folder.path().join("plan.json");
    driver.arguments([OsStr::new("--plan"), plan.as_os_str()]).run()?;
    read_output(&plan)
}

fn run(driver: Tool, option: Option<&str>) -> Result<(Vec<u8>, Vec<u8>)> {
    let folder = tempfile::tempdir()?;
    contract::write(folder.path())?;
    let component = folder.path().join("plugin.wasm");
    let options = [OsStr::new("--wit"), folder.path().as_os_str(), OsStr::new("--out"), component.as_os_str()];
    let driver = driver.arguments(options);
    let Some(option) = option else {
        driver.run()?;
        return Ok((read_output(&component)?, Vec::new()));
    };
    let other = folder.path().join("other");
    driver.arguments([OsStr::new(option), other.as_os_str()]).run()?;
    Ok((read_output(&component)?, read_output(&other)?))
}
