//! `cargo xtask bindings`: writes what each SDK must know of the contract, from `wit/`.
//!
//! Rust's bindings are made by its compiler, and those of JavaScript and Python by the tools that build their plugins;
//! here are the layouts that the other languages share with the host, and the records that authors see.

mod c;
mod go;
mod model;
mod python;
mod typescript;
mod zig;

use anyhow::{Context, Result, bail};

use crate::root;
use model::Contract;

/// What is generated: a file, and what writes it.
type Target = (&'static str, fn(&Contract) -> String);

const TARGETS: &[Target] = &[
    ("guest-sdk/c/guardhouse_types.h", c::types),
    ("guest-sdk/c/guardhouse_abi.h", c::abi),
    ("guest-sdk/go/internal/abi/abi.go", go::abi),
    ("guest-sdk/js/types.d.ts", typescript::types),
    ("guest-sdk/python/guardhouse_sdk/_types.py", python::types),
    ("guest-sdk/zig/src/abi.zig", zig::abi),
];

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let is_check = match options {
        [] => false,
        ["--check"] => true,
        _ => bail!("`bindings` takes no option but `--check`"),
    };
    let contract = Contract::read()?;
    let mut stale = Vec::new();
    for (file, generate) in TARGETS {
        let path = root()?.join(file);
        let text = generate(&contract);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        stale.push(*file);
        if !is_check {
            std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
            println!("wrote {file}");
        }
    }
    if is_check && !stale.is_empty() {
        bail!("these are not what `wit/` says: {}; run `cargo xtask bindings`", stale.join(", "));
    }
    if stale.is_empty() {
        println!("the bindings are up to date");
    }
    Ok(())
}
