//! Thousands of checks on one host: the time to load each, its memory, and the effect of their number on decisions.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use guardhouse::{AuthContext, Check, Host, HostLimits, ImagePolicy, StartMode};

use crate::meter::{Case, Effort, milliseconds, take_turns};
use crate::process;
use crate::requests::{allows, builtin_plugin, check, real, scattered, some_scopes};
use crate::table::Row;

/// The argument with which this program only makes images.
pub(crate) const MAKE_IMAGES: &str = "make-images";

/// Names of the rows for one number of checks.
struct Names {
    count: usize,
    made: &'static str,
    load: &'static str,
    load_cached: &'static str,
    memory: &'static str,
    maps: &'static str,
    files: &'static str,
    same: &'static str,
    random: &'static str,
}

const NUMBERS: [Names; 2] = [
    Names {
        count: 1_000,
        made: "image_making_1k_each",
        load: "load_cached_1k_first",
        load_cached: "load_cached_1k_each",
        memory: "anon_bytes_per_check_of_1k",
        maps: "maps_per_check_of_1k",
        files: "files_per_check_of_1k",
        same: "same_pick_of_1k",
        random: "random_pick_of_1k",
    },
    Names {
        count: 10_000,
        made: "image_making_10k_each",
        load: "load_cached_10k_first",
        load_cached: "load_cached_10k_each",
        memory: "anon_bytes_per_check",
        maps: "maps_per_check",
        files: "files_per_check",
        same: "same_pick_of_10k",
        random: "random_pick_of_10k",
    },
];

pub(crate) fn run(effort: Effort) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for names in NUMBERS {
        rows.extend(number(&names, effort)?);
    }
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "a count of a bench")]
fn number(names: &Names, effort: Effort) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().join("cache");
    let count = names.count as f64;
    // In another process: memory that this process had freed would hide the memory of the checks.
    let mut process = Command::new(std::env::current_exe()?);
    process.args([MAKE_IMAGES, &names.count.to_string()]).arg(&folder);
    let (making, status) = milliseconds(|| process.status());
    ensure!(status?.success(), "the process that makes images failed");

    let host = host(&folder, names.count)?;
    let (first, plugin) = milliseconds(|| builtin_plugin(&host, "require-scopes"));
    drop(plugin?);
    let before = (process::anonymous_bytes()?, process::maps()?, process::open_files()?);
    let (loading, checks) = milliseconds(|| load(&host, names.count));
    let checks = checks?;
    let after = (process::anonymous_bytes()?, process::maps()?, process::open_files()?);

    let context = real()?;
    let mut rows = vec![
        Row::new(names.made, "µs", making * 1e3 / count),
        Row::new(names.load, "µs", first * 1e3),
        Row::new(names.load_cached, "µs", loading * 1e3 / count),
        Row::new(names.memory, "bytes", (after.0 - before.0) / count),
        Row::new(names.maps, "count", (after.1 - before.1) / count),
        Row::new(names.files, "count", (after.2 - before.2) / count),
    ];
    rows.extend(picks(names, &checks, &context, effort));
    Ok(rows)
}

fn host(folder: &Path, count: usize) -> Result<Host> {
    let limits = HostLimits { resident_images: 2 * count, ..HostLimits::default() };
    Ok(Host::builder().limits(limits).cache(folder).build()?)
}

/// Fills the cache with images.
pub(crate) fn make_images(count: &str, folder: &str) -> Result<()> {
    let count = count.parse()?;
    load(&host(Path::new(folder), count)?, count).map(drop)
}

/// Makes checks of one plugin that have different settings and allow the real request.
fn load(host: &Host, count: usize) -> Result<Vec<Check>> {
    let plugin = builtin_plugin(host, "require-scopes")?;
    (1..=count)
        .map(|number| {
            let check = check(&plugin, some_scopes(number), ImagePolicy::Eager)?;
            ensure!(check.start_mode() == StartMode::Image, "{:?}", check.start_mode());
            Ok(check)
        })
        .collect()
}

fn picks(names: &Names, checks: &[Check], context: &AuthContext, effort: Effort) -> Vec<Row> {
    let mut numbers = scattered();
    let pick = |index: usize| {
        if let Some(check) = checks.get(index % checks.len().max(1)) {
            allows(check, context);
        }
    };
    let cases = vec![
        Case::new(names.same, || pick(7)),
        Case::new(names.random, || pick(numbers.next().unwrap_or_default())).against(names.same),
    ];
    take_turns(cases, effort)
}
