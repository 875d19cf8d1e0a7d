//! `cargo xtask test`: all tests of the workspace.

use anyhow::Result;

use crate::arguments::Arguments;
use crate::process::{cargo, has_cargo_command};

pub(crate) fn run(_: &Arguments<'_>) -> Result<()> {
    if has_cargo_command("nextest") {
        cargo(["nextest", "run", "--workspace", "--locked"])?;
    } else {
        cargo(["test", "--workspace", "--locked", "--lib", "--bins", "--tests"])?;
    }
    cargo(["test", "--workspace", "--locked", "--doc"])
}
