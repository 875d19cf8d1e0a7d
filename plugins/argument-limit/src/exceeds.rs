use serde_json::Number;

/// Whether `number` is above `max`. Integers are compared as integers: 2^53 + 1 is above 2^53, which two floating-point
/// numbers could not tell.
pub(crate) fn exceeds(number: &Number, max: &Number) -> bool {
    match (number.as_i128(), max.as_i128(), number.as_f64(), max.as_f64()) {
        (Some(number), Some(max), ..) => number > max,
        // An integer is above a fraction if it is above its floor, and below it if it is below its ceiling. Both are
        // integers that an i128 holds, or so large that it holds its own limit instead, which changes nothing.
        (Some(number), None, _, Some(max)) => number > max.floor() as i128,
        (None, Some(max), Some(number), _) => number.ceil() as i128 > max,
        (None, None, Some(number), Some(max)) => number > max,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Above, and not the other way round.
    fn above(greater: &str, smaller: &str) {
        let (greater, smaller): (Number, Number) =
            (serde_json::from_str(greater).unwrap(), serde_json::from_str(smaller).unwrap());
        assert!(exceeds(&greater, &smaller), "{greater} {smaller}");
        assert!(!exceeds(&smaller, &greater), "{smaller} {greater}");
        assert!(!exceeds(&greater, &greater) && !exceeds(&smaller, &smaller));
    }

    #[test]
    fn integers_are_compared_to_the_last_digit() {
        above("9007199254740993", "9007199254740992");
        above("18446744073709551615", "18446744073709551614");
        above("9223372036854775808", "9223372036854775807");
        above("-9223372036854775807", "-9223372036854775808");
        above("0", "-1");
    }

    #[test]
    fn an_integer_is_compared_with_a_fraction_exactly() {
        above("1", "0.5");
        above("0.5", "0");
        above("-0.5", "-1");
        above("9007199254740993", "9007199254740992.0");
        above("9007199254740994.0", "9007199254740993");
        above("1e300", "18446744073709551615");
        above("-9223372036854775808", "-1e300");
    }

    #[test]
    fn equal_numbers_may_be_written_in_several_ways() {
        for (one, other) in [("1000", "1000.0"), ("1000", "1e3"), ("0", "-0.0"), ("0.5", "5e-1")] {
            let (one, other): (Number, Number) =
                (serde_json::from_str(one).unwrap(), serde_json::from_str(other).unwrap());
            assert!(!exceeds(&one, &other) && !exceeds(&other, &one), "{one} {other}");
        }
    }
}
