//! The same check in every language: the time to load it, the time of a decision, and the parts of one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use guardhouse::{AuthChecks, AuthContext, Check, CheckConfig, Host, ImagePolicy, Limits, Plugin, StartMode};

use crate::meter::milliseconds;
use crate::parts::{self, Parts};
use crate::requests::{alone, real, two_scopes};
use crate::table::{Row, figure};

/// The number of evaluations of each check, which is enough for a 99th percentile.
const EVALUATIONS: usize = 500;

/// The number of standby instances of a check in the measurements that use them.
const STANDBY: u32 = 2;
/// The time between evaluations with standby instances, in which the host makes the next instance.
const PAUSE: Duration = Duration::from_millis(5);

/// The language that the others are compared with.
const FASTEST: &str = "rust";

/// A plugin that is the check in one language.
pub(crate) struct Language {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
}

/// The plugins in `folder`, in order. The name of a file is the name of its language.
pub(crate) fn languages(folder: &Path) -> Result<Vec<Language>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read `{}`", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let name = |file: &PathBuf| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(files.into_iter().map(|file| Language { name: name(&file), file }).collect())
}

/// A host whose plugins have optimized code, and never baseline code.
fn host(cache: &Path) -> Result<Host> {
    Ok(Host::builder().baseline_from(usize::MAX).cache(cache).build()?)
}

/// Measures every plugin in `folder`.
pub(crate) fn run(folder: &Path, evaluations: Option<usize>) -> Result<Vec<Row>> {
    let (mut rows, mut table) = (Vec::new(), Vec::new());
    for Language { name, file } in languages(folder)? {
        let bytes = std::fs::read(&file)?;
        let measured = measure(&name, &bytes, evaluations.unwrap_or(EVALUATIONS));
        let (measured, parts) = measured.with_context(|| format!("cannot measure `{}`", file.display()))?;
        rows.extend(measured);
        if let Some(parts) = parts {
            rows.extend(part_rows(&name, parts));
            table.push((name, parts));
        }
    }
    print_parts(&table);
    Ok(rows)
}

/// The rows of a language, and the parts of its evaluations if it has an image.
fn measure(name: &str, bytes: &[u8], evaluations: usize) -> Result<(Vec<Row>, Option<Parts>)> {
    let folder = tempfile::tempdir()?;
    let host = || host(&folder.path().join("cache"));
    let (cold, warm) = (host()?, host()?);
    let (cold_ms, plugin) = milliseconds(|| Plugin::load(&cold, bytes));
    drop(plugin?);
    let (cached_ms, plugin) = milliseconds(|| Plugin::load(&warm, bytes));
    let plugin = plugin?;
    let imports = plugin.shape().imports.iter().filter(|import| !import.contains("/types@")).count();
    let mut rows = vec![
        row(format!("{name}_size_kb"), "KB", bytes.len() / 1000),
        row(format!("{name}_imports"), "", imports),
        Row::new(format!("{name}_load_cold_ms"), "ms", cold_ms),
        Row::new(format!("{name}_load_cached_ms"), "ms", cached_ms),
    ];
    let context = real()?;
    let mut has_image = true;
    for (what, image) in [("fresh_configures", ImagePolicy::Never), ("fresh_image", ImagePolicy::Eager)] {
        let check = Check::new(&plugin, CheckConfig { image, ..CheckConfig::from(two_scopes()) })?;
        if image == ImagePolicy::Eager && check.start_mode() != StartMode::Image {
            eprintln!("{name} has no image: {:?}", check.start_mode());
            has_image = false;
            continue;
        }
        let (samples, memory) = evaluate(&check, &context, evaluations, Duration::ZERO)?;
        let time = Row::of_samples(format!("{name}_{what}_us"), samples, None);
        rows.push(time.against(format!("{FASTEST}_{what}_us")));
        rows.push(row(format!("{name}_{what}_memory_kb"), "KB", memory / 1000));
    }
    // After a pause, with standby instances and without: most of its cost is that of the pause.
    let paused = format!("{name}_paused_us");
    for (name, standby) in [(paused.clone(), 0), (format!("{name}_standby_us"), STANDBY)] {
        let limits = Limits { standby: Some(standby), ..Limits::default() };
        let config = CheckConfig { image: ImagePolicy::Eager, limits, ..CheckConfig::from(two_scopes()) };
        let (samples, _) = evaluate(&Check::new(&plugin, config)?, &context, evaluations, PAUSE)?;
        rows.push(Row::of_samples(name, samples, None).against(paused.clone()));
    }
    if !has_image {
        return Ok((rows, None));
    }
    // A host of its own, in which no image has used a slot.
    let check = alone(&Plugin::load(&host()?, bytes)?)?;
    let counts = parts::counts(&check, &context, u32::try_from(evaluations)?)?;
    let times = parts::times(&check, &context, evaluations)?;
    Ok((rows, Some(Parts { times, counts })))
}

fn row(name: String, unit: &'static str, value: usize) -> Row {
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
    Row::new(name, unit, value as f64)
}

/// The parts of an evaluation from an image, with their shares of its whole time.
fn part_rows(name: &str, Parts { times, counts }: Parts) -> Vec<Row> {
    let total = format!("{name}_parts_total_us");
    let part = |what: &str, time| Row::new(format!("{name}_{what}_us"), "µs", time).against(total.clone());
    let count = |what: &str, count| row(format!("{name}_{what}"), "count", count);
    vec![
        Row::new(total.clone(), "µs", times.total),
        part("instantiation", times.instantiation),
        part("call", times.call),
        part("drop", times.drop),
        part("rest", times.rest),
        Row::new(format!("{name}_page_faults"), "count", counts.faults),
        count("written_pages", counts.written.pages),
        count("written_regions", counts.written.regions),
        count("fuel", usize::try_from(counts.fuel).unwrap_or(usize::MAX)),
    ]
}

/// Prints the parts of all languages as a Markdown table, one line each.
fn print_parts(languages: &[(String, Parts)]) {
    println!(
        "\n| language | total µs | instantiate | call | drop | rest | faults | pages | regions | fuel | memory KB |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    );
    for (name, Parts { times, counts }) in languages {
        let part = |time: f64| format!("{} ({:.0} %)", figure(time), 100.0 * time / times.total);
        let [instantiate, call, drop, rest] = [times.instantiation, times.call, times.drop, times.rest].map(part);
        let (total, faults, memory) = (figure(times.total), figure(counts.faults), counts.memory_bytes / 1000);
        println!(
            "| {name} | {total} | {instantiate} | {call} | {drop} | {rest} | {faults} | {} | {} | {} | {memory} |",
            counts.written.pages, counts.written.regions, counts.fuel
        );
    }
}

/// The time of each evaluation in microseconds, and the memory of the last one in bytes. Waits before each evaluation.
fn evaluate(check: &Check, context: &AuthContext, evaluations: usize, pause: Duration) -> Result<(Vec<f64>, usize)> {
    let mut samples = Vec::with_capacity(evaluations);
    let mut memory = 0;
    for _ in 0..evaluations {
        std::thread::sleep(pause);
        let start = Instant::now();
        let report = AuthChecks::new(&[check]).explain_blocking(context);
        samples.push(start.elapsed().as_secs_f64() * 1e6);
        anyhow::ensure!(report.decision.is_allow(), "`{}` answered {report:?}", check.id());
        memory = report.checks.first().map_or(0, |report| report.evaluation.usage.memory_bytes);
    }
    Ok((samples, memory))
}
