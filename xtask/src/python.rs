//! `cargo xtask python`: builds the wheel of bindings/python/ and tests it as its users have it.

use std::process::Command;

use anyhow::Result;

use crate::process::{forget_cargo, run as run_command};
use crate::root;

pub(crate) fn run(parts: &[&str]) -> Result<()> {
    let mut test = Command::new(root()?.join("bindings/python/test"));
    test.args(parts);
    forget_cargo(&mut test);
    run_command(&mut test)
}
