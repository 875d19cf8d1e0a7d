//! Expositions: metrics in the text format of Prometheus, version 0.0.4.

use std::fmt::Write;

/// Metrics as text. `promtool check metrics` accepts it; a client library that writes OpenMetrics names counters
/// differently in its metadata, which is an error in this format.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

/// A number of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number.
    Whole(u64),
    /// Any other number.
    Real(f64),
}

impl Exposition {
    /// The `Content-Type` of the text.
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// A number that only grows. Its name ends in `_total`.
    pub fn counter<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, "counter", help)
    }

    /// A number that grows and falls.
    pub fn gauge<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, "gauge", help)
    }

    /// A distribution.
    pub fn histogram<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, "histogram", help)
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn family<'a>(&'a mut self, name: &'a str, kind: &str, help: &str) -> Family<'a> {
        self.text.push_str("# HELP ");
        self.text.push_str(name);
        self.text.push(' ');
        escape(&mut self.text, help, false);
        // Writing to a string does not fail.
        let _ = write!(self.text, "\n# TYPE {name} {kind}\n");
        Family { text: &mut self.text, name }
    }
}

/// A metric: the samples of one name, which differ in their labels.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Family<'_> {
    /// Adds the sample of these labels.
    pub fn sample(&mut self, labels: &[(&str, &str)], number: impl Into<Number>) -> &mut Self {
        self.part("", labels, number)
    }

    /// Adds a sample of a part of a histogram, whose name ends in `suffix`.
    pub(super) fn part(&mut self, suffix: &str, labels: &[(&str, &str)], number: impl Into<Number>) -> &mut Self {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(self.text, value, true);
            self.text.push('"');
        }
        self.text.push_str(if labels.is_empty() { " " } else { "} " });
        match number.into() {
            Number::Whole(number) => _ = writeln!(self.text, "{number}"),
            Number::Real(number) if number == f64::INFINITY => self.text.push_str("+Inf\n"),
            Number::Real(number) if number == f64::NEG_INFINITY => self.text.push_str("-Inf\n"),
            Number::Real(number) => _ = writeln!(self.text, "{number}"),
        }
        self
    }
}

fn escape(text: &mut String, value: &str, quotes: bool) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            _ => text.push(character),
        }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self::Whole(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<bool> for Number {
    fn from(is: bool) -> Self {
        Self::Whole(is.into())
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

/// A time in seconds.
impl From<std::time::Duration> for Number {
    fn from(time: std::time::Duration) -> Self {
        Self::Real(time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_its_value_or_its_line() {
        let mut exposition = Exposition::default();
        exposition.counter("a_total", "One\nline\\.").sample(&[("b", "\"} 1\n\\"), ("c", "ä")], 7_u64);
        let expected =
            "# HELP a_total One\\nline\\\\.\n# TYPE a_total counter\na_total{b=\"\\\"} 1\\n\\\\\",c=\"ä\"} 7\n";
        assert_eq!(exposition.into_text(), expected);
    }

    #[test]
    fn a_number_is_written_as_the_format_reads_it() {
        let mut exposition = Exposition::default();
        let mut family = exposition.gauge("a", "Numbers.");
        for number in [0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-6] {
            family.sample(&[], number);
        }
        family.sample(&[], u64::MAX).sample(&[], true);
        let text = exposition.into_text();
        let numbers: Vec<&str> = text.lines().skip(2).map(|line| line.strip_prefix("a ").unwrap()).collect();
        assert_eq!(numbers, ["0.5", "+Inf", "-Inf", "NaN", "0.000001", "18446744073709551615", "1"]);
    }
}
