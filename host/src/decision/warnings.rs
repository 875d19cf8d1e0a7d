//! The rate of warnings: a check that fails at every request does not fill the operator's log.
//!
//! Each check has a number of warnings per second. Further ones are left out, and counted: the next warning of the check
//! says how many were left out before it. The record of each decision (rule S8) is never left out.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::digest::Digest;
use crate::util::lock::lock;

/// The warnings of one check in one [`INTERVAL`].
const WARNINGS: u32 = 10;

const INTERVAL: Duration = Duration::from_secs(1);

/// The number of checks with a count of their own. All others share one.
const CHECKS: usize = 1_024;

/// The counts of all checks of this process.
#[derive(Default)]
pub(super) struct Warnings(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    checks: HashMap<Digest, Count>,
    /// The count of the checks that have none of their own.
    others: Count,
}

/// The warnings of one check since the start of its interval.
#[derive(Default)]
struct Count {
    start: Option<Instant>,
    logged: u32,
    left_out: u64,
}

impl Warnings {
    /// Counts a warning of a check. Returns how many were left out since the last one, or `None` if this one is to be
    /// left out too.
    pub(super) fn count(&self, check: Digest, now: Instant) -> Option<u64> {
        lock(&self.0).of(check, now).add(now)
    }
}

impl Counts {
    fn of(&mut self, check: Digest, now: Instant) -> &mut Count {
        if self.checks.len() >= CHECKS && !self.checks.contains_key(&check) {
            let Self { checks, others } = self;
            checks.retain(|_, count| {
                let is_current = count.is_current(now);
                others.left_out += if is_current { 0 } else { count.left_out };
                is_current
            });
            if checks.len() >= CHECKS {
                return others;
            }
        }
        self.checks.entry(check).or_default()
    }
}

impl Count {
    fn is_current(&self, now: Instant) -> bool {
        self.start.is_some_and(|start| now.saturating_duration_since(start) < INTERVAL)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: usize) -> Digest {
        Digest::of(number.to_string())
    }

    #[test]
    fn each_check_has_ten_warnings_a_second_and_the_next_one_says_how_many_were_left_out() {
        let (warnings, start) = (Warnings::default(), Instant::now());
        let at = |milliseconds, number| warnings.count(check(number), start + Duration::from_millis(milliseconds));
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
        let (warnings, start) = (Warnings::default(), Instant::now());
        let mut reported = 0;
        let mut logged = 0;
        let mut count = |number, now| {
            if let Some(left_out) = warnings.count(check(number), now) {
                (reported, logged) = (reported + left_out, logged + 1);
            }
        };
        for number in 0..3 * CHECKS {
            for _ in 0..20 {
                count(number, start);
            }
        }
        assert_eq!(lock(&warnings.0).checks.len(), CHECKS);
        let later = start + INTERVAL;
        count(3 * CHECKS, later);
        assert_eq!(lock(&warnings.0).checks.len(), 1);
        // The checks without a count of their own report what was left out, of themselves and of forgotten checks, up to
        // the last warning that was logged.
        for number in 0..2 * CHECKS {
            count(number, later);
        }
        let pending = lock(&warnings.0).others.left_out;
        assert_eq!(pending, 2 * CHECKS as u64 - (CHECKS as u64 - 1) - 10);
        assert_eq!(reported + logged + pending, 60 * CHECKS as u64 + 1 + 2 * CHECKS as u64);
    }
}
