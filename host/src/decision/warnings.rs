//! The rate of warnings: a check that fails at every request does not fill the operator's log.
//!
//! Each check has a number of warnings per second. Further ones are left out, and counted: the next warning of the check
//! says how many were left out before it. The record of each decision (rule S8) is never left out.
//!
//! The counts take bounded memory. A tenant with more failing checks than it may have counts for lets some of its own
//! checks share one, and takes nothing from other tenants.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::digest::Digest;
use crate::outcome::{CheckReport, Identity};
use crate::util::lock::lock;

/// The warnings of one check in one [`INTERVAL`].
const WARNINGS: u32 = 10;

const INTERVAL: Duration = Duration::from_secs(1);

/// The number of tenants with counts of their own, and of checks of each tenant. All others share one count.
const TENANTS: usize = 256;
const CHECKS: usize = 256;

/// The rate of the warnings about failed checks, for a program that writes them from [reports](crate::Report) itself: at
/// most ten of each check in a second.
///
/// The host itself logs such warnings through `tracing`, at the same rate.
#[derive(Default)]
pub struct WarningRate(Mutex<Counts<Counts<Count>>>);

impl WarningRate {
    /// Counts a warning about a check. Returns the number of warnings that were left out since the last one about the
    /// check, or `None` if this one is to be left out too.
    pub fn count(&self, check: &CheckReport) -> Option<u64> {
        let Identity { tenant, plugin, settings, .. } = &check.identity;
        let [plugin, settings] = [plugin, settings].map(|digest| digest.as_ref().map_or(&[][..], Digest::as_bytes));
        let of_check = Digest::of_parts([check.id.as_bytes(), plugin, settings]);
        self.count_at(Digest::of(tenant.as_deref().unwrap_or_default()), of_check, Instant::now())
    }

    fn count_at(&self, tenant: Digest, check: Digest, now: Instant) -> Option<u64> {
        lock(&self.0).of(tenant, TENANTS, now).of(check, CHECKS, now).add(now)
    }
}

impl std::fmt::Debug for WarningRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WarningRate").finish_non_exhaustive()
    }
}

/// The counts by key, and one for all keys that have none of their own.
#[derive(Default)]
struct Counts<T> {
    by_key: HashMap<Digest, T>,
    others: Box<Option<T>>,
}

/// A count of warnings, or several.
trait Counter: Default {
    /// Whether it counts warnings of the current interval.
    fn is_current(&self, now: Instant) -> bool;

    /// The number of warnings that were left out, and not reported yet.
    fn left_out(&self) -> u64;

    /// Adds warnings that were left out.
    fn leave_out(&mut self, count: u64);
}

impl<T: Counter> Counts<T> {
    /// The count of a key. With `cap` keys, those whose interval is over are removed; what they left out is reported
    /// with the others.
    fn of(&mut self, key: Digest, cap: usize, now: Instant) -> &mut T {
        let Self { by_key, others } = self;
        if by_key.len() >= cap && !by_key.contains_key(&key) {
            let mut left_out = 0;
            by_key.retain(|_, count| {
                let is_current = count.is_current(now);
                left_out += if is_current { 0 } else { count.left_out() };
                is_current
            });
            let others = others.get_or_insert_default();
            others.leave_out(left_out);
            if by_key.len() >= cap {
                return others;
            }
        }
        by_key.entry(key).or_default()
    }
}

impl<T: Counter> Counter for Counts<T> {
    fn is_current(&self, now: Instant) -> bool {
        self.by_key.values().chain(&*self.others).any(|count| count.is_current(now))
    }

    fn left_out(&self) -> u64 {
        self.by_key.values().chain(&*self.others).map(T::left_out).sum()
    }

    fn leave_out(&mut self, count: u64) {
        self.others.get_or_insert_default().leave_out(count);
    }
}

/// The warnings of one check since the start of its interval.
#[derive(Default)]
struct Count {
    start: Option<Instant>,
    logged: u32,
    left_out: u64,
}

impl Count {
    fn add(&mut self, now: Instant) -> Option<u64> {
        if !self.is_current(now) {
            (self.start, self.logged) = (Some(now), 0);
        }
        if self.logged >= WARNINGS {
            self.left_out += 1;
            return None;
        }
        self.logged += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Counter for Count {
    fn is_current(&self, now: Instant) -> bool {
        self.start.is_some_and(|start| now.saturating_duration_since(start) < INTERVAL)
    }

    fn left_out(&self) -> u64 {
        self.left_out
    }

    fn leave_out(&mut self, count: u64) {
        self.left_out += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        Digest::of(number.to_string())
    }

    #[test]
    fn each_check_has_ten_warnings_a_second_and_the_next_one_says_how_many_were_left_out() {
        let (warnings, start) = (WarningRate::default(), Instant::now());
        let at = |milliseconds, number| {
            warnings.count_at(digest(0), digest(number), start + Duration::from_millis(milliseconds))
        };
        let logged: Vec<u64> = (0..1_000).filter_map(|time| at(time, 1)).collect();
        assert_eq!(logged, [0; 10]);
        // Another check is not affected.
        assert_eq!(at(999, 2), Some(0));
        let logged: Vec<u64> = (1_000..2_000).filter_map(|time| at(time, 1)).collect();
        assert_eq!(logged, [990, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        // However long the check was quiet.
        assert_eq!(at(3_600_000, 1), Some(990));
        assert_eq!(at(3_600_000, 1), Some(0));
    }

    #[test]
    fn the_counts_take_bounded_memory_and_lose_nothing() {
        let (warnings, start) = (WarningRate::default(), Instant::now());
        let (mut counted, mut accounted) = (0, 0);
        // A warning, and those that it says were left out.
        let count = |tenant, check, now| {
            let logged = warnings.count_at(digest(tenant), digest(check), now);
            (1, logged.map_or(0, |left_out| 1 + left_out))
        };
        let mut add = |(one, of_it)| (counted, accounted) = (counted + one, accounted + of_it);
        for tenant in 0..TENANTS + 10 {
            for check in 0..3 * CHECKS {
                add(count(tenant, check, start));
            }
        }
        for check in 0..CHECKS {
            for _ in 0..20 {
                add(count(7, check, start + INTERVAL));
            }
        }
        {
            let counts = lock(&warnings.0);
            assert_eq!(counts.by_key.len(), TENANTS);
            assert!(counts.by_key.values().all(|checks| checks.by_key.len() <= CHECKS));
        }
        // Once their interval is over, tenants make room for others.
        add(count(TENANTS + 20, 1, start + 3 * INTERVAL));
        let counts = lock(&warnings.0);
        assert_eq!(counts.by_key.len(), 1);
        assert_eq!(accounted + counts.left_out(), counted);
    }

    #[test]
    fn the_failing_checks_of_one_tenant_take_no_warnings_from_another() {
        let (warnings, now) = (WarningRate::default(), Instant::now());
        for check in 0..100_000 {
            warnings.count_at(digest(1), digest(check), now);
        }
        let logged: Vec<u64> = (0..100).filter_map(|_| warnings.count_at(digest(2), digest(1), now)).collect();
        assert_eq!(logged, [0; 10]);
    }
}
