//! `cargo xtask bench`: runs the benchmarks and prints what they found as ratios within this one run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{self, cargo_command};
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
    ("fresh, require-auth, tiny", "fresh/require-auth/configures/tiny", Some(TINY)),
    ("fresh, require-auth, real", "fresh/require-auth/configures/real", Some(REAL)),
    ("fresh and configures itself, tiny", "fresh/require-scopes/configures/tiny", Some(TINY)),
    ("fresh and configures itself, real", "fresh/require-scopes/configures/real", Some(REAL)),
    ("fresh from an image, tiny", "fresh/require-scopes/image/tiny", Some(TINY)),
    ("fresh from an image, real", "fresh/require-scopes/image/real", Some(REAL)),
    ("restrict-tag from an image, real", "fresh/restrict-tag/image/real", Some(REAL)),
    ("10,000 scopes, configures itself", "10000-scopes/configures", Some(REAL)),
    ("10,000 scopes, from an image", "10000-scopes/image", Some(REAL)),
    ("Check::new, require-scopes", "configure/require-scopes", Some(REAL)),
    ("Plugin::load, require-auth", "load/require-auth", None),
    ("Plugin::load, require-scopes", "load/require-scopes", None),
];
const CLOSURE: Benchmark = ("native closure, real", "native/closure/real");
const TINY: Benchmark = ("reused, tiny", "reused/require-scopes/tiny");
const REAL: Benchmark = ("reused, real", "reused/require-scopes/real");

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let target = root()?.join("target");
    let command = ["bench", "--locked", "--package", "guardhouse", "--bench", "checks", "--", "--noplot"];
    process::run(cargo_command()?.args(command).args(options).env("CARGO_TARGET_DIR", &target))?;
    let results = target.join("criterion");
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
