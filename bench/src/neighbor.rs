//! The latency of good checks on the same thread as hostile checks, and the time by which hostile checks overrun their
//! deadline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use guardhouse::{
    AuthContext, Check, CheckConfig, Host, ImagePolicy, Limits, Plugin, run_auth_checks, run_auth_checks_blocking,
};
use guardhouse_tests::guest;
use tokio::runtime::{Builder, Handle};

use crate::requests::{builtin_plugin, check, real, two_scopes};
use crate::table::{Row, quantile};

/// The deadline of the hostile checks.
const DEADLINE: Duration = Duration::from_millis(50);
/// The interval between requests to the good check.
const PERIOD: Duration = Duration::from_millis(2);
const REQUESTS: u32 = 1_000;

/// The numbers of spinning checks, with the names of the rows.
const CROWDS: [(usize, &str, &str); 4] = [
    (0, "good_p50_ms_beside_0_spinners", "good_p99_ms_beside_0_spinners"),
    (1, "good_p50_ms_beside_1_spinner", "good_p99_ms_beside_1_spinner"),
    (2, "good_p50_ms_beside_2_spinners", "good_p99_ms_beside_2_spinners"),
    (4, "good_p50_ms_beside_4_spinners", "good_p99_ms_beside_4_spinners"),
];

pub(crate) fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let quick = Host::builder().tick(Duration::from_micros(200)).build()?;
    for (spinners, p50, p99) in CROWDS {
        let mut samples = beside(&quick, spinners)?;
        rows.push(Row::new(p50, "ms", quantile(&mut samples, 0.5)));
        rows.push(Row::new(p99, "ms", quantile(&mut samples, 0.99)).against("good_p99_ms_beside_0_spinners"));
    }
    let mut samples = beside(&Host::new()?, 4)?;
    rows.push(Row::new("good_p99_ms_beside_4_spinners_at_1_ms_ticks", "ms", quantile(&mut samples, 0.99)));

    for (name, host) in [("kill_overrun_ms", Host::new()?), ("kill_overrun_ms_at_200_us_ticks", quick)] {
        let spinner = spinner(&host)?;
        let context = real()?;
        let mut overruns: Vec<f64> = (0..20)
            .map(|_| {
                let start = Instant::now();
                assert!(!run_auth_checks_blocking(&[&spinner], &context).is_allow());
                (start.elapsed().as_secs_f64() - DEADLINE.as_secs_f64()) * 1e3
            })
            .collect();
        let p99 = Some(quantile(&mut overruns, 0.99));
        rows.push(Row { p99, ..Row::new(name, "ms", quantile(&mut overruns, 0.5)) });
    }
    Ok(rows)
}

/// The times of a good check in milliseconds, on a thread that hostile checks always use.
fn beside(host: &Host, spinners: usize) -> Result<Vec<f64>> {
    let good = Arc::new(check(&builtin_plugin(host, "require-scopes")?, two_scopes(), ImagePolicy::Eager)?);
    let bad = Arc::new(spinner(host)?);
    let context = Arc::new(real()?);
    let is_over = Arc::new(AtomicBool::new(false));
    // The runtime polls timers and new tasks after every poll of a task, and not only after the 61st.
    let runtime = Builder::new_current_thread().enable_time().event_interval(1).global_queue_interval(1).build()?;
    let handle = runtime.handle().clone();
    std::thread::scope(|scope| {
        let over = Arc::clone(&is_over);
        scope.spawn(move || {
            runtime.block_on(async {
                while !over.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        });
        for _ in 0..spinners {
            let (bad, context, is_over) = (Arc::clone(&bad), Arc::clone(&context), Arc::clone(&is_over));
            handle.spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    assert!(!run_auth_checks(&[&*bad], &context).await.is_allow());
                }
            });
        }
        let samples = ask(&handle, &good, &context);
        is_over.store(true, Ordering::Relaxed);
        samples
    })
}

fn ask(handle: &Handle, good: &Arc<Check>, context: &Arc<AuthContext>) -> Result<Vec<f64>> {
    let start = Instant::now();
    (0..REQUESTS)
        .map(|number| {
            std::thread::sleep((PERIOD * number).saturating_sub(start.elapsed()));
            let (good, context) = (Arc::clone(good), Arc::clone(context));
            let (answer, answered) = mpsc::channel();
            let asked = Instant::now();
            handle.spawn(async move {
                let _ = answer.send(run_auth_checks(&[&*good], &context).await.is_allow());
            });
            let allowed = answered.recv().context("a good check was dropped")?;
            anyhow::ensure!(allowed, "a good check was denied");
            Ok(asked.elapsed().as_secs_f64() * 1e3)
        })
        .collect()
}

fn spinner(host: &Host) -> Result<Check> {
    let bytes = guest::assemble(include_str!("../../tests/fixtures/loop.wat"))?;
    let limits = Limits { deadline: DEADLINE, ..Limits::default() };
    Ok(Check::new(&Plugin::load(host, &bytes)?, CheckConfig { limits, ..CheckConfig::default() })?)
}
