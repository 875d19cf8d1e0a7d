//! Counters by words: the words are part of the program, so that nothing from outside becomes a label.

use std::array;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::observe::metrics::exposition::Family;

/// Counters by `K` words, at most `N` of them. Further ones are counted together as `other`.
#[derive(Debug)]
pub(super) struct Words<const K: usize, const N: usize> {
    slots: [Slot<K>; N],
    other: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot<const K: usize> {
    words: OnceLock<[&'static str; K]>,
    count: AtomicU64,
}

impl<const K: usize, const N: usize> Words<K, N> {
    /// Adds one to the counter of `words`.
    pub(super) fn count(&self, words: [&'static str; K]) {
        self.add(words, 1);
    }

    /// Adds a number to the counter of `words`.
    pub(super) fn add(&self, words: [&'static str; K], number: u64) {
        let found = self.slots.iter().find(|slot| *slot.words.get_or_init(|| words) == words);
        found.map_or(&self.other, |slot| &slot.count).fetch_add(number, Ordering::Relaxed);
    }

    /// The counters that are in use, in the order of their first use.
    pub(super) fn counts(&self) -> impl Iterator<Item = ([&'static str; K], u64)> {
        let used = self.slots.iter().map_while(|slot| Some((*slot.words.get()?, slot.count.load(Ordering::Relaxed))));
        let other = self.other.load(Ordering::Relaxed);
        used.chain((other > 0).then_some((["other"; K], other)))
    }

    /// Writes the counters as samples with these labels.
    pub(super) fn write(&self, family: &mut Family<'_>, labels: [&str; K]) {
        for (words, count) in self.counts() {
            let labels: [(&str, &str); K] = array::from_fn(|index| {
                (labels.get(index).copied().unwrap_or_default(), words.get(index).copied().unwrap_or_default())
            });
            family.sample(&labels, count);
        }
    }
}

impl<const K: usize, const N: usize> Default for Words<K, N> {
    fn default() -> Self {
        Self { slots: array::from_fn(|_| Slot::default()), other: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_beyond_the_maximum_are_counted_together() {
        let words = Words::<2, 2>::default();
        for pair in [["a", "b"], ["a", "c"], ["a", "b"], ["d", "e"], ["f", "g"]] {
            words.count(pair);
        }
        let counts: Vec<_> = words.counts().collect();
        assert_eq!(counts, [(["a", "b"], 2), (["a", "c"], 1), (["other", "other"], 2)]);
    }
}
