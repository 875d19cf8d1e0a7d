//! `cargo xtask test`: every test there is.

use anyhow::Result;

use crate::process::{cargo, has_cargo_command};

pub(crate) fn run() -> Result<()> {
    if has_cargo_command("nextest") {
        cargo(["nextest", "run", "--workspace"])?;
    } else {
        cargo(["test", "--workspace", "--lib", "--bins", "--tests"])?;
    }
    cargo(["test", "--workspace", "--doc"])
}
