//! Statistics of the kernel about this process.

use std::fs;

use anyhow::{Context, Result};

/// The number of minor page faults of this thread, which need no disk.
pub(crate) fn minor_faults() -> Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/stat")?;
    // The name of the thread is in parentheses, and may hold anything.
    let (_, fields) = text.rsplit_once(") ").context("no fields in /proc/thread-self/stat")?;
    let field = fields.split_whitespace().nth(7).context("no page faults in /proc/thread-self/stat")?;
    Ok(field.parse()?)
}

/// A count over many decisions, for one of them.
pub(crate) fn per_check(count: u64, checks: u32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of a bench")]
    let count = count as f64;
    count / f64::from(checks.max(1))
}

/// The anonymous memory of this process in bytes.
pub(crate) fn anonymous_bytes() -> Result<f64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon in /proc/self/status")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024.0)
}

/// The number of memory mappings of this process.
pub(crate) fn maps() -> Result<f64> {
    count(fs::read_to_string("/proc/self/maps")?.lines().count())
}

/// The number of open files of this process.
pub(crate) fn open_files() -> Result<f64> {
    count(fs::read_dir("/proc/self/fd")?.count())
}

fn count(count: usize) -> Result<f64> {
    Ok(f64::from(u32::try_from(count)?))
}
