//! How long a decision takes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

/// An operation that takes longer is timed alone.
const ALONE: Duration = Duration::from_micros(5);
/// How long a batch of shorter operations lasts, so that the clock does not count.
const BATCH: Duration = Duration::from_micros(20);

/// Measures decisions, and prints what it finds.
pub(crate) struct Meter {
    duration: Duration,
    allowed: Value,
    denied: Value,
}

impl Meter {
    /// Measures each decision for `duration`, on a context that must be allowed; one that must be denied keeps the
    /// rivals honest.
    pub(crate) fn new(duration: Duration, allowed: Value, denied: Value) -> Self {
        Self { duration, allowed, denied }
    }

    /// Measures `decide`, which is given what `prepare` made of the context. Preparing is not measured.
    ///
    /// # Errors
    /// If anything fails, or decides wrongly.
    pub(crate) fn measure<Input>(
        &self,
        name: &str,
        prepare: impl Fn(&Value) -> Result<Input>,
        mut decide: impl FnMut(&Input) -> Result<bool>,
    ) -> Result<()> {
        eprintln!("measuring {name}");
        let (allowed, denied) = (prepare(&self.allowed)?, prepare(&self.denied)?);
        for (input, expected) in [(&allowed, true), (&denied, false), (&allowed, true)] {
            ensure!(decide(input)? == expected, "{name} does not decide {expected} where it should");
        }
        let samples = self.samples(|| {
            ensure!(decide(black_box(&allowed))?, "{name} denies what it allowed before");
            Ok(())
        })?;
        println!("{}", json!({ "name": name, "unit": "µs", "samples": samples }));
        Ok(())
    }

    /// Times the operation until the time is up: µs for one operation each, at least one.
    fn samples(&self, mut operation: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
        let batch = batch_size(time_of_one(self.duration / 4, &mut operation)?);
        let mut samples = Vec::new();
        let start = Instant::now();
        while samples.is_empty() || start.elapsed() < self.duration {
            let start = Instant::now();
            for _ in 0..batch {
                operation()?;
            }
            samples.push(round(start.elapsed().as_secs_f64() * 1e6 / f64::from(batch)));
        }
        Ok(samples)
    }
}

/// Warms up for `duration`, and says how long an operation takes on average.
fn time_of_one(duration: Duration, operation: &mut impl FnMut() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    let mut count = 0;
    loop {
        operation()?;
        count += 1;
        let elapsed = start.elapsed();
        if elapsed >= duration {
            return Ok(elapsed / count);
        }
    }
}

/// How many operations are timed together.
fn batch_size(time_of_one: Duration) -> u32 {
    if time_of_one > ALONE {
        return 1;
    }
    let size = BATCH.as_nanos().div_ceil(time_of_one.as_nanos().max(1));
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// To the nanosecond.
fn round(microseconds: f64) -> f64 {
    (microseconds * 1e3).round() / 1e3
}
