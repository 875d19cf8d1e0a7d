//! The budget of a tenant: what its checks may use together, on average.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use super::rate::{Bucket, nanoseconds};
use crate::fault::{Cause, Fault};
use crate::units::optional_duration;

const SECOND: u64 = 1_000_000_000;

/// What the checks of a tenant may use together, on average over time, set by
/// [`Tenant::set_budget`](crate::Tenant::set_budget). An evaluation of a tenant that has spent its budget fails with
/// [`Cause::OverBudget`] before it takes an instance or waits for anything, so that it takes nothing from others. `None`
/// means no bound, and is the default of everything.
///
/// ```
/// use guardhouse::{Host, TenantBudget};
/// use std::num::NonZeroU32;
/// use std::time::Duration;
///
/// let host = Host::new()?;
/// host.tenant("acme").set_budget(TenantBudget {
///     evaluations_per_second: NonZeroU32::new(1_000),
///     cpu_time_per_second: Some(Duration::from_millis(250)),
///     ..TenantBudget::default()
/// });
/// # Ok::<(), guardhouse::HostError>(())
/// ```
///
/// In documents it is written like [`Limits`](crate::Limits): every field may be left out, an unknown field is an error, and
/// durations have their [text form](crate::units).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantBudget {
    /// Evaluations per second.
    pub evaluations_per_second: Option<NonZeroU32>,
    /// The evaluations that are possible at once after a pause. `None` means those of one second.
    pub evaluation_burst: Option<NonZeroU32>,
    /// Processor time per second; more than a second is more than one processor. An evaluation may begin while any of it
    /// is left, and what it uses beyond is paid back before the next one. Zero permits nothing.
    #[serde(with = "optional_duration")]
    pub cpu_time_per_second: Option<Duration>,
    /// The processor time that can be used at once after a pause. `None` means that of one second.
    #[serde(with = "optional_duration")]
    pub cpu_time_burst: Option<Duration>,
}

/// A budget, and what is left of it.
pub(super) struct Account {
    budget: ArcSwap<TenantBudget>,
    evaluations: Bucket,
    cpu_time: Bucket,
    opened: Instant,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            budget: ArcSwap::default(),
            evaluations: Bucket::default(),
            cpu_time: Bucket::default(),
            opened: Instant::now(),
        }
    }
}

impl Account {
    pub(super) fn set(&self, budget: TenantBudget) {
        self.budget.store(budget.into());
    }

    pub(super) fn budget(&self) -> TenantBudget {
        TenantBudget::clone(&self.budget.load())
    }

    /// Takes one evaluation.
    ///
    /// # Errors
    /// A fault if the budget is spent. Nothing is taken then.
    pub(super) fn take_evaluation(&self, now: Instant) -> Result<(), Fault> {
        let now = self.since_opened(now);
        let budget = self.budget.load();
        if let Some(per_second) = budget.cpu_time_per_second
            && self.cpu_time.is_empty(now, fill_time(budget.cpu_time_burst.unwrap_or(per_second), per_second))
        {
            let field = "`TenantBudget::cpu_time_per_second`";
            return Err(over_budget(&format!("{per_second:?} of processor time per second ({field})")));
        }
        if let Some(per_second) = budget.evaluations_per_second {
            let cost = SECOND / u64::from(per_second.get());
            let burst = cost.saturating_mul(budget.evaluation_burst.unwrap_or(per_second).get().into());
            if !self.evaluations.take(now, cost, burst) {
                let field = "`TenantBudget::evaluations_per_second`";
                return Err(over_budget(&format!("{per_second} evaluations per second ({field})")));
            }
        }
        Ok(())
    }

    /// Takes the processor time that an evaluation has used.
    pub(super) fn charge_cpu_time(&self, used: Duration, now: Instant) {
        if let Some(per_second) = self.budget.load().cpu_time_per_second {
            self.cpu_time.charge(self.since_opened(now), fill_time(used, per_second));
        }
    }

    fn since_opened(&self, now: Instant) -> u64 {
        nanoseconds(now.saturating_duration_since(self.opened))
    }
}

/// The time in nanoseconds in which a bucket that gets `per_second` gets `time`.
fn fill_time(time: Duration, per_second: Duration) -> u64 {
    let per_second = per_second.as_nanos();
    match (time.as_nanos() * u128::from(SECOND)).checked_div(per_second) {
        Some(fill_time) => u64::try_from(fill_time).unwrap_or(u64::MAX),
        // A bucket that gets nothing holds nothing.
        None => 0,
    }
}

fn over_budget(budget: &str) -> Fault {
    Fault::new(Cause::OverBudget, format!("the tenant has spent its budget of {budget}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(budget: TenantBudget) -> (Account, Instant) {
        let account = Account::default();
        account.set(budget);
        let start = account.opened + Duration::from_secs(1);
        (account, start)
    }

    #[test]
    fn a_budget_in_a_document_has_durations_as_text_and_no_unknown_fields() {
        let read = serde_json::from_str::<TenantBudget>;
        let budget = read(r#"{"evaluations_per_second": 5, "cpu_time_per_second": "250ms"}"#).unwrap();
        assert_eq!((budget.evaluations_per_second, budget.evaluation_burst), (NonZeroU32::new(5), None));
        assert_eq!(budget.cpu_time_per_second, Some(Duration::from_millis(250)));
        for wrong in [r#"{"evaluations_per_second": 0}"#, r#"{"cpu_time_burst": 5}"#, r#"{"evaluations": 5}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_a_budget_everything_is_possible() {
        let (account, start) = account(TenantBudget::default());
        account.charge_cpu_time(Duration::MAX, start);
        assert!((0..10_000).all(|_| account.take_evaluation(start).is_ok()));
    }

    #[test]
    fn evaluations_are_bounded_by_the_burst_and_the_rate() {
        let (account, start) = account(TenantBudget {
            evaluations_per_second: NonZeroU32::new(100),
            evaluation_burst: NonZeroU32::new(5),
            ..TenantBudget::default()
        });
        let taken = |at: Instant| (0..1_000).filter(|_| account.take_evaluation(at).is_ok()).count();
        assert_eq!(taken(start), 5);
        assert_eq!(taken(start + Duration::from_millis(9)), 0);
        assert_eq!(taken(start + Duration::from_millis(10)), 1);
        assert_eq!(taken(start + Duration::from_secs(60)), 5);
        let fault = account.take_evaluation(start + Duration::from_secs(60)).unwrap_err();
        assert_eq!(fault.cause, Cause::OverBudget);
        assert!(
            fault.detail.contains("100 evaluations per second (`TenantBudget::evaluations_per_second`)"),
            "{fault}"
        );
    }

    #[test]
    fn processor_time_beyond_the_budget_is_paid_back() {
        let (account, start) =
            account(TenantBudget { cpu_time_per_second: Some(Duration::from_millis(100)), ..TenantBudget::default() });
        let at = |ms| start + Duration::from_millis(ms);
        assert!(account.take_evaluation(at(0)).is_ok());
        // Three times what the bucket holds, which is a second of its fill.
        account.charge_cpu_time(Duration::from_millis(300), at(0));
        assert_eq!(account.take_evaluation(at(0)).unwrap_err().cause, Cause::OverBudget);
        assert!(account.take_evaluation(at(2_000)).is_err());
        assert!(account.take_evaluation(at(2_001)).is_ok());
    }

    #[test]
    fn the_average_holds_however_much_each_evaluation_uses() {
        let per_second = Duration::from_millis(200);
        let (account, start) =
            account(TenantBudget { cpu_time_per_second: Some(per_second), ..TenantBudget::default() });
        let (mut used, mut at) = (Duration::ZERO, start);
        for turn in 0..100_000_u64 {
            at += Duration::from_millis(1);
            if account.take_evaluation(at).is_ok() {
                let cost = Duration::from_micros(1 + turn * 7_919 % 50_000);
                account.charge_cpu_time(cost, at);
                used += cost;
            }
        }
        // A hundred seconds, a burst, and the last evaluation.
        assert!(used <= per_second * 101 + Duration::from_millis(50), "{used:?}");
        assert!(used >= per_second * 100, "{used:?}");
    }

    #[test]
    fn a_budget_of_nothing_permits_nothing() {
        let (account, start) =
            account(TenantBudget { cpu_time_per_second: Some(Duration::ZERO), ..TenantBudget::default() });
        assert!(account.take_evaluation(start).is_err());
        account.charge_cpu_time(Duration::from_secs(1), start);
        assert!(account.take_evaluation(start + Duration::from_secs(1_000)).is_err());
    }
}
