//! The memory of instances, as the kernel sees it: the slots of the pools, and the pages that were written in them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};

/// The size of an inaccessible range beside a slot, at least. Nothing else in a process has so large a one.
const RESERVED: u64 = 1 << 30;

/// The bits of an entry of `/proc/self/pagemap`: the page is in memory, is that of a file, and is mapped only once.
const PRESENT: u64 = 1 << 63;
const OF_FILE: u64 = 1 << 61;
/// A page that was only read before anybody wrote it is the page of zeros, which is mapped everywhere.
const EXCLUSIVE: u64 = 1 << 56;

/// The written pages of every slot, by the address of the slot.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Slots(BTreeMap<u64, Vec<bool>>);

/// The number of pages that were written, and of regions without a gap that they form.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) pages: usize,
    pub(crate) regions: usize,
}

impl Slots {
    /// The slots of this process now.
    pub(crate) fn now() -> Result<Self> {
        let maps = fs::read_to_string("/proc/self/maps").context("cannot read /proc/self/maps")?;
        let page = u64::try_from(rustix::param::page_size())?;
        let pagemap = File::open("/proc/self/pagemap").context("cannot open /proc/self/pagemap")?;
        let mut slots = BTreeMap::new();
        for range in slots_in(&maps)? {
            let pages = usize::try_from((range.end - range.start) / page)?;
            let mut entries = vec![0; pages * 8];
            pagemap.read_exact_at(&mut entries, range.start / page * 8).context("cannot read /proc/self/pagemap")?;
            slots.insert(range.start, entries.chunks_exact(8).map(is_written).collect());
        }
        Ok(Self(slots))
    }

    /// The slots that differ from those of an earlier time.
    pub(crate) fn changed_since(mut self, earlier: &Self) -> Self {
        self.0.retain(|start, pages| earlier.0.get(start) != Some(pages));
        self
    }

    /// The written pages of all slots.
    pub(crate) fn written(&self) -> Written {
        let mut written = Written::default();
        for pages in self.0.values() {
            let mut is_in_region = false;
            for is_written in pages {
                written.pages += usize::from(*is_written);
                written.regions += usize::from(*is_written && !is_in_region);
                is_in_region = *is_written;
            }
        }
        written
    }
}

fn is_written(entry: &[u8]) -> bool {
    let entry = entry.try_into().map_or(0, u64::from_ne_bytes);
    entry & (PRESENT | OF_FILE | EXCLUSIVE) == PRESENT | EXCLUSIVE
}

/// The accessible memory of each slot, from the text of `/proc/self/maps`: the mappings of an image, and the memory that
/// follows it. A slot has an inaccessible range before or behind it, which reserves the addresses that the memory may grow
/// to.
fn slots_in(maps: &str) -> Result<Vec<Range<u64>>> {
    let mut slots = Vec::new();
    let mut slot: Option<Range<u64>> = None;
    let mut reserved_to = None;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let (start, end) = range.split_once('-').with_context(|| format!("`{line}` is not a mapping"))?;
        let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
        ensure!(start < end, "`{line}` is not a mapping");
        let is_reserved = rights.starts_with("---") && end - start >= RESERVED;
        if let Some(open) = slot.take() {
            if open.end == start && rights.starts_with("rw") {
                slot = Some(open.start..end);
            } else if open.end == start && is_reserved || reserved_to == Some(open.start) {
                slots.push(open);
            }
        }
        if rights.starts_with("rw") && slot.is_none() {
            slot = Some(start..end);
        }
        if is_reserved {
            reserved_to = Some(end);
        }
    }
    slots.extend(slot.filter(|slot| reserved_to == Some(slot.start)));
    Ok(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_beside_reserved_addresses() {
        let maps = "\
            00001000-00002000 rw-p 00000000 00:00 0 [heap]\n\
            10000000-10001000 ---p 00000000 00:00 0\n\
            10001000-10005000 rw-p 00000000 00:00 0\n\
            100000000-200000000 ---p 00000000 00:00 0\n\
            200000000-200003000 rw-p 00001000 fe:00 7 /cache/image\n\
            200003000-200005000 rw-p 00000000 00:00 0\n\
            200005000-300000000 ---p 00000000 00:00 0\n\
            300000000-300001000 rw-p 00000000 00:00 0\n\
            300002000-300003000 rw-p 00000000 00:00 0\n\
            300003000-400000000 ---p 00000000 00:00 0\n";
        let slots = slots_in(maps).unwrap();
        let expected = [0x2_0000_0000..0x2_0000_5000, 0x3_0000_0000..0x3_0000_1000, 0x3_0000_2000..0x3_0000_3000];
        assert_eq!(slots, expected);
        assert!(slots_in("nonsense").is_err());
    }

    #[test]
    fn neighboring_pages_are_one_region() {
        let slots = |pages: &[u8]| Slots(BTreeMap::from([(1, pages.iter().map(|page| *page == 1).collect())]));
        for (pages, expected) in [(&[][..], (0, 0)), (&[1, 1, 0, 1], (3, 2)), (&[0, 1, 0], (1, 1))] {
            let Written { pages, regions } = slots(pages).written();
            assert_eq!((pages, regions), expected);
        }
        assert_eq!(slots(&[1]).changed_since(&slots(&[1])), Slots::default());
        assert_eq!(slots(&[1]).changed_since(&slots(&[0])), slots(&[1]));
    }
}
