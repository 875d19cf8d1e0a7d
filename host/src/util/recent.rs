//! The last values that were used.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::lock::lock;

/// Keeps the most recently used of shared values, so that they are not dropped.
pub(crate) struct Recent<T> {
    cap: usize,
    values: Mutex<VecDeque<Arc<T>>>,
}

impl<T> Recent<T> {
    /// Keeps at most `cap` values.
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, values: Mutex::default() }
    }

    /// Keeps a value, instead of the one that was used the longest ago if there are too many.
    pub(crate) fn keep(&self, value: &Arc<T>) {
        let mut values = lock(&self.values);
        values.retain(|known| !Arc::ptr_eq(known, value));
        values.push_back(Arc::clone(value));
        if values.len() > self.cap {
            values.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_value_is_dropped() {
        let recent = Recent::new(2);
        let values = [1, 2, 3].map(Arc::new);
        for index in [0, 1, 0, 2] {
            recent.keep(&values[index]);
        }
        assert_eq!(values.each_ref().map(Arc::strong_count), [2, 1, 2]);
    }
}
