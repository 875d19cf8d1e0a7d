//! How long a caller waits for its answer.

use std::time::Duration;

use guardhouse::MAX_DEADLINE;
use hyper::HeaderMap;
use hyper::header::HeaderName;

/// The header of gRPC: at most eight digits, and a unit.
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The header of Envoy, in milliseconds.
const EXPECTED: HeaderName = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");

/// The least margin.
const MARGIN: Duration = Duration::from_millis(5);

/// The time in which the answer must be ready: the shorter one of the two headers, less a tenth, or [`MARGIN`] if that is
/// more, for its way back. A header that is not valid says nothing.
pub(super) fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let timeout = only(headers, &TIMEOUT).and_then(timeout);
    let expected = only(headers, &EXPECTED).and_then(number).map(Duration::from_millis);
    let waits = timeout.into_iter().chain(expected).min()?;
    let left = waits.saturating_sub(MARGIN.max(waits / 10));
    // A caller that waits no longer than the margin is denied, and not given all the time of its tenant.
    Some(left.clamp(Duration::from_nanos(1), MAX_DEADLINE))
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let number = number(digits)?;
    match unit {
        "H" => number.checked_mul(3_600).map(Duration::from_secs),
        "M" => number.checked_mul(60).map(Duration::from_secs),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(headers: &[(&HeaderName, &str)]) -> Option<Duration> {
        deadline(&headers.iter().map(|(name, value)| ((*name).clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn a_timeout_has_each_unit_of_grpc() {
        for (text, expected) in [
            ("1H", Duration::from_secs(54 * 60)),
            ("99999999H", MAX_DEADLINE),
            ("10M", Duration::from_secs(9 * 60)),
            ("10S", Duration::from_secs(9)),
            ("200m", Duration::from_millis(180)),
            ("20m", Duration::from_millis(15)),
            ("20000u", Duration::from_millis(15)),
            ("20000000n", Duration::from_millis(15)),
            ("5m", Duration::from_nanos(1)),
            ("0n", Duration::from_nanos(1)),
        ] {
            assert_eq!(left(&[(&TIMEOUT, text)]), Some(expected), "{text}");
        }
        for text in ["", "m", "1", "1s", "-1m", "+1m", "1.5S", "123456789n", "1 m", "1mm", "1h"] {
            assert_eq!(left(&[(&TIMEOUT, text)]), None, "{text}");
        }
    }

    #[test]
    fn the_shorter_one_of_both_headers_counts() {
        let ms = Duration::from_millis;
        assert_eq!(left(&[]), None);
        assert_eq!(left(&[(&EXPECTED, "100")]), Some(ms(90)));
        assert_eq!(left(&[(&EXPECTED, "100"), (&TIMEOUT, "1S")]), Some(ms(90)));
        assert_eq!(left(&[(&EXPECTED, "1000"), (&TIMEOUT, "100m")]), Some(ms(90)));
        assert_eq!(left(&[(&EXPECTED, "1s"), (&TIMEOUT, "100m")]), Some(ms(90)));
        assert_eq!(left(&[(&TIMEOUT, "100m"), (&TIMEOUT, "100m")]), None);
    }
}
