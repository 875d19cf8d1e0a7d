//! Interning: one shared value per key, as long as the value is in use.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, Weak};

use super::lock::lock;

/// Values by key, as weak references. The keys of dropped values are removed whenever the map would have to grow, so a
/// stream of new keys does not fill memory.
pub(crate) struct WeakMap<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K, V> Default for WeakMap<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> WeakMap<K, V> {
    /// Returns the value of `key`: the existing one, or the one that `make` returns.
    pub(crate) fn get<Q>(&self, key: &Q, make: impl FnOnce() -> V) -> Arc<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let mut map = lock(&self.0);
        if let Some(value) = map.get(key).and_then(Weak::upgrade) {
            return value;
        }
        if map.len() == map.capacity() {
            map.retain(|_, value| value.strong_count() > 0);
        }
        let value = Arc::new(make());
        map.insert(key.to_owned(), Arc::downgrade(&value));
        value
    }

    /// The values that are in use, in no particular order.
    pub(crate) fn values(&self) -> Vec<Arc<V>> {
        lock(&self.0).values().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_value_is_shared_and_a_dead_one_is_made_again() {
        let map = WeakMap::<String, u32>::default();
        let first = map.get("a", || 1);
        assert!(Arc::ptr_eq(&first, &map.get("a", || 2)));
        drop(first);
        assert_eq!(*map.get("a", || 3), 3);
    }

    #[test]
    fn dead_keys_do_not_fill_memory() {
        let map = WeakMap::<u32, u32>::default();
        for key in 0..10_000 {
            map.get(&key, || key);
        }
        let keys = lock(&map.0).len();
        assert!(keys < 100, "{keys}");
        assert!(map.values().is_empty());
    }
}
