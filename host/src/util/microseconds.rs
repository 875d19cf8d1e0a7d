//! Durations as whole numbers.

use std::time::Duration;

use serde::Serializer;

/// The whole microseconds of a duration; the largest number for one that is longer.
pub(crate) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The nanoseconds of a duration; the largest number for one that is longer.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Serializes a duration as its whole microseconds.
pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(microseconds(*duration))
}
