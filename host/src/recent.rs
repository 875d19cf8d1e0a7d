//! What was made last, kept for whoever wants the same next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::digest::Digest;
use crate::lock::lock;

/// A number of things that are made once for as long as they are kept, and not all at the same time.
pub(crate) struct Recent<T> {
    cap: usize,
    /// The one that was used last is last.
    slots: Mutex<VecDeque<(Digest, Slot<T>)>>,
}

type Slot<T> = Arc<Mutex<Option<Arc<T>>>>;

impl<T> Recent<T> {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, slots: Mutex::default() }
    }

    /// What is kept under a key, or what `make` makes of it. Who wants the same meanwhile waits for it; what could not
    /// be made is tried again.
    pub(crate) fn get<E>(&self, key: Digest, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let slot = self.slot(key);
        let mut slot = lock(&slot);
        if let Some(kept) = &*slot {
            return Ok(Arc::clone(kept));
        }
        let made = Arc::new(make()?);
        *slot = Some(Arc::clone(&made));
        Ok(made)
    }

    fn slot(&self, key: Digest) -> Slot<T> {
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
    fn the_least_recently_used_is_forgotten() {
        let recent = Recent::new(2);
        let get = |name: &str, value| *recent.get(Digest::of(name), || Ok::<_, Infallible>(value)).unwrap();
        assert_eq!((get("a", 1), get("b", 2), get("a", 3)), (1, 2, 1));
        assert_eq!((get("c", 4), get("a", 5), get("b", 6)), (4, 1, 6));
    }

    #[test]
    fn what_failed_is_tried_again() {
        let recent = Recent::new(2);
        let key = Digest::of("key");
        assert_eq!(recent.get(key, || Err("no")).err(), Some("no"));
        assert_eq!(recent.get(key, || Ok::<_, &str>(1)).as_deref(), Ok(&1));
    }
}
