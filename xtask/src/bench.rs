//! `cargo xtask bench`: runs the benchmarks and prints what they found as ratios within this one run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::cargo;
use crate::root;

/// What the table calls a benchmark, and its name in criterion.
type Benchmark = (&'static str, &'static str);

/// The rows of the table, each with the benchmark that it is held against.
const ROWS: &[(&str, &str, Option<Benchmark>)] = &[
    ("native closure, tiny", "native/closure/tiny", None),
    ("native closure, real", "native/closure/real", None),
    ("run_auth_checks, native, real", "native/run_auth_checks/real", Some(CLOSURE)),
    ("reused instance, tiny", "reused/require-scopes/tiny", None),
    ("reused instance, real", "reused/require-scopes/real", Some(CLOSURE)),
    ("fresh require-auth, tiny", "fresh/require-auth/tiny", Some(TINY)),
    ("fresh require-auth, real", "fresh/require-auth/real", Some(REAL)),
    ("fresh require-scopes, tiny", "fresh/require-scopes/tiny", Some(TINY)),
    ("fresh require-scopes, real", "fresh/require-scopes/real", Some(REAL)),
    ("fresh restrict-tag, tiny", "fresh/restrict-tag/tiny", Some(TINY)),
    ("fresh restrict-tag, real", "fresh/restrict-tag/real", Some(REAL)),
    ("Check::new, require-scopes", "configure/require-scopes", Some(REAL)),
    ("Plugin::load, require-auth", "load/require-auth", None),
    ("Plugin::load, require-scopes", "load/require-scopes", None),
];
const CLOSURE: Benchmark = ("native closure, real", "native/closure/real");
const TINY: Benchmark = ("reused, tiny", "reused/require-scopes/tiny");
const REAL: Benchmark = ("reused, real", "reused/require-scopes/real");

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let command = ["bench", "--package", "guardhouse", "--bench", "checks", "--", "--noplot"];
    cargo(command.iter().chain(options))?;
    let results = root()?.join("target/criterion");
    println!("\n| what | median | ratio |\n|---|---:|---|");
    for (title, name, against) in ROWS {
        let time = median(&results, name)?;
        let ratio = match against {
            Some((other, path)) => format!("{:.1}x {other}", time / median(&results, path)?),
            None => String::new(),
        };
        println!("| {title} | {} | {ratio} |", display(time));
    }
    Ok(())
}

/// The median of a benchmark's last run, in nanoseconds. Criterion writes `_` for `/` inside a name.
fn median(results: &Path, name: &str) -> Result<f64> {
    let (group, function) = name.split_once('/').context("a benchmark's name has a group")?;
    let path = results.join(group).join(function.replace('/', "_")).join("new/estimates.json");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let estimates: Value = serde_json::from_str(&text)?;
    estimates.pointer("/median/point_estimate").and_then(Value::as_f64).context("no median in criterion's estimates")
}

fn display(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1_000.0 => format!("{ns:.0} ns"),
        ns if ns < 1_000_000.0 => format!("{:.1} µs", ns / 1_000.0),
        ns => format!("{:.1} ms", ns / 1_000_000.0),
    }
}
