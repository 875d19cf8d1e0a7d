//! The latency of good checks beside failing checks: ten thousand faults of every kind, on sixteen threads.

use std::time::{Duration, Instant};

use anyhow::Result;
use guardhouse::{AuthContext, Check, CheckConfig, Host, ImagePolicy, Limits, Plugin, run_auth_checks_blocking};
use guardhouse_tests::guest;

use crate::requests::{allows, builtin_plugin, check, real, two_scopes};
use crate::table::{Row, quantile};

const THREADS: usize = 16;
/// Rounds with faults and without alternate: sixteen threads on a few processors wait for each other in both.
const ROUNDS: usize = 10;
const TURNS: usize = 63;

pub(crate) fn run() -> Result<Vec<Row>> {
    let host = Host::new()?;
    let good = check(&builtin_plugin(&host, "require-scopes")?, two_scopes(), ImagePolicy::Eager)?;
    let (faulty, context) = (faulty(&host)?, real()?);
    let storm = || {
        among(&good, &context, |turn| {
            if let Some(check) = faulty.get(turn % faulty.len().max(1)) {
                assert!(!run_auth_checks_blocking(&[check], &context).is_allow());
            }
        })
    };
    // Without faults, the same number of threads compute for the same time.
    let start = Instant::now();
    for check in &faulty {
        assert!(!run_auth_checks_blocking(&[check], &context).is_allow());
    }
    let as_long = start.elapsed() / u32::try_from(faulty.len())?;
    let calm = || among(&good, &context, |_| compute(as_long));
    let (mut calm_samples, mut storm_samples) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (calm, storm) = (calm(), storm());
        // The first round is a warm-up.
        if round > 0 {
            calm_samples.extend(calm);
            storm_samples.extend(storm);
        }
    }
    let (mut calm, mut stormy) = (calm_samples, storm_samples);
    Ok(vec![
        Row::new("good_p50_ms_on_16_threads", "ms", quantile(&mut calm, 0.5)),
        Row::new("good_p50_ms_in_a_storm", "ms", quantile(&mut stormy, 0.5)).against("good_p50_ms_on_16_threads"),
        Row::new("good_p99_ms_on_16_threads", "ms", quantile(&mut calm, 0.99)),
        Row::new("good_p99_ms_in_a_storm", "ms", quantile(&mut stormy, 0.99)).against("good_p99_ms_on_16_threads"),
    ])
}

/// The times of good checks in milliseconds, each after a turn of something else.
fn among(good: &Check, context: &AuthContext, other: impl Fn(usize) + Sync) -> Vec<f64> {
    let work = |thread: usize| {
        let mut samples = Vec::with_capacity(TURNS);
        for turn in 0..TURNS {
            other(thread + turn);
            let start = Instant::now();
            allows(good, context);
            samples.push(start.elapsed().as_secs_f64() * 1e3);
        }
        samples
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

fn compute(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// Checks that fail: with a trap, for lack of stack, memory, table elements, fuel, handles or time, or with an invalid
/// answer.
fn faulty(host: &Host) -> Result<Vec<Check>> {
    let hasty = Limits { deadline: Duration::from_millis(5), ..Limits::default() };
    let cases = [
        (include_str!("../../tests/fixtures/unreachable.wat"), Limits::default()),
        (include_str!("../../tests/fixtures/division.wat"), Limits::default()),
        (include_str!("../../tests/fixtures/recursion.wat"), Limits::default()),
        (include_str!("../../tests/fixtures/table-trap.wat"), Limits::default()),
        (include_str!("../../tests/fixtures/memory-trap.wat"), Limits { memory_bytes: 4 << 20, ..Limits::default() }),
        (include_str!("../../tests/fixtures/handle-flood.wat"), Limits::default()),
        (include_str!("../../tests/fixtures/exit.wat"), Limits::default()),
        (include_str!("../../tests/fixtures/loop.wat"), Limits { fuel: Some(100_000), ..Limits::default() }),
        (include_str!("../../tests/fixtures/loop.wat"), hasty),
        (include_str!("../../tests/fixtures/allow.wat"), Limits { context_bytes: 1, ..Limits::default() }),
    ];
    let check = |(text, limits): (&str, Limits)| {
        let plugin = Plugin::load(host, &guest::assemble(text)?)?;
        Ok(Check::new(&plugin, CheckConfig { limits, ..CheckConfig::default() })?)
    };
    let mut checks = cases.into_iter().map(check).collect::<Result<Vec<_>>>()?;
    checks.push(invalid_answer(host)?);
    Ok(checks)
}

/// A check that denies with a message that is not UTF-8.
fn invalid_answer(host: &Host) -> Result<Check> {
    let plugin = Plugin::load(host, &guest::denies_with(&[0xff])?)?;
    Ok(Check::new(&plugin, CheckConfig::default())?)
}
