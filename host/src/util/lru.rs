//! A set with a maximum size: the least recently used entries are evicted from memory.

use std::sync::{Arc, Mutex, Weak};

use super::lock::lock;

/// An entry that can be evicted from memory and loaded again later.
pub(crate) trait Evict: Send + Sync {
    /// The time of the last use, from any clock that never goes back, or `None` while the entry is not in memory.
    fn last_used(&self) -> Option<u64>;

    /// The memory of the entry, in bytes.
    fn bytes(&self) -> u64;

    /// Frees the memory of the entry.
    fn evict(&self);
}

/// The entries of one kind that are in memory. The set holds weak references, so a dropped entry does not count.
pub(crate) struct Lru {
    cap: usize,
    /// The number of entries that are evicted in addition to the excess, so that a full set does not evict at every
    /// addition.
    batch: usize,
    entries: Mutex<Vec<Weak<dyn Evict>>>,
}

impl Lru {
    /// An empty set for `cap` entries, at least one. A full set evicts `batch` entries more than necessary.
    pub(crate) fn new(cap: usize, batch: usize) -> Self {
        Self { cap, batch, entries: Mutex::default() }
    }

    /// Adds an entry that was just used and loaded into memory. If there are too many now, the least recently used
    /// ones are evicted.
    pub(crate) fn add<E: Evict + 'static>(&self, entry: &Arc<E>) {
        let added: Weak<dyn Evict> = Arc::downgrade(entry) as _;
        let mut entries = lock(&self.entries);
        if !entries.iter().any(|known| std::ptr::addr_eq(known.as_ptr(), added.as_ptr())) {
            entries.push(added);
        }
        if entries.len() <= self.cap {
            return;
        }
        // An entry that is freed may free its whole memory, which takes a while, so this happens outside the lock.
        let evicted = self.take_excess(&mut entries);
        drop(entries);
        for entry in evicted {
            entry.evict();
        }
    }

    /// Removes the least recently used entries if there are too many.
    fn take_excess(&self, entries: &mut Vec<Weak<dyn Evict>>) -> Vec<Arc<dyn Evict>> {
        let mut used: Vec<_> = entries
            .iter()
            .filter_map(|weak| {
                let entry = weak.upgrade()?;
                Some((entry.last_used()?, entry, weak.clone()))
            })
            .collect();
        used.sort_by_key(|(last_used, _, _)| *last_used);
        let excess = match used.len().checked_sub(self.cap) {
            None | Some(0) => 0,
            Some(excess) => excess + self.batch,
        };
        // The last entry is never evicted: it is the one that was just added.
        let excess = excess.min(used.len().saturating_sub(1));
        let evicted = used.drain(..excess).map(|(_, entry, _)| entry).collect();
        *entries = used.into_iter().map(|(_, _, weak)| weak).collect();
        evicted
    }

    /// Evicts every entry.
    pub(crate) fn evict_all(&self) {
        // Eviction may take a while, so it happens outside the lock.
        let entries: Vec<_> = lock(&self.entries).iter().filter_map(Weak::upgrade).collect();
        for entry in entries {
            entry.evict();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Entry {
        last_used: u64,
        is_resident: AtomicBool,
    }

    impl Evict for Entry {
        fn last_used(&self) -> Option<u64> {
            self.is_resident.load(Ordering::Relaxed).then_some(self.last_used)
        }

        fn bytes(&self) -> u64 {
            1
        }

        fn evict(&self) {
            self.is_resident.store(false, Ordering::Relaxed);
        }
    }

    fn entry(last_used: u64) -> Arc<Entry> {
        Arc::new(Entry { last_used, is_resident: AtomicBool::new(true) })
    }

    fn resident(entries: &[Arc<Entry>]) -> Vec<u64> {
        entries.iter().filter_map(|entry| entry.last_used()).collect()
    }

    #[test]
    fn the_least_recently_used_entry_is_evicted() {
        let lru = Lru::new(3, 0);
        let entries = [5, 1, 9, 7, 3].map(entry);
        for entry in &entries {
            lru.add(entry);
        }
        assert_eq!(resident(&entries), [5, 9, 7]);
    }

    #[test]
    fn a_full_set_evicts_a_batch() {
        let lru = Lru::new(3, 2);
        let entries = [1, 2, 3, 4].map(entry);
        for entry in &entries {
            lru.add(entry);
        }
        assert_eq!(resident(&entries), [4]);
    }

    #[test]
    fn an_entry_that_is_added_again_counts_once() {
        let lru = Lru::new(2, 0);
        let entries = [1, 2].map(entry);
        for entry in entries.iter().chain(&entries).chain(&entries) {
            lru.add(entry);
        }
        assert_eq!(resident(&entries), [1, 2]);
    }

    #[test]
    fn dropped_entries_take_no_place() {
        let lru = Lru::new(1, 0);
        lru.add(&entry(9));
        let entries = [entry(1)];
        lru.add(&entries[0]);
        assert_eq!(resident(&entries), [1]);
    }
}
