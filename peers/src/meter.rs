//! The measurement of a decision's time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

/// The time above which an operation is timed alone.
const ALONE: Duration = Duration::from_micros(5);
/// The time of a batch of shorter operations: long enough that reading the clock does not matter.
const BATCH: Duration = Duration::from_micros(20);

/// Measures decisions and prints the samples.
pub(crate) struct Meter {
    duration: Duration,
    allowed: Value,
    denied: Value,
}

impl Meter {
    /// Measures each decision for `duration` with a context that must be allowed. A context that must be denied checks
    /// that a peer really decides.
    pub(crate) fn new(duration: Duration, allowed: Value, denied: Value) -> Self {
        Self { duration, allowed, denied }
    }

    /// Measures `decide`, whose input is the context after `prepare`. The preparation is not measured.
    ///
    /// # Errors
    ///
    /// A call failed, or a decision is wrong.
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

    /// Times the operation until `duration` has passed. The samples are in µs per operation; there is at least one.
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

/// Warms up for `duration`. Returns the average time of an operation.
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

/// The number of operations that are timed together.
fn batch_size(time_of_one: Duration) -> u32 {
    if time_of_one > ALONE {
        return 1;
    }
    let size = BATCH.as_nanos().div_ceil(time_of_one.as_nanos().max(1));
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// Rounds to nanoseconds.
fn round(microseconds: f64) -> f64 {
    (microseconds * 1e3).round() / 1e3
}
