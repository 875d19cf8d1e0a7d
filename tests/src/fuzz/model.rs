//! A model of the canonical ABI of the component model, as far as answers of plugins need it. It follows the
//! specification, and not wasmtime.

use super::script::{Allocation, Script};

pub(super) const PAGE: usize = 65_536;
/// The maximum of the fixture's memory, in pages.
const MAX_PAGES: usize = 4;

/// The bytes in memory are not a valid answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// An instance of the fixture.
pub(super) struct Instance<'a> {
    script: &'a Script,
    allocations: std::slice::Iter<'a, Allocation>,
    pages: usize,
    /// The cap on the bytes of one answer.
    cap: usize,
}

impl<'a> Instance<'a> {
    pub(super) fn new(script: &'a Script, cap: usize) -> Self {
        Self { script, allocations: script.allocations.iter(), pages: 2, cap }
    }

    /// `configure`: result<_, string>.
    pub(super) fn configure(&self) -> Result<Result<(), String>, Invalid> {
        let at = self.answer(0, 12, 4)?;
        match self.byte(at) {
            0 => Ok(Ok(())),
            1 => Ok(Err(self.string(at + 4, &mut self.cap.clone())?)),
            _ => Err(Invalid),
        }
    }

    /// `check`: result<bool, record { message: string }>.
    pub(super) fn check(&mut self, values: &[Value]) -> Result<Result<bool, String>, Invalid> {
        self.lower(values)?;
        let at = self.answer(1, 12, 4)?;
        match self.byte(at) {
            0 => Ok(Ok(self.byte(at + 4) != 0)),
            1 => Ok(Err(self.string(at + 4, &mut self.cap.clone())?)),
            _ => Err(Invalid),
        }
    }

    /// `missing-scopes`: list<string>.
    pub(super) fn missing_scopes(&mut self, values: &[Value]) -> Result<Vec<String>, Invalid> {
        self.lower(values)?;
        let at = self.answer(2, 8, 4)?;
        let (list, count) = (self.word(at), self.word(at + 4));
        let mut left = self.cap;
        if !list.is_multiple_of(4) || list.saturating_add(count.saturating_mul(8)) > self.size() {
            return Err(Invalid);
        }
        // The host counts the bytes that the list takes in its own memory.
        left = left.checked_sub(count * size_of::<String>()).ok_or(Invalid)?;
        (0..count).map(|index| self.string(list + index * 8, &mut left)).collect()
    }

    /// Asks the allocator for each value, in order.
    fn lower(&mut self, values: &[Value]) -> Result<(), Invalid> {
        for Value { size, align } in values {
            // After the answers of the script, the allocator returns free memory.
            let Some(Allocation { traps, grows, address }) = self.allocations.next() else { return Ok(()) };
            if *traps {
                return Err(Invalid);
            }
            self.pages = (self.pages + usize::from(*grows)).min(MAX_PAGES);
            if !address.is_multiple_of(*align as u32) || *address as usize + size > self.size() {
                return Err(Invalid);
            }
        }
        Ok(())
    }

    fn answer(&self, which: usize, size: usize, align: usize) -> Result<usize, Invalid> {
        let at = self.script.answers[which] as usize;
        if at.is_multiple_of(align) && at + size <= self.size() { Ok(at) } else { Err(Invalid) }
    }

    fn string(&self, at: usize, left: &mut usize) -> Result<String, Invalid> {
        let (start, length) = (self.word(at), self.word(at + 4));
        if start + length > self.size() {
            return Err(Invalid);
        }
        *left = left.checked_sub(length).ok_or(Invalid)?;
        String::from_utf8((start..start + length).map(|at| self.byte(at)).collect()).map_err(|_| Invalid)
    }

    fn size(&self) -> usize {
        self.pages * PAGE
    }

    fn word(&self, at: usize) -> usize {
        (0..4).map(|index| usize::from(self.byte(at + index)) << (8 * index)).sum()
    }

    fn byte(&self, at: usize) -> u8 {
        let patches = self.script.patches.iter().rev();
        patches.filter_map(|(start, bytes)| bytes.get(at.checked_sub(*start)?).copied()).next().unwrap_or_default()
    }
}

/// A value for which the host asks the plugin's allocator for memory.
pub(super) struct Value {
    size: usize,
    align: usize,
}

impl Value {
    pub(super) fn string(text: &str) -> Self {
        Self { size: text.len(), align: 1 }
    }

    /// A list of strings, followed by the strings.
    pub(super) fn strings(texts: &[String]) -> impl Iterator<Item = Self> {
        let list = Self { size: texts.len() * 8, align: 4 };
        std::iter::once(list).chain(texts.iter().map(|text| Self::string(text)))
    }

    /// The record `auth-context`.
    pub(super) fn context() -> Self {
        Self { size: 136, align: 8 }
    }
}
