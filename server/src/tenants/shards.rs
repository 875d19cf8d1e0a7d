//! A map that is read without waiting: each shard is an immutable map behind one pointer.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use arc_swap::ArcSwap;

use crate::lock::lock;
use crate::tenant_name::TenantName;

/// The number of shards. A change copies one shard, which is 40 entries of 10,000.
const SHARDS: usize = 256;

/// Values by tenant. Readers take no lock; writers copy one shard, one writer at a time.
#[derive(Debug)]
pub(super) struct Shards<V> {
    hasher: RandomState,
    shards: Vec<ArcSwap<Shard<V>>>,
    writing: Mutex<()>,
}

type Shard<V> = HashMap<TenantName, V>;

impl<V> Default for Shards<V> {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| ArcSwap::default()).collect();
        Self { hasher: RandomState::new(), shards, writing: Mutex::default() }
    }
}

impl<V: Clone> Shards<V> {
    pub(super) fn get(&self, tenant: &str) -> Option<V> {
        self.shard(tenant)?.load().get(tenant).cloned()
    }

    /// The value of a tenant: the existing one, or the one that `make` returns.
    pub(super) fn get_or_insert(&self, tenant: &TenantName, make: impl FnOnce() -> V) -> V {
        let _writing = lock(&self.writing);
        if let Some(existing) = self.get(tenant.as_str()) {
            return existing;
        }
        let value = make();
        if let Some(shard) = self.shard(tenant.as_str()) {
            let mut copy = Shard::clone(&shard.load());
            copy.insert(tenant.clone(), value.clone());
            shard.store(copy.into());
        }
        value
    }

    pub(super) fn remove(&self, tenant: &str) -> Option<V> {
        let _writing = lock(&self.writing);
        let shard = self.shard(tenant)?;
        let mut copy = Shard::clone(&shard.load());
        let removed = copy.remove(tenant)?;
        shard.store(copy.into());
        Some(removed)
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    /// All values, in no particular order.
    pub(super) fn values(&self) -> Vec<V> {
        self.shards.iter().flat_map(|shard| shard.load().values().cloned().collect::<Vec<_>>()).collect()
    }

    /// The shard of a tenant, which always exists.
    fn shard(&self, tenant: &str) -> Option<&ArcSwap<Shard<V>>> {
        let hash = usize::try_from(self.hasher.hash_one(tenant) % SHARDS as u64).unwrap_or_default();
        self.shards.get(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(index: usize) -> TenantName {
        format!("t{index}").parse().unwrap()
    }

    #[test]
    fn a_value_is_found_until_it_is_removed() {
        let shards = Shards::default();
        for index in 0..1_000 {
            assert_eq!(shards.get_or_insert(&name(index), || index), index);
            assert_eq!(shards.get_or_insert(&name(index), || 7), index, "it is not replaced");
        }
        assert_eq!((shards.len(), shards.get("t999"), shards.get("T999")), (1_000, Some(999), None));
        assert_eq!((shards.remove("t5"), shards.remove("t5"), shards.get("t5")), (Some(5), None, None));
        let mut values = shards.values();
        values.sort_unstable();
        assert_eq!(values, (0..1_000).filter(|index| *index != 5).collect::<Vec<_>>());
    }

    #[test]
    fn a_change_copies_a_small_part_of_the_map() {
        let shards = Shards::default();
        for index in 0..10_000 {
            shards.get_or_insert(&name(index), || index);
        }
        let before: Vec<_> = shards.shards.iter().map(ArcSwap::load_full).collect();
        shards.get_or_insert(&name(10_000), || 10_000);
        let changed =
            shards.shards.iter().zip(&before).filter(|(now, before)| !std::sync::Arc::ptr_eq(&now.load(), before));
        assert_eq!(changed.count(), 1);
        assert!(before.iter().all(|shard| shard.len() < 200), "the shards are even");
    }
}
