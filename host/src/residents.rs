//! What is kept in memory although it could be brought back: the least recently used goes first.

use std::sync::{Mutex, Weak};

use crate::lock::lock;

/// Something that can leave memory and come back.
pub(crate) trait Resident: Send + Sync {
    /// When it was last used, in any unit that grows; none if it is not in memory.
    fn last_used(&self) -> Option<u64>;
    /// Leaves memory.
    fn leave(&self);
}

/// The residents of one kind.
pub(crate) struct Residents {
    cap: usize,
    all: Mutex<Vec<Weak<dyn Resident>>>,
}

impl Residents {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap: cap.max(1), all: Mutex::default() }
    }

    /// Everybody leaves.
    pub(crate) fn all_leave(&self) {
        // Outside the lock: to leave may take a while.
        let all: Vec<_> = lock(&self.all).iter().filter_map(Weak::upgrade).collect();
        for resident in all {
            resident.leave();
        }
    }

    /// One that has come, or come back. If there are too many now, a tenth of them leaves: those that were not used
    /// for the longest time.
    pub(crate) fn add(&self, resident: Weak<dyn Resident>) {
        let mut all = lock(&self.all);
        if !all.iter().any(|known| std::ptr::addr_eq(known.as_ptr(), resident.as_ptr())) {
            all.push(resident);
        }
        if all.len() <= self.cap {
            return;
        }
        // The newcomer has just been used.
        let mut used: Vec<_> = all
            .iter()
            .filter_map(|weak| {
                let resident = weak.upgrade()?;
                Some((resident.last_used()?, resident, weak.clone()))
            })
            .collect();
        used.sort_by_key(|(last_used, _, _)| *last_used);
        let excess = match used.len().checked_sub(self.cap) {
            None | Some(0) => 0,
            Some(excess) => excess + self.cap / 10,
        };
        for (_, resident, _) in used.drain(..excess.min(used.len().saturating_sub(1))) {
            resident.leave();
        }
        *all = used.into_iter().map(|(_, _, weak)| weak).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Tenant {
        last_used: u64,
        is_here: AtomicBool,
    }

    impl Resident for Tenant {
        fn last_used(&self) -> Option<u64> {
            self.is_here.load(Ordering::Relaxed).then_some(self.last_used)
        }

        fn leave(&self) {
            self.is_here.store(false, Ordering::Relaxed);
        }
    }

    fn tenant(last_used: u64) -> Arc<dyn Resident> {
        Arc::new(Tenant { last_used, is_here: AtomicBool::new(true) })
    }

    fn who_is_here(all: &[Arc<dyn Resident>]) -> Vec<u64> {
        all.iter().filter_map(|resident| resident.last_used()).collect()
    }

    #[test]
    fn the_least_recently_used_leaves() {
        let residents = Residents::new(3);
        let all = [5, 1, 9, 7, 3].map(tenant);
        for resident in &all {
            residents.add(Arc::downgrade(resident));
        }
        assert_eq!(who_is_here(&all), [5, 9, 7]);
    }

    #[test]
    fn one_that_comes_again_counts_once() {
        let residents = Residents::new(2);
        let all = [1, 2].map(tenant);
        for resident in all.iter().chain(&all).chain(&all) {
            residents.add(Arc::downgrade(resident));
        }
        assert_eq!(who_is_here(&all), [1, 2]);
    }

    #[test]
    fn the_dead_take_no_room() {
        let residents = Residents::new(1);
        residents.add(Arc::downgrade(&tenant(9)));
        let all = [tenant(1)];
        residents.add(Arc::downgrade(&all[0]));
        assert_eq!(who_is_here(&all), [1]);
    }
}
