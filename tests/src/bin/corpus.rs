//! Decides the cases of files with the built-in plugins and with native checks, and compares the decisions.
//!
//! `cargo xtask corpus tests/cases/fastmcp.jsonl`
//!
//! With `--require-scopes PLUGIN`, that plugin replaces the built-in one, and native checks are left out.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use guardhouse_tests::corpus;
use guardhouse_tests::makers::{Maker, Native, Wasm};

/// The number of disagreements that are printed: a wrong engine disagrees with thousands of cases.
const PRINTED: usize = 5;

fn main() -> Result<ExitCode> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let plugin = if files.first().is_some_and(|first| first == "--require-scopes") {
        files.remove(0);
        if files.is_empty() {
            bail!("`--require-scopes` needs the path of a plugin");
        }
        Some(files.remove(0))
    } else {
        None
    };
    if files.is_empty() {
        bail!("name the files to run, for example `tests/cases/fastmcp.jsonl`");
    }
    let wasm = Wasm::new()?;
    let makers: &[&dyn Maker] = match plugin {
        None => &[&wasm, &Native],
        Some(path) => {
            let plugin = std::fs::read(&path).with_context(|| format!("cannot read `{path}`"))?;
            &[&wasm.with_require_scopes(plugin)]
        }
    };
    let mut total = 0;
    let mut agreeing = 0;
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{file}`"))?;
        let cases = corpus::read(&text).with_context(|| format!("`{file}`"))?;
        let mut disagreeing = BTreeSet::new();
        for &maker in makers {
            let disagreements = corpus::run(&cases, maker).with_context(|| format!("`{file}`"))?;
            for found in disagreements.iter().take(PRINTED) {
                println!("case {} ({})", found.id, maker.name());
                println!("  expected {}", found.expected);
                println!("  found    {}", found.found);
            }
            println!("{file}: {} of {} agree ({})", cases.len() - disagreements.len(), cases.len(), maker.name());
            disagreeing.extend(disagreements.into_iter().map(|found| found.id));
        }
        total += cases.len();
        agreeing += cases.iter().filter(|case| !disagreeing.contains(&case.id)).count();
    }
    println!("{agreeing} of {total} agree");
    Ok(if agreeing == total { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
