//! A quantity that a tenant holds now, which may have a bound.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub(super) struct Level(AtomicU64);

impl Level {
    /// Adds `amount`. Returns `false` if the sum would be over `cap`; nothing is added then.
    pub(super) fn add(&self, amount: u64, cap: Option<u64>) -> bool {
        let added = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(amount).filter(|held| cap.is_none_or(|cap| *held <= cap))
        });
        added.is_ok()
    }

    /// Removes an amount that was added.
    pub(super) fn remove(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_never_exceeds_its_cap_and_returns_to_zero() {
        let level = Level::default();
        let added = std::thread::scope(|scope| {
            let add = || (0..1_000).filter(|_| level.add(3, Some(1_000))).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(add)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!((added, level.get()), (333, 999));
        assert!(!level.add(u64::MAX, None), "it would overflow");
        assert!(level.add(1, Some(1_000)));
        (0..333).for_each(|_| level.remove(3));
        assert_eq!(level.get(), 1);
    }
}
