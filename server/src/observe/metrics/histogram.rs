//! Histograms of times.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::observe::metrics::exposition::Family;

/// The upper bounds of the buckets, in nanoseconds, with their texts in seconds: from 5 µs to 10 s.
const BOUNDS: [(u64, &str); 20] = [
    (5_000, "0.000005"),
    (10_000, "0.00001"),
    (25_000, "0.000025"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];

/// The distribution of a time.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    beyond: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Histogram {
    /// Counts a time.
    pub(super) fn observe(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < nanoseconds);
        self.buckets.get(bucket).unwrap_or(&self.beyond).fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Writes the samples with these labels.
    pub(super) fn write(&self, family: &mut Family<'_>, labels: &[(&str, &str)]) {
        let mut count = 0;
        let mut labels_of_bucket = labels.to_vec();
        labels_of_bucket.push(("le", ""));
        let infinite = (&self.beyond, "+Inf");
        let buckets = self.buckets.iter().zip(BOUNDS.iter().map(|(_, text)| *text)).chain([infinite]);
        for (bucket, text) in buckets {
            count += bucket.load(Ordering::Relaxed);
            if let Some(le) = labels_of_bucket.last_mut() {
                le.1 = text;
            }
            family.part("_bucket", &labels_of_bucket, count);
        }
        family.part("_sum", labels, Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)));
        family.part("_count", labels, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::exposition::Exposition;

    #[test]
    fn a_time_on_a_bound_is_in_its_bucket() {
        let histogram = Histogram::default();
        for nanoseconds in [0, 5_000, 5_001, 10_000_000_000, 10_000_000_001] {
            histogram.observe(Duration::from_nanos(nanoseconds));
        }
        let mut exposition = Exposition::default();
        histogram.write(&mut exposition.histogram("a_seconds", "Times."), &[("door", "native")]);
        let text = exposition.into_text();
        for line in [
            "a_seconds_bucket{door=\"native\",le=\"0.000005\"} 2",
            "a_seconds_bucket{door=\"native\",le=\"0.00001\"} 3",
            "a_seconds_bucket{door=\"native\",le=\"10\"} 4",
            "a_seconds_bucket{door=\"native\",le=\"+Inf\"} 5",
            "a_seconds_sum{door=\"native\"} 20.000010002",
            "a_seconds_count{door=\"native\"} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn the_text_of_each_bound_is_its_value() {
        for (nanoseconds, text) in BOUNDS {
            assert_eq!(Duration::from_secs_f64(text.parse().unwrap()), Duration::from_nanos(nanoseconds));
        }
    }
}
