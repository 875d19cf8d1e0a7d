//! The number of free turns and of waiters, in one word.

use std::sync::atomic::{AtomicU64, Ordering};

/// One free turn. The upper half of the word is the number of free turns, the lower half that of waiters.
const TURN: u64 = 1 << 32;
const WAITER: u64 = 1;

/// The free turns and the waiters. While nobody waits, a turn is taken and given back by one atomic operation; while
/// somebody waits, both fail, and the caller must use the queue. So nobody overtakes a waiter.
#[derive(Debug)]
pub(super) struct Counts(AtomicU64);

impl Counts {
    pub(super) fn new(turns: u32) -> Self {
        Self(AtomicU64::new(u64::from(turns) * TURN))
    }

    /// Takes a turn, if one is free and nobody waits.
    pub(super) fn try_take(&self) -> bool {
        let taken = |word| (waiting(word) == 0 && free(word) > 0).then(|| u64::wrapping_sub(word, TURN));
        self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, taken).is_ok()
    }

    /// Gives a turn back, if nobody waits for it.
    pub(super) fn try_give_back(&self) -> bool {
        let given = |word| (waiting(word) == 0).then(|| u64::wrapping_add(word, TURN));
        self.0.fetch_update(Ordering::Release, Ordering::Relaxed, given).is_ok()
    }

    /// The free turns. They are less than none while turns are held beyond their number: see
    /// [`take_beyond`](Self::take_beyond).
    pub(super) fn free(&self) -> i32 {
        free(self.0.load(Ordering::Acquire))
    }

    pub(super) fn waiting(&self) -> u32 {
        waiting(self.0.load(Ordering::Acquire))
    }

    // The following are called with the lock of the queue.

    pub(super) fn add_waiter(&self) {
        self.0.fetch_add(WAITER, Ordering::AcqRel);
    }

    pub(super) fn remove_waiter(&self) {
        self.0.fetch_sub(WAITER, Ordering::AcqRel);
    }

    /// A waiter gets a free turn.
    pub(super) fn serve_waiter(&self) {
        self.0.fetch_sub(TURN + WAITER, Ordering::AcqRel);
    }

    pub(super) fn give_back(&self) {
        self.0.fetch_add(TURN, Ordering::AcqRel);
    }

    /// Takes a turn, free or not.
    pub(super) fn take_beyond(&self) {
        self.0.fetch_sub(TURN, Ordering::AcqRel);
    }
}

fn free(word: u64) -> i32 {
    u32::try_from(word >> 32).unwrap_or_default().cast_signed()
}

fn waiting(word: u64) -> u32 {
    u32::try_from(word & (TURN - 1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_taken_and_given_back_only_while_nobody_waits() {
        let counts = Counts::new(2);
        assert!(counts.try_take() && counts.try_take());
        assert!(!counts.try_take());
        assert!(counts.try_give_back());
        counts.add_waiter();
        assert_eq!((counts.free(), counts.waiting()), (1, 1));
        assert!(!counts.try_take() && !counts.try_give_back());
        counts.serve_waiter();
        assert_eq!((counts.free(), counts.waiting()), (0, 0));
        counts.take_beyond();
        assert_eq!((counts.free(), counts.waiting()), (-1, 0));
        assert!(!counts.try_take());
        assert!(counts.try_give_back() && counts.try_give_back());
        assert_eq!((counts.free(), counts.waiting()), (1, 0));
    }
}
