//! Costs compared with those of an earlier measurement.

use std::fmt;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::costs::{Costs, Counts, StartKind, time};
use crate::text::{escaped, grouped};

/// What is not yet worse.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tolerances {
    /// The growth of a count, in percent.
    pub(crate) percent: f64,
    /// The ratio of a median time; none if times do not count.
    pub(crate) slowdown: Option<f64>,
}

/// The differences from a baseline.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    /// The times, and the counts that changed by more than the tolerance.
    changes: Vec<Change>,
    /// What only one of both measurements has.
    remarks: Vec<String>,
    /// How many costs are worse.
    worse: usize,
}

/// One cost, then and now.
#[derive(Debug, Serialize)]
struct Change {
    cost: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    before: u64,
    now: u64,
    ratio: f64,
    worse: bool,
}

impl Comparison {
    /// Compares costs with those of a baseline.
    ///
    /// # Errors
    /// They cannot be compared.
    pub(crate) fn new(before: &Costs, now: &Costs, tolerances: Tolerances) -> Result<Self> {
        ensure!(
            before.code == now.code,
            "the baseline was measured with {} code, and this plugin with {} code; measure both {} `--optimized`",
            before.code,
            now.code,
            if before.code == super::costs::Code::Optimized { "with" } else { "without" }
        );
        let mut comparison = Self { changes: Vec::new(), remarks: Vec::new(), worse: 0 };
        if before.guardhouse != now.guardhouse {
            comparison.remarks.push(format!(
                "the baseline was measured by version {}, and counts may differ between versions",
                before.guardhouse
            ));
        }
        comparison.add_time("load cold", None, before.load.cold_us, now.load.cold_us, None);
        comparison.add_time("load cached", None, before.load.cached_us, now.load.cached_us, None);
        for kind in [StartKind::Configure, StartKind::Image] {
            comparison.add_start(before, now, kind, tolerances)?;
        }
        Ok(comparison)
    }

    /// Whether a cost is worse.
    pub(crate) fn is_worse(&self) -> bool {
        self.worse > 0
    }

    fn add_start(&mut self, before: &Costs, now: &Costs, kind: StartKind, tolerances: Tolerances) -> Result<()> {
        let (then, found) = match (before.start(kind), now.start(kind)) {
            (Some(then), Some(found)) => (then, found),
            (Some(_), None) => {
                self.worse += 1;
                self.remarks.push(format!("worse: no instance starts {kind} any more"));
                return Ok(());
            }
            (None, Some(_)) => {
                self.remarks.push(format!("the baseline has no instance that starts {kind}"));
                return Ok(());
            }
            (None, None) => return Ok(()),
        };
        self.add_time("p50", Some(kind), then.p50_us, found.p50_us, tolerances.slowdown);
        self.add_time("p99", Some(kind), then.p99_us, found.p99_us, None);
        let mut compared = 0;
        for request in &found.requests {
            let Some(old) = then.requests.iter().find(|old| old.name == request.name) else { continue };
            compared += 1;
            self.add_count("fuel", kind, request, old.fuel, request.fuel, tolerances);
            self.add_count("memory", kind, request, old.memory_bytes, request.memory_bytes, tolerances);
        }
        ensure!(compared > 0, "the baseline has none of these requests");
        let [gone, new] = [then.requests.len(), found.requests.len()].map(|count| count - compared.min(count));
        if gone + new > 0 {
            self.remarks
                .push(format!("{kind}: new requests: {new}; requests of the baseline that were not measured: {gone}"));
        }
        Ok(())
    }

    fn add_time(&mut self, cost: &'static str, start: Option<StartKind>, before: u64, now: u64, most: Option<f64>) {
        let ratio = ratio(before, now);
        let worse = most.is_some_and(|most| ratio > most);
        self.worse += usize::from(worse);
        self.changes.push(Change { cost, start, request: None, before, now, ratio, worse });
    }

    fn add_count(
        &mut self,
        cost: &'static str,
        kind: StartKind,
        request: &Counts,
        before: u64,
        now: u64,
        tolerances: Tolerances,
    ) {
        if is_within(before, now, tolerances.percent) {
            return;
        }
        let (ratio, worse) = (ratio(before, now), now > before);
        self.worse += usize::from(worse);
        let request = Some(request.name.clone());
        self.changes.push(Change { cost, start: Some(kind), request, before, now, ratio, worse });
    }
}

/// Whether a cost changed by at most so many percent.
#[expect(clippy::cast_precision_loss, reason = "costs are far below 2^53")]
fn is_within(before: u64, now: u64, percent: f64) -> bool {
    before.abs_diff(now) as f64 * 100.0 <= before as f64 * percent
}

/// How much larger a cost is. A cost that was nothing counts as one.
#[expect(clippy::cast_precision_loss, reason = "costs are far below 2^53")]
fn ratio(before: u64, now: u64) -> f64 {
    if before == now { 1.0 } else { now as f64 / before.max(1) as f64 }
}

/// The text form.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\ncompared with the baseline:")?;
        for change in &self.changes {
            let is_count = change.request.is_some();
            let value = |value: u64| if is_count { grouped(value) } else { time(value) };
            let word = if change.worse { "worse" } else { "" };
            let start = change.start.map(|start| format!(", {start}")).unwrap_or_default();
            let request = change.request.as_ref().map(|name| format!(", `{}`", escaped(name))).unwrap_or_default();
            let (before, now) = (value(change.before), value(change.now));
            writeln!(
                f,
                "  {word:5}  × {:<5.2}  {}{start}{request}: {before} before, {now} now",
                change.ratio, change.cost
            )?;
        }
        for remark in &self.remarks {
            writeln!(f, "  {}", escaped(remark))?;
        }
        if self.worse == 0 { writeln!(f, "  nothing is worse") } else { writeln!(f, "  worse costs: {}", self.worse) }
    }
}

#[cfg(test)]
mod tests {
    use guardhouse::Digest;

    use super::super::costs::{Code, Load, Start};
    use super::*;

    const TOLERANCES: Tolerances = Tolerances { percent: 1.0, slowdown: None };

    fn costs(p50_us: u64, requests: &[(&str, u64, u64)]) -> Costs {
        let of = |(name, fuel, memory_bytes): &(&str, u64, u64)| Counts {
            name: (*name).to_owned(),
            fuel: *fuel,
            memory_bytes: *memory_bytes,
        };
        Costs {
            guardhouse: "0.1.0".to_owned(),
            plugin: "a.wasm".to_owned(),
            digest: Digest::of(b""),
            size: 1,
            code: Code::Baseline,
            load: Load { cold_us: 10, cached_us: 5 },
            starts: vec![Start {
                start: StartKind::Configure,
                runs: 1,
                p50_us,
                p99_us: p50_us,
                requests: requests.iter().map(of).collect(),
            }],
            no_image: None,
        }
    }

    #[test]
    fn a_count_that_grew_by_more_than_the_tolerance_is_worse() {
        let before = costs(100, &[("a", 1_000, 65_536)]);
        for (fuel, memory, worse, changes) in
            [(1_000, 65_536, 0, 0), (1_010, 65_536, 0, 0), (1_011, 65_536, 1, 1), (900, 131_072, 1, 2), (1, 1, 0, 2)]
        {
            let comparison = Comparison::new(&before, &costs(1_000, &[("a", fuel, memory)]), TOLERANCES).unwrap();
            let counts = comparison.changes.iter().filter(|change| change.request.is_some()).count();
            assert_eq!((comparison.worse, counts), (worse, changes), "{fuel} {memory}: {comparison}");
        }
    }

    #[test]
    fn a_time_is_worse_only_on_request() {
        let (before, now) = (costs(100, &[("a", 1, 1)]), costs(151, &[("a", 1, 1)]));
        for (slowdown, worse) in [(None, false), (Some(1.6), false), (Some(1.5), true)] {
            let comparison = Comparison::new(&before, &now, Tolerances { percent: 0.0, slowdown }).unwrap();
            assert_eq!(comparison.is_worse(), worse, "{comparison}");
        }
    }

    #[test]
    fn an_image_that_is_gone_is_worse_and_other_requests_are_not_compared() {
        let mut before = costs(100, &[("a", 1, 1), ("gone", 1, 1)]);
        before.starts.push(Start { start: StartKind::Image, ..costs(1, &[("a", 1, 1)]).starts.remove(0) });
        let comparison = Comparison::new(&before, &costs(100, &[("a", 1, 1), ("new", 9, 9)]), TOLERANCES).unwrap();
        assert_eq!(comparison.worse, 1, "{comparison}");
        assert!(
            comparison.to_string().contains("new requests: 1; requests of the baseline that were not measured: 1"),
            "{comparison}"
        );
        let other = Comparison::new(&costs(1, &[("b", 1, 1)]), &costs(1, &[("a", 1, 1)]), TOLERANCES);
        assert!(other.unwrap_err().to_string().contains("none of these requests"));
        let optimized = Costs { code: Code::Optimized, ..costs(1, &[("a", 1, 1)]) };
        let error = Comparison::new(&optimized, &costs(1, &[("a", 1, 1)]), TOLERANCES).unwrap_err().to_string();
        assert!(error.ends_with("measure both with `--optimized`"), "{error}");
    }
}
