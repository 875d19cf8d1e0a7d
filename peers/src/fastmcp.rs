//! FastMCP's own checks, run by Python.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::folder;
use crate::python::Environment;

/// Runs `fastmcp_checks.py`, which prints its measurement in the format of this program.
pub(crate) fn measure(duration: Duration, environment: &Environment) -> Result<()> {
    eprintln!("measuring fastmcp_python");
    let status = environment
        .python()
        .arg(folder().join("fastmcp_checks.py"))
        .args(["--milliseconds", &duration.as_millis().to_string()])
        .status()
        .context("cannot run Python")?;
    ensure!(status.success(), "`fastmcp_checks.py` failed ({status})");
    Ok(())
}
