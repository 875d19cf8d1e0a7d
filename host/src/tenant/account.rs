//! The account of a tenant: its budget, and what is left of it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::budget::TenantBudget;
use super::rate::Rate;
use crate::fault::{Cause, Fault};
use crate::units::{format_duration, format_size};
use crate::util::lock::lock;
use crate::util::microseconds::nanoseconds;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;

/// A budget, and what is left of it.
pub(super) struct Account {
    terms: ArcSwap<Terms>,
    /// Held while the budget is changed.
    changing: Mutex<()>,
    opened: Instant,
}

/// A budget with its buckets. They are replaced together, so that nothing is counted by the rate of another budget.
#[derive(Default)]
struct Terms {
    budget: TenantBudget,
    evaluations: Option<Rate>,
    cpu_time: Option<Rate>,
    compile_time: Option<Rate>,
}

impl Default for Account {
    fn default() -> Self {
        Self { terms: ArcSwap::default(), changing: Mutex::default(), opened: Instant::now() }
    }
}

impl Account {
    /// Replaces the budget. What was used before counts, and a debt stays the same amount; without a rate there is none.
    pub(super) fn set(&self, budget: TenantBudget, now: Instant) {
        let now = self.since_opened(now);
        let _changing = lock(&self.changing);
        let before = self.terms.load();
        self.terms.store(Arc::new(Terms::new(budget).continuing(&before, now)));
    }

    pub(super) fn budget(&self) -> TenantBudget {
        self.terms.load().budget.clone()
    }

    /// One of the bounds of the budget.
    pub(super) fn bound<T>(&self, of: impl FnOnce(&TenantBudget) -> Option<T>) -> Option<T> {
        of(&self.terms.load().budget)
    }

    /// Takes one evaluation. Returns the processor time that is left; none if it has no bound.
    ///
    /// # Errors
    /// A fault if the budget is spent. Nothing is taken then.
    pub(super) fn take_evaluation(&self, now: impl FnOnce() -> Instant) -> Result<Option<Duration>, Fault> {
        let terms = self.terms.load();
        if terms.evaluations.is_none() && terms.cpu_time.is_none() {
            return Ok(None);
        }
        let now = self.since_opened(now());
        let left = terms.cpu_time.as_ref().map(|rate| Duration::from_nanos(rate.left(now)));
        if left == Some(Duration::ZERO) {
            let found = terms.budget.cpu_time_per_second.unwrap_or_default();
            return Err(over_budget(&format!("{found:?} of processor time per second"), "cpu_time_per_second"));
        }
        match &terms.evaluations {
            Some(rate) if !rate.take_one(now) => {
                let found = terms.budget.evaluations_per_second.map_or(0, u32::from);
                Err(over_budget(&format!("{found} evaluations per second"), "evaluations_per_second"))
            }
            _ => Ok(left),
        }
    }

    /// Whether no processor time is left.
    pub(super) fn is_out_of_cpu_time(&self, now: Instant) -> bool {
        self.terms.load().cpu_time.as_ref().is_some_and(|rate| rate.left(self.since_opened(now)) == 0)
    }

    /// Takes processor time that was used.
    pub(super) fn charge_cpu_time(&self, used: Duration, now: impl FnOnce() -> Instant) {
        if let Some(rate) = &self.terms.load().cpu_time {
            rate.charge(self.since_opened(now()), nanoseconds(used));
        }
    }

    /// Whether a compilation may begin.
    ///
    /// # Errors
    /// The budget that is spent.
    pub(super) fn check_compile_time(&self, now: Instant) -> Result<(), String> {
        let terms = self.terms.load();
        match &terms.compile_time {
            Some(rate) if rate.left(self.since_opened(now)) == 0 => {
                let found = format_duration(terms.budget.compile_time_per_hour.unwrap_or_default());
                Err(spent(&format!("{found} of compilation per hour"), "compile_time_per_hour"))
            }
            _ => Ok(()),
        }
    }

    /// Takes the time of a compilation.
    pub(super) fn charge_compile_time(&self, used: Duration, now: Instant) {
        if let Some(rate) = &self.terms.load().compile_time {
            rate.charge(self.since_opened(now), nanoseconds(used));
        }
    }

    fn since_opened(&self, now: Instant) -> u64 {
        nanoseconds(now.saturating_duration_since(self.opened))
    }
}

impl Terms {
    fn new(budget: TenantBudget) -> Self {
        let evaluations = budget.evaluations_per_second.map(|per_second| {
            let burst = budget.evaluation_burst.unwrap_or(per_second);
            Rate::new(per_second.get().into(), SECOND, burst.get().into())
        });
        let cpu_time = budget.cpu_time_per_second.map(|per_second| {
            let burst = budget.cpu_time_burst.unwrap_or(per_second);
            Rate::new(nanoseconds(per_second), SECOND, nanoseconds(burst))
        });
        let per_hour = budget.compile_time_per_hour.map(nanoseconds);
        let compile_time = per_hour.map(|per_hour| Rate::new(per_hour, HOUR, per_hour));
        Self { budget, evaluations, cpu_time, compile_time }
    }

    fn continuing(self, before: &Self, now: u64) -> Self {
        let continued = |rate: Option<Rate>, before: &Option<Rate>| match before {
            Some(before) => rate.map(|rate| rate.continuing(before, now)),
            None => rate,
        };
        Self {
            evaluations: continued(self.evaluations, &before.evaluations),
            cpu_time: continued(self.cpu_time, &before.cpu_time),
            compile_time: continued(self.compile_time, &before.compile_time),
            budget: self.budget,
        }
    }
}

/// The text of a spent budget, with the field of [`TenantBudget`] that has the bound.
pub(super) fn spent(budget: &str, field: &str) -> String {
    format!("the tenant has spent its budget of {budget} (`TenantBudget::{field}`)")
}

/// Like [`spent`], for a budget in bytes.
pub(super) fn spent_bytes(bytes: u64, what: &str, field: &str) -> String {
    spent(&format!("{} of {what}", format_size(bytes)), field)
}

pub(super) fn over_budget(budget: &str, field: &str) -> Fault {
    Fault::new(Cause::OverBudget, spent(budget, field))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn account(budget: TenantBudget) -> (Account, Instant) {
        let account = Account::default();
        let start = account.opened + Duration::from_secs(1);
        account.set(budget, account.opened);
        (account, start)
    }

    fn cpu_time(per_second: Duration) -> TenantBudget {
        TenantBudget { cpu_time_per_second: Some(per_second), ..TenantBudget::default() }
    }

    #[test]
    fn a_budget_in_a_document_has_durations_and_sizes_as_text_and_no_unknown_fields() {
        let read = serde_json::from_str::<TenantBudget>;
        let text = r#"{"evaluations_per_second": 5, "cpu_time_per_second": "250ms", "memory_bytes": "1GiB"}"#;
        let budget = read(text).unwrap();
        assert_eq!((budget.evaluations_per_second, budget.evaluation_burst), (NonZeroU32::new(5), None));
        assert_eq!(budget.cpu_time_per_second, Some(Duration::from_millis(250)));
        assert_eq!((budget.memory_bytes, budget.plugin_bytes), (Some(1 << 30), None));
        let written = serde_json::to_string(&budget).unwrap();
        assert_eq!(serde_json::from_str::<TenantBudget>(&written).unwrap(), budget);
        for wrong in [
            r#"{"evaluations_per_second": 0}"#,
            r#"{"cpu_time_burst": 5}"#,
            r#"{"memory_bytes": 5}"#,
            r#"{"evaluations": 5}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_a_budget_everything_is_possible() {
        let (account, start) = account(TenantBudget::default());
        account.charge_cpu_time(Duration::MAX, || start);
        account.charge_compile_time(Duration::MAX, start);
        assert!((0..10_000).all(|_| account.take_evaluation(|| start) == Ok(None)));
        assert_eq!(account.check_compile_time(start), Ok(()));
    }

    #[test]
    fn evaluations_are_bounded_by_the_burst_and_the_rate() {
        let (account, start) = account(TenantBudget {
            evaluations_per_second: NonZeroU32::new(100),
            evaluation_burst: NonZeroU32::new(5),
            ..TenantBudget::default()
        });
        let taken = |at: Instant| (0..1_000).filter(|_| account.take_evaluation(|| at).is_ok()).count();
        assert_eq!(taken(start), 5);
        assert_eq!(taken(start + Duration::from_millis(9)), 0);
        assert_eq!(taken(start + Duration::from_millis(10)), 1);
        assert_eq!(taken(start + Duration::from_secs(60)), 5);
        let fault = account.take_evaluation(|| start + Duration::from_secs(60)).unwrap_err();
        assert_eq!(fault.cause, Cause::OverBudget);
        assert!(
            fault.detail.contains("100 evaluations per second (`TenantBudget::evaluations_per_second`)"),
            "{fault}"
        );
    }

    #[test]
    fn processor_time_beyond_the_budget_is_paid_back() {
        let (account, start) = account(cpu_time(Duration::from_millis(100)));
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(account.take_evaluation(|| at(0)), Ok(Some(Duration::from_millis(100))));
        // Three times what the bucket holds, which is a second of its fill.
        account.charge_cpu_time(Duration::from_millis(300), || at(0));
        assert_eq!(account.take_evaluation(|| at(0)).unwrap_err().cause, Cause::OverBudget);
        assert!(account.take_evaluation(|| at(2_000)).is_err());
        assert_eq!(account.take_evaluation(|| at(2_010)), Ok(Some(Duration::from_millis(1))));
    }

    #[test]
    fn the_average_holds_however_much_each_evaluation_uses() {
        let per_second = Duration::from_millis(200);
        let (account, start) = account(cpu_time(per_second));
        let (mut used, mut at) = (Duration::ZERO, start);
        for turn in 0..100_000_u64 {
            at += Duration::from_millis(1);
            if account.take_evaluation(|| at).is_ok() {
                let cost = Duration::from_micros(1 + turn * 7_919 % 50_000);
                account.charge_cpu_time(cost, || at);
                used += cost;
            }
        }
        // A hundred seconds, a burst, and the last evaluation.
        assert!(used <= per_second * 101 + Duration::from_millis(50), "{used:?}");
        assert!(used >= per_second * 100, "{used:?}");
    }

    #[test]
    fn a_budget_of_nothing_permits_nothing() {
        let (account, start) = account(cpu_time(Duration::ZERO));
        assert!(account.take_evaluation(|| start).is_err());
        account.charge_cpu_time(Duration::from_secs(1), || start);
        assert!(account.take_evaluation(|| start + Duration::from_secs(1_000)).is_err());
    }

    #[test]
    fn another_rate_changes_neither_the_debt_nor_what_is_left() {
        let (account, start) = account(cpu_time(Duration::from_millis(10)));
        let at = |ms| start + Duration::from_millis(ms);
        account.charge_cpu_time(Duration::from_millis(1_010), || at(0));
        // A debt of a second, which takes a hundred seconds at this rate, and ten at ten times the rate.
        account.set(cpu_time(Duration::from_millis(100)), at(0));
        assert!(account.take_evaluation(|| at(10_000)).is_err());
        assert_eq!(account.take_evaluation(|| at(10_010)), Ok(Some(Duration::from_millis(1))));
        account.set(cpu_time(Duration::from_millis(500)), at(10_010));
        assert_eq!(account.take_evaluation(|| at(10_010)), Ok(Some(Duration::from_millis(1))));
        // A larger budget is not full at once, and a smaller one holds less.
        account.set(cpu_time(Duration::from_micros(500)), at(10_010));
        assert_eq!(account.take_evaluation(|| at(10_010)), Ok(Some(Duration::from_micros(500))));
        account.set(TenantBudget::default(), at(10_010));
        account.set(cpu_time(Duration::from_millis(500)), at(10_010));
        assert_eq!(
            account.take_evaluation(|| at(10_010)),
            Ok(Some(Duration::from_millis(500))),
            "a new budget is full"
        );
    }

    #[test]
    fn compilations_are_bounded_by_the_hour() {
        let budget = TenantBudget { compile_time_per_hour: Some(Duration::from_secs(60)), ..TenantBudget::default() };
        let (account, start) = account(budget);
        assert_eq!(account.check_compile_time(start), Ok(()));
        account.charge_compile_time(Duration::from_secs(61), start);
        let spent = account.check_compile_time(start + Duration::from_secs(60)).unwrap_err();
        assert!(spent.contains("1min of compilation per hour (`TenantBudget::compile_time_per_hour`)"), "{spent}");
        assert_eq!(account.check_compile_time(start + Duration::from_secs(61)), Ok(()));
    }
}
