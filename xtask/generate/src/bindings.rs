//! `cargo xtask bindings`: writes the parts of the contract that each SDK repeats, from `wit/`.
//!
//! The compiler of Rust generates the bindings of Rust, and the tools that build plugins in JavaScript and Python
//! generate those. This module writes the memory layouts that the other languages share with the host, and the records
//! that authors see.

mod c;
mod go;
mod model;
mod names;
mod python;
mod reader;
mod typescript;
mod zig;

use anyhow::{Context, Result, ensure};

use crate::root;
use model::Contract;

/// A generated file, and the function that writes it.
type Target = (&'static str, fn(&Contract) -> String);

const TARGETS: &[Target] = &[
    ("guest-sdk/c/guardhouse_types.h", c::types),
    ("guest-sdk/c/guardhouse_abi.h", c::abi),
    ("guest-sdk/go/internal/abi/abi.go", go::abi),
    ("guest-sdk/js/types.d.ts", typescript::types),
    ("guest-sdk/python/guardhouse_sdk/_types.py", python::types),
    ("guest-sdk/zig/src/abi.zig", zig::abi),
];

/// Writes the files, or fails if `is_check` and one of them differs.
pub(crate) fn run(is_check: bool) -> Result<()> {
    let contract = Contract::read()?;
    let mut stale = Vec::new();
    for (file, generate) in TARGETS {
        let path = root()?.join(file);
        let text = generate(&contract);
        if std::fs::read_to_string(&path).is_ok_and(|existing| existing == text) {
            continue;
        }
        stale.push(*file);
        if !is_check {
            std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
            println!("wrote {file}");
        }
    }
    ensure!(
        !is_check || stale.is_empty(),
        "these files do not agree with `wit/`: {}; run `cargo xtask bindings`",
        stale.join(", ")
    );
    if stale.is_empty() {
        println!("the bindings are up to date");
    }
    Ok(())
}
