//! The results: a table for people, and JSON for programs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

/// One measured value.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) median: f64,
    pub(crate) p99: Option<f64>,
    /// The name of the row that its ratio relates to.
    pub(crate) against: Option<Cow<'static, str>>,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self { name: name.into(), unit, median: value, p99: None, against: None }
    }

    pub(crate) fn of_samples(
        name: impl Into<String>,
        mut samples: Vec<f64>,
        against: Option<Cow<'static, str>>,
    ) -> Self {
        let p99 = quantile(&mut samples, 0.99);
        Self { p99: Some(p99), against, ..Self::new(name, "µs", quantile(&mut samples, 0.5)) }
    }

    pub(crate) fn against(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { against: Some(name.into()), ..self }
    }
}

/// The value below which a share of the samples lies; 0 without samples.
pub(crate) fn quantile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = ((samples.len().saturating_sub(1)) as f64 * share).round() as usize;
    samples.get(index).copied().unwrap_or_default()
}

#[derive(Serialize)]
struct Record<'a> {
    median: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
}

/// All rows of one run.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    pub(crate) fn extend(&mut self, rows: Vec<Row>) {
        self.0.extend(rows);
    }

    fn ratio(&self, row: &Row) -> Option<f64> {
        let other = self.0.iter().find(|other| Some(other.name.as_str()) == row.against.as_deref())?;
        Some(row.median / other.median)
    }

    /// An object with the median, the 99th percentile, the unit and the ratio of each row, by name.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        let records: BTreeMap<&str, Record<'_>> = self
            .0
            .iter()
            .map(|row| {
                let ratio = self.ratio(row);
                let to = row.against.as_deref().filter(|_| ratio.is_some());
                (row.name.as_str(), Record { median: row.median, p99: row.p99, unit: row.unit, ratio, to })
            })
            .collect();
        serde_json::to_string_pretty(&records)
    }

    /// Prints the rows from an index on as a Markdown table.
    pub(crate) fn print(&self, from: usize) {
        println!("\n| what | median | p99 | unit | ratio |\n|---|---:|---:|---|---|");
        for row in self.0.iter().skip(from) {
            let ratio = self.ratio(row).zip(row.against.as_deref());
            let ratio = ratio.map_or_else(String::new, |(ratio, to)| format!("{} × {to}", figure(ratio)));
            let p99 = row.p99.map_or_else(String::new, figure);
            println!("| {} | {} | {p99} | {} | {ratio} |", row.name, figure(row.median), row.unit);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A value with three digits.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
