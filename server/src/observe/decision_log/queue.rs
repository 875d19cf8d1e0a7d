//! The queue of the decision log: lines that wait to be written, bounded in bytes.

use std::collections::{HashMap, VecDeque};

use crate::tenant_name::TenantName;

/// Lines that wait to be written, in order. A tenant has at most a quarter of the bytes, so that no tenant takes the room
/// of all others.
#[derive(Debug)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    max_bytes: usize,
    bytes: usize,
    by_tenant: HashMap<Option<TenantName>, usize>,
    /// The lines that were lost since the last [`Entry::Lost`].
    lost: u64,
}

/// An entry of the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A line of a tenant.
    Line(Line),
    /// The number of lines that were lost at this place.
    Lost(u64),
}

/// A line of a tenant; none for a request that names a tenant that does not exist.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) tenant: Option<TenantName>,
    pub(super) bytes: Vec<u8>,
}

impl Queue {
    /// The share of one tenant: a quarter.
    pub(super) const SHARE: usize = 4;

    pub(super) fn new(max_bytes: usize) -> Self {
        Self { entries: VecDeque::new(), max_bytes, bytes: 0, by_tenant: HashMap::new(), lost: 0 }
    }

    /// Adds a line, or returns it if it has no room.
    pub(super) fn push(&mut self, line: Line) -> Result<(), Line> {
        let more = line.bytes.len();
        let of_tenant = self.by_tenant.get(&line.tenant).copied().unwrap_or_default();
        let fits = |held: usize, max: usize| held.checked_add(more).is_some_and(|bytes| bytes <= max);
        if !fits(self.bytes, self.max_bytes) || !fits(of_tenant, self.max_bytes / Self::SHARE) {
            return Err(line);
        }
        self.bytes += more;
        self.by_tenant.insert(line.tenant.clone(), of_tenant + more);
        self.note_lost();
        self.entries.push_back(Entry::Line(line));
        Ok(())
    }

    /// Counts lost lines. The next line is preceded by their number.
    pub(super) fn lose(&mut self, lines: u64) {
        self.lost = self.lost.saturating_add(lines);
    }

    /// The first entry. The room of a line is free only when it was [released](Self::release).
    pub(super) fn pop(&mut self) -> Option<Entry> {
        if self.entries.is_empty() {
            self.note_lost();
        }
        self.entries.pop_front()
    }

    /// Frees the room of a line that was popped.
    pub(super) fn release(&mut self, line: &Line) {
        self.bytes = self.bytes.saturating_sub(line.bytes.len());
        if let Some(held) = self.by_tenant.get_mut(&line.tenant) {
            *held = held.saturating_sub(line.bytes.len());
            if *held == 0 {
                self.by_tenant.remove(&line.tenant);
            }
        }
    }

    /// The bytes of all lines that were not released.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Whether at least half of the room is free.
    pub(super) fn has_room(&self) -> bool {
        self.bytes <= self.max_bytes / 2
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lost == 0
    }

    /// Removes everything, and returns the number of lines.
    pub(super) fn clear(&mut self) -> u64 {
        let lines = self.entries.drain(..).filter(|entry| matches!(entry, Entry::Line(_))).count();
        self.by_tenant.clear();
        self.bytes = 0;
        u64::try_from(lines).unwrap_or(u64::MAX)
    }

    fn note_lost(&mut self) {
        if self.lost > 0 {
            self.entries.push_back(Entry::Lost(std::mem::take(&mut self.lost)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(tenant: &str, bytes: usize) -> Line {
        Line { tenant: Some(tenant.parse().unwrap()), bytes: vec![b'a'; bytes] }
    }

    #[test]
    fn one_tenant_has_at_most_a_quarter() {
        let mut queue = Queue::new(40);
        assert_eq!(queue.push(line("a", 10)), Ok(()));
        assert_eq!(queue.push(line("a", 1)), Err(line("a", 1)));
        for tenant in ["b", "c", "d"] {
            assert_eq!(queue.push(line(tenant, 10)), Ok(()));
        }
        assert_eq!(queue.push(line("e", 1)), Err(line("e", 1)));
    }

    #[test]
    fn the_room_of_a_line_is_free_when_the_line_was_released() {
        let mut queue = Queue::new(40);
        queue.push(line("a", 10)).unwrap();
        let Some(Entry::Line(popped)) = queue.pop() else { panic!("there is a line") };
        assert_eq!(queue.push(line("a", 1)), Err(line("a", 1)));
        queue.release(&popped);
        assert_eq!(queue.push(line("a", 10)), Ok(()));
        assert_eq!(queue.bytes(), 10);
    }

    #[test]
    fn lost_lines_are_noted_where_they_were_lost() {
        let mut queue = Queue::new(40);
        queue.push(line("a", 1)).unwrap();
        queue.lose(2);
        queue.lose(1);
        queue.push(line("a", 2)).unwrap();
        queue.lose(5);
        let entries: Vec<Entry> = std::iter::from_fn(|| queue.pop()).collect();
        let expected = [Entry::Line(line("a", 1)), Entry::Lost(3), Entry::Line(line("a", 2)), Entry::Lost(5)];
        assert_eq!(entries, expected);
        assert!(queue.is_empty());
    }
}
