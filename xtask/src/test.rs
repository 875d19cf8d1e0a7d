//! `cargo xtask test`: every test there is.

use anyhow::Result;

use crate::process::{cargo, has_cargo_command};

pub(crate) fn run() -> Result<()> {
    if has_cargo_command("nextest") {
        cargo(["nextest", "run", "--workspace", "--locked"])?;
    } else {
        cargo(["test", "--workspace", "--locked", "--lib", "--bins", "--tests"])?;
    }
    cargo(["test", "--workspace", "--locked", "--doc"])
}
