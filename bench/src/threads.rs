//! The throughput of several threads.

use std::time::{Duration, Instant};

use anyhow::Result;
use guardhouse::{Host, ImagePolicy};

use crate::requests::{allows, builtin_plugin, check, real, two_scopes};
use crate::table::{Row, quantile};

const ROUNDS: usize = 7;
const SLICE: Duration = Duration::from_millis(500);

pub(crate) fn run() -> Result<Vec<Row>> {
    let check = check(&builtin_plugin(&Host::new()?, "require-scopes")?, two_scopes(), ImagePolicy::Eager)?;
    let context = real()?;
    let counts = [(1, "throughput_1_thread"), (2, "throughput_2_threads"), (4, "throughput_4_threads")];
    let mut samples = vec![Vec::new(); counts.len()];
    for _ in 0..ROUNDS {
        for ((threads, _), samples) in counts.iter().zip(&mut samples) {
            let end = Instant::now() + SLICE;
            let decided: u32 = std::thread::scope(|scope| {
                let count = || {
                    let mut count = 0;
                    while Instant::now() < end {
                        allows(&check, &context);
                        count += 1;
                    }
                    count
                };
                let threads: Vec<_> = (0..*threads).map(|_| scope.spawn(count)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
            });
            samples.push(f64::from(decided) / SLICE.as_secs_f64());
        }
    }
    let row = |((_, name), mut samples): ((i32, &str), Vec<f64>)| {
        Row::new(name, "decisions/s", quantile(&mut samples, 0.5)).against("throughput_1_thread")
    };
    Ok(counts.into_iter().zip(samples).map(row).collect())
}
