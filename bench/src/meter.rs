//! Measures durations. All cases are measured in each round, so that a disturbance of the machine affects all of them.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::table::{Row, quantile};

/// Code to be measured.
pub(crate) struct Case<'a> {
    name: Cow<'static, str>,
    against: Option<Cow<'static, str>>,
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(name: impl Into<Cow<'static, str>>, work: impl FnMut() + 'a) -> Self {
        Self { name: name.into(), against: None, work: Box::new(work) }
    }

    /// Relates the case to another, by the ratio of their medians.
    pub(crate) fn against(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { against: Some(name.into()), ..self }
    }
}

/// The time that is spent on measurements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    /// The time for one case in one round.
    pub(crate) slice: Duration,
}

/// Code that takes less time runs many times between two readings of the clock.
const ALONE: Duration = Duration::from_micros(5);

/// Measures each case once in each round, in microseconds.
pub(crate) fn take_turns(cases: Vec<Case<'_>>, effort: Effort) -> Vec<Row> {
    let mut cases: Vec<(Case<'_>, Vec<f64>)> = cases.into_iter().map(|case| (case, Vec::new())).collect();
    for round in 0..=effort.rounds {
        for (case, samples) in &mut cases {
            let taken = samples_of(&mut case.work, effort.slice);
            // The first round is a warm-up.
            if round > 0 {
                samples.extend(taken);
            }
        }
    }
    cases.into_iter().map(|(case, samples)| Row::of_samples(case.name, samples, case.against)).collect()
}

fn samples_of(work: &mut dyn FnMut(), slice: Duration) -> Vec<f64> {
    let end = Instant::now() + slice;
    let batch = batch_size(work);
    let mut samples = Vec::new();
    while samples.is_empty() || Instant::now() < end {
        let start = Instant::now();
        for _ in 0..batch {
            work();
        }
        samples.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(batch));
    }
    samples
}

fn batch_size(work: &mut dyn FnMut()) -> u32 {
    let start = Instant::now();
    for _ in 0..8 {
        work();
    }
    let one = start.elapsed() / 8;
    if one > ALONE { 1 } else { 20_000 / u32::try_from(one.as_nanos()).unwrap_or(u32::MAX).max(1) }
}

/// The time that `work` takes in milliseconds.
pub(crate) fn milliseconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed().as_secs_f64() * 1e3, made)
}

/// The median time of `times` runs of `work` in milliseconds.
pub(crate) fn median_milliseconds<T>(times: usize, mut work: impl FnMut() -> T) -> f64 {
    let mut samples: Vec<f64> = (0..times.max(1)).map(|_| milliseconds(&mut work).0).collect();
    quantile(&mut samples, 0.5)
}
