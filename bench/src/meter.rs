//! How long something takes, taken in turns: what one round finds slow, it finds slow for everybody.

use std::time::{Duration, Instant};

use crate::table::{Row, quantile};

/// Something to be measured.
pub(crate) struct Case<'a> {
    name: &'static str,
    against: Option<&'static str>,
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(name: &'static str, work: impl FnMut() + 'a) -> Self {
        Self { name, against: None, work: Box::new(work) }
    }

    /// What its ratio is a ratio to.
    pub(crate) fn against(self, name: &'static str) -> Self {
        Self { against: Some(name), ..self }
    }
}

/// What is measured how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    /// Of one case in one round.
    pub(crate) slice: Duration,
}

/// What takes less is measured many times over between two looks at the clock.
const ALONE: Duration = Duration::from_micros(5);

/// Measures each case once a round, in microseconds.
pub(crate) fn take_turns(cases: Vec<Case<'_>>, effort: Effort) -> Vec<Row> {
    let mut cases: Vec<(Case<'_>, Vec<f64>)> = cases.into_iter().map(|case| (case, Vec::new())).collect();
    for round in 0..=effort.rounds {
        for (case, samples) in &mut cases {
            let taken = samples_of(&mut case.work, effort.slice);
            // The first round is for warming up.
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

/// How long `work` takes, in milliseconds.
pub(crate) fn milliseconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed().as_secs_f64() * 1e3, made)
}

/// The median of `times` runs of `work`, in milliseconds.
pub(crate) fn median_milliseconds<T>(times: usize, mut work: impl FnMut() -> T) -> f64 {
    let mut samples: Vec<f64> = (0..times.max(1)).map(|_| milliseconds(&mut work).0).collect();
    quantile(&mut samples, 0.5)
}
