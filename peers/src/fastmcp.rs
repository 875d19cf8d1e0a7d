//! FastMCP's own checks, in the interpreter that they are written for.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::folder;
use crate::python::Environment;

/// Has `fastmcp_checks.py` measure; it prints the same kind of line as this program.
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
