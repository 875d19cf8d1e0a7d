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

    /// One that has come, or come back. If there are too many now, a tenth of them leaves: those that were not used
    /// for the longest time.
    pub(crate) fn add(&self, resident: Weak<dyn Resident>) {
        let mut all = lock(&self.all);
        all.push(resident);
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
