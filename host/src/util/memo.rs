//! Memoization with a maximum size: each value is made once, and the most recently used ones are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::lock::lock;

/// Values by key, made in single flight: a thread that asks for a value which another thread is making waits for it,
/// unless the key was removed meanwhile because of newer ones.
pub(crate) struct Memo<K, T> {
    cap: usize,
    /// Ordered by last use; the most recently used slot is last.
    slots: Mutex<VecDeque<(K, Slot<T>)>>,
}

type Slot<T> = Arc<Mutex<Option<Arc<T>>>>;

impl<K: Eq, T> Memo<K, T> {
    /// An empty memo of at most `cap` values.
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, slots: Mutex::default() }
    }

    /// Returns the value of `key`: the kept one, or the one that `make` returns. A failure is not kept: the next call
    /// makes the value again.
    pub(crate) fn get<E>(&self, key: K, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let slot = self.slot(key);
        let mut slot = lock(&slot);
        if let Some(kept) = &*slot {
            return Ok(Arc::clone(kept));
        }
        let made = Arc::new(make()?);
        *slot = Some(Arc::clone(&made));
        Ok(made)
    }

    fn slot(&self, key: K) -> Slot<T> {
        let mut slots = lock(&self.slots);
        let found = slots.iter().position(|(known, _)| *known == key).and_then(|index| slots.remove(index));
        let (key, slot) = found.unwrap_or_else(|| (key, Slot::default()));
        slots.push_back((key, Arc::clone(&slot)));
        if slots.len() > self.cap {
            slots.pop_front();
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn the_least_recently_used_value_is_forgotten() {
        let memo = Memo::new(2);
        let get = |key: &'static str, value| *memo.get(key, || Ok::<_, Infallible>(value)).unwrap();
        assert_eq!((get("a", 1), get("b", 2), get("a", 3)), (1, 2, 1));
        assert_eq!((get("c", 4), get("a", 5), get("b", 6)), (4, 1, 6));
    }

    #[test]
    fn a_failure_is_not_kept() {
        let memo = Memo::new(2);
        assert_eq!(memo.get("key", || Err("no")).err(), Some("no"));
        assert_eq!(memo.get("key", || Ok::<_, &str>(1)).as_deref(), Ok(&1));
    }
}
