//! The same check in every language: the time to load it, and the time of a decision.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use guardhouse::{AuthChecks, AuthContext, Check, CheckConfig, Host, ImagePolicy, Limits, Plugin, StartMode};

use crate::meter::milliseconds;
use crate::requests::{real, two_scopes};
use crate::table::Row;

/// The number of evaluations of each check, which is enough for a 99th percentile.
const EVALUATIONS: usize = 500;

/// The number of standby instances of a check in the measurements that use them.
const STANDBY: u32 = 2;
/// The time between evaluations with standby instances, in which the host makes the next instance.
const PAUSE: Duration = Duration::from_millis(5);

/// Measures every plugin in `folder`. The name of a file is the name of its language.
pub(crate) fn run(folder: &Path, evaluations: Option<usize>) -> Result<Vec<Row>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read `{}`", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(&file)?;
        let measured = measure(&name, &bytes, evaluations.unwrap_or(EVALUATIONS));
        rows.extend(measured.with_context(|| format!("cannot measure `{}`", file.display()))?);
    }
    Ok(rows)
}

fn measure(name: &str, bytes: &[u8], evaluations: usize) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let host = || Host::builder().baseline_from(usize::MAX).cache(folder.path().join("cache")).build();
    let (cold, warm) = (host()?, host()?);
    let (cold_ms, plugin) = milliseconds(|| Plugin::load(&cold, bytes));
    drop(plugin?);
    let (cached_ms, plugin) = milliseconds(|| Plugin::load(&warm, bytes));
    let plugin = plugin?;
    let imports = plugin.shape().imports.iter().filter(|import| !import.contains("/types@")).count();
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
    let row = |what: &str, unit, value: usize| Row::new(format!("{name}_{what}"), unit, value as f64);
    let mut rows = vec![
        row("size", "KB", bytes.len() / 1000),
        row("imports", "", imports),
        Row::new(format!("{name}_load_cold"), "ms", cold_ms),
        Row::new(format!("{name}_load_cached"), "ms", cached_ms),
    ];
    let context = real()?;
    for (what, image) in [("fresh_configures", ImagePolicy::Never), ("fresh_image", ImagePolicy::Eager)] {
        let check = Check::new(&plugin, CheckConfig { image, ..CheckConfig::from(two_scopes()) })?;
        if image == ImagePolicy::Eager && check.start_mode() != StartMode::Image {
            eprintln!("{name} has no image: {:?}", check.start_mode());
            continue;
        }
        let (samples, memory) = evaluate(&check, &context, evaluations, Duration::ZERO)?;
        rows.push(Row::of_samples(format!("{name}_{what}"), samples, None));
        rows.push(row(&format!("{what}_memory"), "KB", memory / 1000));
    }
    let limits = Limits { standby: Some(STANDBY), ..Limits::default() };
    let check =
        Check::new(&plugin, CheckConfig { image: ImagePolicy::Eager, limits, ..CheckConfig::from(two_scopes()) })?;
    let (samples, _) = evaluate(&check, &context, evaluations, PAUSE)?;
    rows.push(Row::of_samples(format!("{name}_standby"), samples, None));
    Ok(rows)
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
