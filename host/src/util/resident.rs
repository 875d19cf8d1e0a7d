//! The entries of one owner that are in memory, counted in bytes: beyond a cap, the least recently used ones are evicted.

use std::sync::{Arc, Mutex, Weak};

use super::lock::lock;
use super::lru::Evict;

/// The entries of one owner. The set holds weak references, so a dropped entry does not count.
#[derive(Default)]
pub(crate) struct Resident(Mutex<Vec<Weak<dyn Evict>>>);

impl Resident {
    /// Adds an entry that was just used and loaded into memory. If all entries together have more than `cap` bytes now,
    /// the least recently used ones are evicted; the added one never is.
    pub(crate) fn add<E: Evict + 'static>(&self, entry: &Arc<E>, cap: Option<u64>) {
        let added: Weak<dyn Evict> = Arc::downgrade(entry) as _;
        let is_added = |known: &Weak<dyn Evict>| std::ptr::addr_eq(known.as_ptr(), added.as_ptr());
        let mut entries = lock(&self.0);
        if !entries.iter().any(is_added) {
            if entries.len() == entries.capacity() {
                entries.retain(|entry| entry.strong_count() > 0);
            }
            entries.push(added.clone());
        }
        let Some(cap) = cap else { return };
        let mut used: Vec<_> = entries
            .iter()
            .filter(|known| !is_added(known))
            .filter_map(Weak::upgrade)
            .filter_map(|entry| Some((entry.last_used()?, entry.bytes(), entry)))
            .collect();
        // Eviction may take a while, so it happens outside the lock.
        drop(entries);
        used.sort_by_key(|(last_used, _, _)| *last_used);
        let mut bytes = used.iter().fold(entry.bytes(), |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        for (_, freed, entry) in used {
            if bytes <= cap {
                return;
            }
            entry.evict();
            bytes = bytes.saturating_sub(freed);
        }
    }

    /// The bytes of all entries that are in memory.
    pub(crate) fn bytes(&self) -> u64 {
        let entries: Vec<_> = lock(&self.0).iter().filter_map(Weak::upgrade).collect();
        let resident = entries.iter().filter(|entry| entry.last_used().is_some());
        resident.fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Entry {
        last_used: u64,
        bytes: u64,
        is_resident: AtomicBool,
    }

    impl Evict for Entry {
        fn last_used(&self) -> Option<u64> {
            self.is_resident.load(Ordering::Relaxed).then_some(self.last_used)
        }

        fn bytes(&self) -> u64 {
            self.bytes
        }

        fn evict(&self) {
            self.is_resident.store(false, Ordering::Relaxed);
        }
    }

    fn entry(last_used: u64, bytes: u64) -> Arc<Entry> {
        Arc::new(Entry { last_used, bytes, is_resident: AtomicBool::new(true) })
    }

    #[test]
    fn the_least_recently_used_entries_are_evicted_until_the_rest_fits() {
        let resident = Resident::default();
        let entries = [(5, 10), (1, 40), (9, 30), (3, 1)].map(|(last_used, bytes)| entry(last_used, bytes));
        for entry in &entries {
            resident.add(entry, None);
        }
        assert_eq!(resident.bytes(), 81);
        let last = entry(2, 20);
        resident.add(&last, Some(60));
        let evicted: Vec<u64> =
            entries.iter().filter(|entry| entry.last_used().is_none()).map(|entry| entry.last_used).collect();
        assert_eq!((evicted, resident.bytes()), (vec![1, 3], 60));
    }

    #[test]
    fn the_added_entry_stays_also_if_it_alone_is_too_large() {
        let resident = Resident::default();
        let (first, second) = (entry(9, 10), entry(1, 100));
        resident.add(&first, Some(50));
        resident.add(&second, Some(50));
        assert_eq!((first.last_used(), second.last_used()), (None, Some(1)));
    }

    #[test]
    fn dropped_entries_do_not_fill_memory_and_an_entry_that_is_added_again_counts_once() {
        let resident = Resident::default();
        for number in 0..10_000 {
            resident.add(&entry(number, 1), None);
        }
        assert!(lock(&resident.0).len() < 100);
        let kept = entry(1, 7);
        resident.add(&kept, None);
        resident.add(&kept, None);
        assert_eq!(resident.bytes(), 7);
    }
}
