//! The page faults and system calls of one decision: counts are the same on every machine with `PAGEMAP_SCAN` and
//! without swap. The decisions are calls that block.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use guardhouse::{Check, Host, ImagePolicy, Plugin};

use crate::held;
use crate::process;
use crate::requests::{allows, alone, builtin_plugin, check, real, two_scopes};
use crate::table::Row;

/// The number of decisions over which events are counted.
const DECISIONS: u32 = 10_000;

pub(crate) fn run() -> Result<Vec<Row>> {
    let (check, context) = (subject()?, real()?);
    // Uses every slot of the pool that the measured decisions use.
    for _ in 0..1_000 {
        allows(&check, &context);
    }
    let before = process::minor_faults()?;
    for _ in 0..DECISIONS {
        allows(&check, &context);
    }
    let faults = process::minor_faults()? - before;
    let mut rows = vec![Row::new("page_faults_per_check", "count", process::per_check(faults, DECISIONS))];
    match system_calls(DECISIONS, None) {
        Ok(count) => rows.push(Row::new("syscalls_per_check", "count", count)),
        Err(error) => eprintln!("left out: syscalls_per_check: {error:#}"),
    }
    Ok(rows)
}

fn subject() -> Result<Check> {
    check(&builtin_plugin(&Host::new()?, "require-scopes")?, two_scopes(), ImagePolicy::Eager)
}

/// Makes decisions in a process whose system calls [`system_calls`] counts: by a built-in plugin, or by a plugin that is
/// loaded through a cache.
pub(crate) fn decide(count: u32, plugin: Option<(&Path, &Path)>) -> Result<()> {
    let check = match plugin {
        Some((file, cache)) => alone(&Plugin::load(&held::host(cache)?, &std::fs::read(file)?)?)?,
        None => subject()?,
    };
    let context = real()?;
    for _ in 0..count {
        allows(&check, &context);
    }
    Ok(())
}

/// The system calls of one decision: the difference between many decisions and few.
pub(crate) fn system_calls(decisions: u32, plugin: Option<(&Path, &Path)>) -> Result<f64> {
    let few = strace(decisions / 10, plugin)?;
    let many = strace(decisions / 10 + decisions, plugin)?;
    Ok(process::per_check(many.saturating_sub(few), decisions))
}

/// The system calls of a thread that makes decisions, counted by `strace`.
fn strace(decisions: u32, plugin: Option<(&Path, &Path)>) -> Result<u64> {
    let output = Command::new("strace")
        .args(["--summary-only", "--summary-columns=calls,name", "--output", "/dev/stderr", "--"])
        .arg(std::env::current_exe()?)
        .args(["decide", &decisions.to_string()])
        .args(plugin.iter().flat_map(|(file, cache)| [file, cache]))
        .stdout(Stdio::null())
        .output()
        .context("cannot run `strace` (`apt-get install strace`)")?;
    ensure!(output.status.success(), "`strace` failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stderr);
    let total =
        text.lines().find(|line| line.trim_end().ends_with(" total")).context("the output of `strace` has no total")?;
    let count = total.split_whitespace().next().context("the output of `strace` has no count")?;
    count.parse().with_context(|| format!("`{count}` is not a count"))
}
