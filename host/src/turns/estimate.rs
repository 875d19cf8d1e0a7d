//! Estimates of what a turn costs.

use std::sync::atomic::{AtomicU64, Ordering};

/// The moving average of the costs of turns, in nanoseconds. It decides only who is charged first within a tick, and a
/// wrong one is corrected at the end of the turn.
#[derive(Debug, Default)]
pub(crate) struct Estimate(AtomicU64);

impl Estimate {
    /// The average, or `None` if no cost is known.
    pub(crate) fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|known| *known > 0)
    }

    /// Adds a cost, which counts for one eighth. If two threads race, one of the costs is lost.
    pub(crate) fn learn(&self, cost: u64) {
        let cost = cost.max(1);
        let average = self.get().map_or(cost, |known| known - known / 8 + cost / 8);
        self.0.store(average.max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_begins_with_the_first_cost_and_follows_the_others() {
        let estimate = Estimate::default();
        assert_eq!(estimate.get(), None);
        estimate.learn(800);
        assert_eq!(estimate.get(), Some(800));
        estimate.learn(1_600);
        assert_eq!(estimate.get(), Some(900));
        for _ in 0..100 {
            estimate.learn(0);
        }
        assert!(estimate.get().is_some_and(|known| known < 8));
    }
}
