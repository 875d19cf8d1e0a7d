//! Measuring: the plugin is loaded as by a server, and every evaluation has a fresh instance.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use guardhouse::{
    AuthChecks, AuthContext, Check, CheckConfig, Grant, Host, ImagePolicy, Json, Limits, Plugin, StartMode,
};

use super::costs::{Code, Costs, Counts, Load, Start, StartKind};
use crate::host_options::host_with_cache_in;
use crate::source::PluginSource;

/// The time after which no more evaluations of one start are begun.
const TIME: Duration = Duration::from_secs(20);

/// The most evaluations before those whose time is taken; each request is evaluated once in any case.
const WARM_UP: usize = 20;

/// The most loads of each kind, and the time after which no more are begun.
const LOADS: usize = 5;
const LOAD_TIME: Duration = Duration::from_secs(2);

/// What is measured.
pub(crate) struct Subject<'a> {
    pub(crate) source: &'a PluginSource,
    pub(crate) requests: Vec<Request>,
    pub(crate) limits: Limits,
    pub(crate) runs: usize,
    /// Whether a large plugin has optimized code.
    pub(crate) is_optimized: bool,
}

/// A request with the settings of its check.
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) context: AuthContext,
    pub(crate) settings: Option<Json>,
}

/// Measures a plugin.
pub(crate) fn measure(subject: &Subject<'_>) -> Result<Costs> {
    ensure!(!subject.requests.is_empty(), "there is no request to measure");
    let (plugin, bytes, load) = load(subject)?;
    let mut starts = Vec::new();
    let mut no_image = None;
    for (kind, image) in [(StartKind::Configure, ImagePolicy::Never), (StartKind::Image, ImagePolicy::Eager)] {
        let checks = Checks::new(subject, &plugin, image)?;
        match checks.without_image().filter(|_| kind == StartKind::Image) {
            Some(reason) => no_image = Some(reason),
            None => starts.push(start(subject, &checks, kind)?),
        }
    }
    Ok(Costs {
        guardhouse: env!("CARGO_PKG_VERSION").to_owned(),
        plugin: subject.source.to_string(),
        digest: plugin.digest(),
        size: bytes,
        code: if plugin.is_optimized() { Code::Optimized } else { Code::Baseline },
        load,
        starts,
        no_image,
    })
}

/// Loads the plugin with empty caches, and then with a full one: the median times, the plugin and its size.
fn load(subject: &Subject<'_>) -> Result<(Plugin, usize, Load)> {
    let folder = tempfile::Builder::new().prefix("guardhouse-bench-").tempdir();
    let folder = folder.context("cannot create a temporary folder")?;
    let host = |name: usize| host_with_cache_in(&folder.path().join(name.to_string()), subject.is_optimized);
    let first = host(0)?;
    // A plugin that cannot be loaded is not measured.
    let bytes = subject.source.read(first.limits()).with_context(|| format!("cannot load `{}`", subject.source))?;
    let (cold_us, _) = median(subject, &bytes, |round| if round == 0 { Ok(first.clone()) } else { host(round) })?;
    let (cached_us, plugin) = median(subject, &bytes, |_| host(0))?;
    Ok((plugin, bytes.len(), Load { cold_us, cached_us }))
}

/// The median time of a few loads, each on the host of its round, and the plugin of the last one.
fn median(subject: &Subject<'_>, bytes: &[u8], host: impl Fn(usize) -> Result<Host>) -> Result<(u64, Plugin)> {
    let (begin, mut times, mut last) = (Instant::now(), Vec::new(), None);
    for round in 0..LOADS {
        let host = host(round)?;
        let start = Instant::now();
        let plugin = Plugin::load(&host, bytes).with_context(|| format!("cannot load `{}`", subject.source))?;
        times.push(microseconds(start.elapsed()));
        last = Some(plugin);
        if begin.elapsed() > LOAD_TIME {
            break;
        }
    }
    Ok((quantile(&mut times, 50), last.context("the plugin was not loaded")?))
}

/// The checks of all requests: one for each of their settings.
struct Checks<'s> {
    checks: Vec<Check>,
    /// The requests, each with the index of its check.
    requests: Vec<(&'s Request, usize)>,
}

impl<'s> Checks<'s> {
    fn new(subject: &'s Subject<'_>, plugin: &Plugin, image: ImagePolicy) -> Result<Self> {
        let mut settings: Vec<Option<&Json>> = Vec::new();
        let mut checks = Vec::new();
        let mut requests = Vec::new();
        for request in &subject.requests {
            let index = settings.iter().position(|known| *known == request.settings.as_ref());
            if index.is_none() {
                settings.push(request.settings.as_ref());
                // A standby instance would be configured before the time of its evaluation.
                let limits = Limits { standby: Some(0), ..subject.limits.clone() };
                let grants = plugin.shape().imports.iter().filter_map(|import| Grant::needed_by(import)).collect();
                let settings = request.settings.clone();
                let config = CheckConfig { settings, grants, limits, image, ..CheckConfig::default() };
                let check = Check::new(plugin, config);
                checks.push(check.with_context(|| format!("cannot make the check of `{}`", request.name))?);
            }
            requests.push((request, index.unwrap_or(checks.len() - 1)));
        }
        Ok(Self { checks, requests })
    }

    /// The reason why a check has no image; none if all have one.
    fn without_image(&self) -> Option<String> {
        self.checks.iter().find_map(|check| match check.start_mode() {
            StartMode::Image => None,
            other => Some(other.to_string()),
        })
    }

    /// Evaluates the request at an index in a fresh instance. Returns the time.
    fn evaluate(&self, index: usize, counts: &mut [Counts]) -> Result<u64> {
        let found = self.requests.get(index).and_then(|(request, check)| Some((*request, self.checks.get(*check)?)));
        let (request, check) = found.context("there is no request to measure")?;
        let checks = std::slice::from_ref(check);
        let start = Instant::now();
        let report = AuthChecks::new(checks).explain_blocking(&request.context);
        let elapsed = microseconds(start.elapsed());
        let Some(report) = report.checks.first() else { bail!("`{}` was not evaluated", request.name) };
        let evaluation = &report.evaluation;
        if let Some(fault) = evaluation.outcome.fault() {
            bail!(
                "the plugin fails for the request `{}` ({}: {}), and a failure has no costs to compare; leave the request out",
                request.name,
                fault.cause,
                fault.detail
            );
        }
        if let Some(counts) = counts.get_mut(index) {
            counts.fuel = counts.fuel.max(evaluation.usage.fuel);
            counts.memory_bytes = counts.memory_bytes.max(evaluation.usage.memory_bytes as u64);
        }
        Ok(elapsed)
    }
}

/// Evaluates all requests in turns.
fn start(subject: &Subject<'_>, checks: &Checks<'_>, kind: StartKind) -> Result<Start> {
    let count = checks.requests.len();
    let none = |request: &Request| Counts { name: request.name.clone(), fuel: 0, memory_bytes: 0 };
    let mut counts: Vec<Counts> = subject.requests.iter().map(none).collect();
    let begin = Instant::now();
    for run in 0..count.max(WARM_UP) {
        checks.evaluate(run % count, &mut counts)?;
        if run + 1 >= count && begin.elapsed() > TIME {
            break;
        }
    }
    let (begin, mut times) = (Instant::now(), Vec::new());
    while times.len() < subject.runs && (times.is_empty() || begin.elapsed() < TIME) {
        let index = times.len() % count;
        times.push(checks.evaluate(index, &mut counts)?);
    }
    let runs = times.len();
    Ok(Start {
        start: kind,
        runs,
        p50_us: quantile(&mut times, 50),
        p99_us: quantile(&mut times, 99),
        requests: counts,
    })
}

/// A percentile: the smallest time that so many of a hundred do not exceed.
fn quantile(times: &mut [u64], percent: usize) -> u64 {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).max(1);
    times.get(rank - 1).copied().unwrap_or_default()
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_taken() {
        let mut times: Vec<u64> = (1..=200).rev().collect();
        assert_eq!([1, 50, 99, 100].map(|percent| quantile(&mut times, percent)), [2, 100, 198, 200]);
        assert_eq!([50, 99].map(|percent| quantile(&mut [7], percent)), [7, 7]);
        assert_eq!(quantile(&mut [], 50), 0);
    }
}
