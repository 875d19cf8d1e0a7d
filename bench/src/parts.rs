//! The parts of one evaluation of a check: their times, and counts that do not depend on the speed of the machine.

use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use guardhouse::{AuthCheck, AuthChecks, AuthContext, Check, MeasuredCheck, Usage};

use crate::process;
use crate::slot::{Slots, Written};
use crate::table::quantile;

/// What is known about the evaluations of a check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) times: Times,
    pub(crate) counts: Counts,
}

/// The medians of the times of the parts of an evaluation, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) total: f64,
    pub(crate) instantiation: f64,
    pub(crate) call: f64,
    pub(crate) drop: f64,
    /// Everything else: what Guardhouse does.
    pub(crate) rest: f64,
}

/// Counts of one evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) fuel: u64,
    pub(crate) memory_bytes: usize,
    pub(crate) faults: f64,
    /// The pages that one evaluation writes in a slot that nothing has run in.
    pub(crate) written: Written,
}

/// Measures evaluations of a check.
pub(crate) fn times(check: &Check, context: &AuthContext, evaluations: usize) -> Result<Times> {
    let measured = MeasuredCheck::new(check, || ());
    let mut samples = [(); 5].map(|()| Vec::with_capacity(evaluations));
    for _ in 0..evaluations {
        let start = Instant::now();
        evaluate(&measured, context)?;
        let total = start.elapsed();
        let parts = measured.last().context("the evaluation has no parts")?;
        let rest = total.saturating_sub(parts.instantiation + parts.call + parts.drop);
        let times = [total, parts.instantiation, parts.call, parts.drop, rest];
        for (samples, time) in samples.iter_mut().zip(times) {
            samples.push(time.as_secs_f64() * 1e6);
        }
    }
    let [total, instantiation, call, drop, rest] = samples.map(|mut samples| quantile(&mut samples, 0.5));
    Ok(Times { total, instantiation, call, drop, rest })
}

/// Counts what an evaluation of a check does. The check must be new: none of its evaluations has used a slot.
pub(crate) fn counts(check: &Check, context: &AuthContext, evaluations: u32) -> Result<Counts> {
    let found = Mutex::new(Err(anyhow::anyhow!("the memory was not looked at")));
    let measured = MeasuredCheck::new(check, || {
        if let Ok(mut found) = found.lock() {
            *found = Slots::now();
        }
    });
    let before = Slots::now()?;
    let usage = evaluate(&measured, context)?;
    drop(measured);
    let slots = found.into_inner().map_err(|_| anyhow::anyhow!("a panic while the memory was looked at"))??;
    let written = slots.changed_since(&before).written();
    ensure!(written.pages > 0, "the memory of the instance was not found: this process has too little address space");
    // The slots, the caches of the allocator and the stacks get their steady state.
    for _ in 0..evaluations {
        evaluate(check, context)?;
    }
    let before = process::minor_faults()?;
    for _ in 0..evaluations {
        evaluate(check, context)?;
    }
    let faults = process::per_check(process::minor_faults()?.saturating_sub(before), evaluations);
    Ok(Counts { fuel: usage.fuel, memory_bytes: usage.memory_bytes, faults, written })
}

/// Makes a decision, which must allow.
fn evaluate(check: &impl AuthCheck, context: &AuthContext) -> Result<Usage> {
    let report = AuthChecks::new(&[check]).explain_blocking(context);
    ensure!(report.decision.is_allow(), "`{}` answered {report:?}", check.id());
    Ok(report.checks.first().map_or_else(Usage::default, |report| report.evaluation.usage))
}
