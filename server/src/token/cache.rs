//! A cache by tenant and digest of a token: bounded for each tenant, and for all together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use guardhouse::Digest;

use crate::lock::lock;

/// What a cache may hold. An entry counts with [`ENTRY_BYTES`] beside its own bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct CacheLimits {
    /// The entries of one tenant.
    pub(super) entries: usize,
    /// The bytes of one tenant.
    pub(super) bytes: usize,
    /// The bytes of all tenants.
    pub(super) all_bytes: usize,
}

/// What an entry takes beside its value, in bytes.
pub(super) const ENTRY_BYTES: usize = 256;

/// A cache. Each tenant has a part of its own: new entries take the place of older ones of the same tenant, and only if
/// all together have too many, of those of the tenant that has most.
#[derive(Debug)]
pub(super) struct Cache<V> {
    parts: RwLock<HashMap<Box<str>, Mutex<Part<V>>>>,
    limits: CacheLimits,
    /// The bytes of all parts.
    bytes: AtomicUsize,
}

/// The entries of a tenant in two generations: when the younger one is half of what the tenant may have, the older one is
/// dropped. An entry that is used moves to the younger one.
#[derive(Debug)]
struct Part<V> {
    young: Generation<V>,
    old: Generation<V>,
}

#[derive(Debug)]
struct Generation<V> {
    entries: HashMap<Digest, (V, usize)>,
    bytes: usize,
}

impl<V: Clone> Cache<V> {
    pub(super) fn new(limits: CacheLimits) -> Self {
        Self { parts: RwLock::default(), limits, bytes: AtomicUsize::new(0) }
    }

    /// The value of a token, if there is one that `is_valid` accepts. Any other is dropped.
    pub(super) fn get(&self, tenant: &str, digest: &Digest, is_valid: impl Fn(&V) -> bool) -> Option<V> {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let part = &mut *lock(parts.get(tenant)?);
        if let Some((value, _)) = part.young.entries.get(digest).filter(|(value, _)| is_valid(value)) {
            return Some(value.clone());
        }
        let before = part.bytes();
        part.young.take(digest);
        let found = part.old.take(digest).filter(|(value, _)| is_valid(value));
        let value = found.as_ref().map(|(value, _)| value.clone());
        if let Some((value, bytes)) = found {
            part.add(*digest, value, bytes, &self.limits);
        }
        self.changed(before, part.bytes());
        value
    }

    /// Keeps a value of `bytes` bytes, if it fits.
    pub(super) fn insert(&self, tenant: &str, digest: Digest, value: V, bytes: usize) {
        let bytes = bytes.saturating_add(ENTRY_BYTES);
        if bytes > self.limits.bytes / 2 {
            return;
        }
        let add = |part: &Mutex<Part<V>>, value: V| {
            let part = &mut *lock(part);
            let before = part.bytes();
            part.add(digest, value, bytes, &self.limits);
            self.changed(before, part.bytes());
        };
        // A part is changed only while it is in the map: the bytes of one that was removed would never be given back.
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = parts.get(tenant) {
            add(part, value);
            drop(parts);
        } else {
            drop(parts);
            let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
            if parts.len() >= self.limits.all_bytes / ENTRY_BYTES {
                parts.retain(|_, part| lock(part).bytes() > 0);
            }
            add(parts.entry(tenant.into()).or_default(), value);
        }
        while self.bytes.load(Ordering::Relaxed) > self.limits.all_bytes && self.shrink() {}
    }

    /// Drops all entries that `keep` does not accept.
    pub(super) fn retain(&self, keep: impl Fn(&str, &V) -> bool) {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|tenant, part| {
            let part = &mut *lock(part);
            let before = part.bytes();
            for generation in [&mut part.young, &mut part.old] {
                generation.entries.retain(|_, (value, _)| keep(tenant, value));
                generation.bytes = generation.entries.values().map(|(_, bytes)| bytes).sum();
            }
            self.changed(before, part.bytes());
            part.bytes() > 0
        });
    }

    /// The bytes of all entries.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Drops half of the entries of the tenant that has most; whether there were any.
    fn shrink(&self) -> bool {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let largest = parts.iter().max_by_key(|(_, part)| lock(part).bytes()).map(|(tenant, _)| tenant.clone());
        let Some(tenant) = largest else { return false };
        let Some(part) = parts.get(&tenant) else { return false };
        let (before, after) = {
            let part = &mut *lock(part);
            let before = part.bytes();
            if part.old.bytes > 0 {
                part.old = Generation::default()
            } else {
                part.young = Generation::default()
            }
            (before, part.bytes())
        };
        self.changed(before, after);
        if after == 0 {
            parts.remove(&tenant);
        }
        before > 0
    }

    fn changed(&self, before: usize, after: usize) {
        if after > before {
            self.bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}

impl<V> Part<V> {
    fn bytes(&self) -> usize {
        self.young.bytes + self.old.bytes
    }

    fn add(&mut self, digest: Digest, value: V, bytes: usize, limits: &CacheLimits) {
        self.old.take(&digest);
        self.young.take(&digest);
        let is_full = self.young.bytes + bytes > limits.bytes / 2 || self.young.entries.len() >= limits.entries / 2;
        if is_full {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.bytes += bytes;
        self.young.entries.insert(digest, (value, bytes));
    }
}

impl<V> Generation<V> {
    fn take(&mut self, digest: &Digest) -> Option<(V, usize)> {
        let taken = self.entries.remove(digest)?;
        self.bytes = self.bytes.saturating_sub(taken.1);
        Some(taken)
    }
}

impl<V> Default for Part<V> {
    fn default() -> Self {
        Self { young: Generation::default(), old: Generation::default() }
    }
}

impl<V> Default for Generation<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), bytes: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CacheLimits = CacheLimits { entries: 8, bytes: 100_000, all_bytes: 1_000_000 };

    fn digest(number: usize) -> Digest {
        Digest::of(number.to_be_bytes())
    }

    fn held(cache: &Cache<usize>, tenant: &str, numbers: std::ops::Range<usize>) -> usize {
        numbers.filter(|number| cache.get(tenant, &digest(*number), |_| true) == Some(*number)).count()
    }

    #[test]
    fn a_flood_of_one_tenant_leaves_the_entries_of_another() {
        let cache = Cache::new(LIMITS);
        for number in 0..4 {
            cache.insert("calm", digest(number), number, 0);
        }
        for number in 0..10_000 {
            cache.insert("loud", digest(number), number, 0);
        }
        assert_eq!(held(&cache, "calm", 0..4), 4);
        let left = held(&cache, "loud", 9_990..10_000);
        assert!((4..=8).contains(&left), "{left}");
        assert!(cache.bytes() <= 12 * ENTRY_BYTES);
    }

    #[test]
    fn an_entry_that_is_used_stays() {
        let cache = Cache::new(LIMITS);
        for number in 0..1_000 {
            cache.insert("a", digest(number), number, 0);
            assert_eq!(cache.get("a", &digest(0), |_| true), Some(0), "{number}");
        }
    }

    #[test]
    fn all_tenants_together_are_bounded_and_the_largest_pays() {
        let limits = CacheLimits { entries: 100, bytes: 100 * ENTRY_BYTES, all_bytes: 150 * ENTRY_BYTES };
        let cache = Cache::new(limits);
        cache.insert("calm", digest(0), 0, 0);
        for number in 0..3_000 {
            cache.insert(["one", "two", "three"][number % 3], digest(number), number, 0);
            assert!(cache.bytes() <= limits.all_bytes);
        }
        assert_eq!(held(&cache, "calm", 0..1), 1);
        for number in 0..3_000 {
            cache.insert(&format!("tenant-{number}"), digest(number), number, 0);
            assert!(cache.bytes() <= limits.all_bytes);
        }
        assert!(cache.parts.read().unwrap().len() <= 151);
    }

    #[test]
    fn an_entry_that_is_not_valid_is_dropped() {
        let cache = Cache::new(LIMITS);
        for number in 0..6 {
            cache.insert("a", digest(number), number, 10);
            cache.insert("b", digest(number), number, 10);
        }
        for number in 0..6 {
            assert_eq!(cache.get("a", &digest(number), |_| false), None);
            assert_eq!(cache.get("a", &digest(number), |_| true), None);
        }
        cache.retain(|tenant, number| tenant == "b" && *number == 5);
        assert_eq!((held(&cache, "b", 0..6), cache.bytes()), (1, ENTRY_BYTES + 10));
        // What is larger than a generation is not kept.
        cache.insert("a", digest(9), 9, LIMITS.bytes / 2);
        assert_eq!(held(&cache, "a", 9..10), 0);
    }
}
