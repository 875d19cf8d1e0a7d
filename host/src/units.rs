//! Durations and sizes as text: `200ms`, `64MiB`.
//!
//! This is the one text form of both, in JSON and TOML documents, on the command line and in Python: a whole number and
//! a unit, without a space, a sign or a fraction. Durations have the units `ns`, `us`, `ms`, `s`, `min` and `h`; sizes
//! have `B`, `KiB`, `MiB` and `GiB`.
//!
//! ```
//! # use std::time::Duration;
//! use guardhouse::units::{format_duration, format_size, parse_duration, parse_size};
//!
//! assert_eq!(parse_duration("1500ms")?, Duration::from_millis(1_500));
//! assert_eq!(parse_size("64MiB")?, 64 << 20);
//! assert_eq!(format_duration(Duration::from_secs(120)), "2min");
//! assert_eq!(format_size(3 << 10), "3KiB");
//! # Ok::<(), guardhouse::units::UnitError>(())
//! ```

use std::time::Duration;

/// The units of durations, in nanoseconds, the longest first.
const DURATIONS: [(&str, u128); 6] = [
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The units of sizes, in bytes, the largest first.
const SIZES: [(&str, u128); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A text that is not a duration or a size. The message says what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a {what}: write a whole number and a unit ({units}), for example `{example}`")]
pub struct UnitError {
    found: String,
    what: &'static str,
    units: String,
    example: &'static str,
}

/// Reads a duration such as `200ms`.
///
/// # Errors
/// [`UnitError`] if the text is not a whole number and a unit of time, or is 2^64 seconds or more.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let parsed = parse(text, &DURATIONS).and_then(|nanoseconds| {
        let seconds = u64::try_from(nanoseconds / 1_000_000_000).ok()?;
        Some(Duration::new(seconds, u32::try_from(nanoseconds % 1_000_000_000).ok()?))
    });
    parsed.ok_or_else(|| invalid(text, "duration", &DURATIONS, "200ms"))
}

/// Reads a size such as `64MiB`, in bytes.
///
/// # Errors
/// [`UnitError`] if the text is not a whole number and a unit of size, or is 2^64 bytes or more.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let parsed = parse(text, &SIZES).and_then(|bytes| u64::try_from(bytes).ok());
    parsed.ok_or_else(|| invalid(text, "size", &SIZES, "64MiB"))
}

/// The text form of a duration, exact and in the longest unit that divides it.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    if duration.is_zero() { "0s".to_owned() } else { format(duration.as_nanos(), &DURATIONS) }
}

/// The text form of a number of bytes, exact and in the largest unit that divides it.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    if bytes == 0 { "0B".to_owned() } else { format(bytes.into(), &SIZES) }
}

fn parse(text: &str, units: &[(&str, u128)]) -> Option<u128> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(known, _)| *known == unit)?;
    number.parse::<u128>().ok()?.checked_mul(*factor)
}

fn format(value: u128, units: &[(&str, u128)]) -> String {
    let unit = units.iter().find(|(_, factor)| value.is_multiple_of(*factor));
    unit.map_or_else(String::new, |(unit, factor)| format!("{}{unit}", value / factor))
}

fn invalid(found: &str, what: &'static str, units: &[(&str, u128)], example: &'static str) -> UnitError {
    let units = units.iter().rev().map(|(unit, _)| *unit).collect::<Vec<_>>().join(", ");
    UnitError { found: crate::util::text::clip(found), what, units, example }
}

/// For `#[serde(with = "…")]`: a duration in its text form.
pub(crate) mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_duration(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        super::parse_duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "…")]`: a duration in its text form, or null.
pub(crate) mod optional_duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(super::format_duration).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse_duration(&text)).transpose().map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "…")]`: a number of bytes in its text form.
pub(crate) mod size {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer, N: Copy + TryInto<u64>>(size: &N, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_size((*size).try_into().unwrap_or(u64::MAX)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, N: TryFrom<u64>>(deserializer: D) -> Result<N, D::Error> {
        let bytes = super::parse_size(&String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        N::try_from(bytes).map_err(|_| D::Error::custom("a size beyond the address space of this machine"))
    }
}

/// For `#[serde(with = "…")]`: a number of bytes in its text form, or null.
pub(crate) mod optional_size {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(size: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        size.map(super::format_size).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse_size(&text)).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_value_agree_in_both_directions() {
        let durations = [
            ("0s", Duration::ZERO),
            ("1ns", Duration::from_nanos(1)),
            ("250us", Duration::from_micros(250)),
            ("200ms", Duration::from_millis(200)),
            ("90s", Duration::from_secs(90)),
            ("2min", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3_600)),
        ];
        for (text, duration) in durations {
            assert_eq!(parse_duration(text), Ok(duration));
            assert_eq!(format_duration(duration), text);
        }
        let sizes = [("0B", 0), ("1023B", 1_023), ("1KiB", 1 << 10), ("64MiB", 64 << 20), ("4GiB", 4 << 30)];
        for (text, bytes) in sizes {
            assert_eq!(parse_size(text), Ok(bytes));
            assert_eq!(format_size(bytes), text);
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in ["", "5", "ms", "5 ms", "-5ms", "+5ms", "1.5s", "5MS", "5ms ", "1e3ms", "５ms", "5m", "5KB"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["", "5", "B", "5 B", "5kib", "5KB", "5M", "1.5MiB", "0x10B", "5ms"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert!(parse_size("17179869184GiB").is_err(), "2^64 bytes");
        assert!(parse_duration(&format!("{}h", u128::MAX)).is_err());
    }

    #[test]
    fn the_error_says_what_to_write() {
        let expected = "`5` is not a size: write a whole number and a unit (B, KiB, MiB, GiB), for example `64MiB`";
        assert_eq!(parse_size("5").unwrap_err().to_string(), expected);
    }
}
