//! Times in cases: a number of seconds since the Unix epoch, or a text as RFC 3339 writes it.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cases::value::Value;
use crate::text::quoted;

/// The members of a context that are times.
pub(crate) const TIMES: [&[&str]; 2] = [&["now"], &["token", "expires_at"]];

/// A text that cannot be read as a time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidTime {
    /// The place in the file.
    pub(crate) offset: usize,
    /// The path in the file.
    pub(crate) path: String,
    pub(crate) reason: String,
}

/// Writes numbers in the place of the times that are texts, and as many blanks as keep all other places the same.
pub(crate) fn with_numbers(text: &str) -> Result<String, InvalidTime> {
    let mut written = String::with_capacity(text.len());
    let mut end = 0;
    let cases = Value::root(text).and_then(|root| root.get("cases"));
    for (index, case) in cases.into_iter().flat_map(Value::items).enumerate() {
        let context = case.get("context");
        let find = |path: &[&str]| path.iter().try_fold(context?, |value, name| value.get(name));
        let mut times: Vec<_> = TIMES.iter().filter_map(|path| Some((path, find(path)?))).collect();
        times.sort_by_key(|(_, value)| value.range().start);
        for (path, value) in times {
            let (Some(time), range) = (value.string(), value.range()) else { continue };
            let number = seconds(&time).map_err(|reason| InvalidTime {
                offset: range.start,
                path: format!("cases[{index}].context.{}", path.join(".")),
                reason,
            })?;
            written.push_str(text.get(end..range.start).unwrap_or_default());
            written.push_str(&format!("{number:0$}", range.len()));
            end = range.end;
        }
    }
    written.push_str(text.get(end..).unwrap_or_default());
    Ok(written)
}

/// The seconds of a time. A request counts whole seconds, so a time between two of them has none.
fn seconds(text: &str) -> Result<i64, String> {
    let shown: String = text.chars().take(40).collect();
    let shown = quoted(&[shown]);
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| {
        format!("{shown} is not a time as RFC 3339 writes it, for example `2026-11-27T09:30:00Z`: {error}")
    })?;
    let fraction = text.split('.').nth(1).unwrap_or_default();
    let is_lost = fraction.bytes().take_while(u8::is_ascii_digit).any(|digit| digit != b'0');
    // A leap second is read as the end of the second before it.
    if is_lost || time.nanosecond() != 0 {
        return Err(format!("{shown} is not a whole second, and a request counts whole seconds"));
    }
    Ok(time.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_exactly_or_not_at_all() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-27T09:30:00Z", Some(1_795_771_800)),
            ("2026-11-27T10:30:00+01:00", Some(1_795_771_800)),
            ("2026-11-27T10:30:00.000+01:00", Some(1_795_771_800)),
            ("1969-12-31T23:59:59-00:00", Some(-1)),
            ("0000-01-01T00:00:00Z", Some(-62_167_219_200)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799)),
            ("2026-11-27T09:30:00.5Z", None),
            ("2026-11-27T09:30:00.000000001Z", None),
            ("2016-12-31T23:59:60Z", None),
            ("2026-11-27T09:30:00", None),
            ("2026-11-27", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-27T24:00:00Z", None),
            ("10000-01-01T00:00:00Z", None),
            ("1795771800", None),
            ("", None),
        ] {
            assert_eq!(seconds(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_fraction_that_would_be_lost_is_refused_however_small() {
        assert_eq!(seconds("2026-11-27T09:30:00.0000000000001Z").ok(), None);
    }

    #[test]
    fn numbers_stand_in_the_place_of_times_and_nothing_else_moves() {
        let time = "\"2026-11-27T09:30:00Z\"";
        let text =
            format!("{{\"cases\": [{{\"context\": {{\"now\": {time},\n \"claims\": {{\"now\": {time}}}}}}}, {{}}]}}");
        let written = with_numbers(&text).unwrap();
        assert_eq!(written.len(), text.len());
        assert_eq!(written.matches(time).count(), 1);
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(value["cases"][0]["context"]["now"], 1_795_771_800);
        let error = with_numbers("{\"cases\":[{\"context\":{\"token\":{\"expires_at\":\"soon\"}}}]}").unwrap_err();
        assert_eq!((error.offset, &*error.path), (44, "cases[0].context.token.expires_at"));
        for same in ["", "[]", "{\"cases\": [{\"context\": {\"now\": 7, \"token\": null}}]}", "{\"cases\": 1"] {
            assert_eq!(with_numbers(same).unwrap(), same);
        }
    }
}
