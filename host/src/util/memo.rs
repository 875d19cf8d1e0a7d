//! Memoization with a maximum size: each value is made once, and the most recently used ones are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::lock::lock;

/// Values by key, made in single flight: a thread that asks for a value which another thread is making waits for it,
/// unless the key was removed meanwhile because of newer ones.
pub(crate) struct Memo<K, T> {
    cap: usize,
    /// Ordered by last use; the most recently used slot is last.
    slots: Mutex<VecDeque<(K, Arc<Slot<T>>)>>,
}

/// The place of one value. Its lock is never held while the value is made.
struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

enum State<T> {
    Empty,
    BeingMade,
    Made(Arc<T>),
}

/// The time ended while another thread was making the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StillBeingMade;

impl<K: Eq, T> Memo<K, T> {
    /// An empty memo of at most `cap` values.
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, slots: Mutex::default() }
    }

    /// Returns the value of `key`: the kept one, or the one that `make` returns. While another thread makes the value,
    /// this waits, at most until `end`. A failure is not kept: the next call makes the value again.
    pub(crate) fn get<E: From<StillBeingMade>>(
        &self,
        key: K,
        end: Instant,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let slot = self.slot(key);
        slot.wait(end)?.map_or_else(|| slot.fill(make), Ok)
    }

    fn slot(&self, key: K) -> Arc<Slot<T>> {
        let mut slots = lock(&self.slots);
        let found = slots.iter().position(|(known, _)| *known == key).and_then(|index| slots.remove(index));
        let (key, slot) = found.unwrap_or_else(|| (key, Arc::default()));
        slots.push_back((key, Arc::clone(&slot)));
        if slots.len() > self.cap {
            slots.pop_front();
        }
        slot
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State::Empty), changed: Condvar::new() }
    }
}

impl<T> Slot<T> {
    /// Waits while another thread makes the value. Returns the value, or `None` if the caller must [fill](Self::fill)
    /// the slot now.
    fn wait(&self, end: Instant) -> Result<Option<Arc<T>>, StillBeingMade> {
        let mut state = lock(&self.state);
        loop {
            match &*state {
                State::Made(value) => return Ok(Some(Arc::clone(value))),
                State::Empty => {
                    *state = State::BeingMade;
                    return Ok(None);
                }
                State::BeingMade => {}
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StillBeingMade);
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Makes the value, for all that wait.
    fn fill<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut filling = Filling { slot: self, next: State::Empty };
        let made = Arc::new(make()?);
        filling.next = State::Made(Arc::clone(&made));
        Ok(made)
    }
}

/// The next state of a slot, which it gets when this is dropped, also by a panic.
struct Filling<'a, T> {
    slot: &'a Slot<T>,
    next: State<T>,
}

impl<T> Drop for Filling<'_, T> {
    fn drop(&mut self) {
        *lock(&self.slot.state) = std::mem::replace(&mut self.next, State::Empty);
        self.slot.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::time::Duration;

    use super::*;

    impl From<StillBeingMade> for &str {
        fn from(_: StillBeingMade) -> Self {
            "late"
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn the_least_recently_used_value_is_forgotten() {
        let memo = Memo::new(2);
        let get = |key: &'static str, value| *memo.get(key, soon(), || Ok::<_, &str>(value)).unwrap();
        assert_eq!((get("a", 1), get("b", 2), get("a", 3)), (1, 2, 1));
        assert_eq!((get("c", 4), get("a", 5), get("b", 6)), (4, 1, 6));
    }

    #[test]
    fn a_failure_is_not_kept_and_neither_is_a_panic() {
        let memo = Memo::new(2);
        assert_eq!(memo.get("key", soon(), || Err("no")).err(), Some("no"));
        let get = || memo.get("key", soon(), || -> Result<u8, &str> { panic!("broken") });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(get)).is_err());
        assert_eq!(memo.get("key", soon(), || Ok::<_, &str>(1)).as_deref(), Ok(&1));
    }

    #[test]
    fn a_value_is_made_once_for_all_that_wait_and_a_wait_ends_in_time() {
        let (memo, begun, may_end) = (Memo::new(2), Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                memo.get("key", soon(), || {
                    begun.wait();
                    may_end.wait();
                    Ok::<_, &str>(1)
                })
            });
            begun.wait();
            assert_eq!(memo.get("key", Instant::now(), || Ok(2)).err(), Some("late"));
            // Another key does not wait.
            assert_eq!(memo.get("other", Instant::now(), || Ok::<_, &str>(3)).as_deref(), Ok(&3));
            let waiting = scope.spawn(|| memo.get("key", soon(), || Ok::<_, &str>(4)));
            may_end.wait();
            assert_eq!(first.join().unwrap().as_deref(), Ok(&1));
            assert_eq!(waiting.join().unwrap().as_deref(), Ok(&1));
        });
    }
}
