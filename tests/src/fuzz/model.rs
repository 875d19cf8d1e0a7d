//! What the canonical ABI of the component model makes of an instance's memory: a model of the little of it that an
//! answer needs, after the specification and not after wasmtime.

use super::script::{Allocation, Script};

pub(super) const PAGE: usize = 65_536;
/// The pages that the fixture's memory may have.
const MAX_PAGES: usize = 4;

/// Whatever is not an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nonsense;

/// An instance of the fixture.
pub(super) struct Instance<'a> {
    script: &'a Script,
    allocations: std::slice::Iter<'a, Allocation>,
    pages: usize,
    /// What one answer may carry, in bytes.
    carries: usize,
}

impl<'a> Instance<'a> {
    pub(super) fn new(script: &'a Script, carries: usize) -> Self {
        Self { script, allocations: script.allocations.iter(), pages: 2, carries }
    }

    /// `configure`: result<_, string>.
    pub(super) fn configure(&self) -> Result<Result<(), String>, Nonsense> {
        let at = self.answer(0, 12, 4)?;
        match self.byte(at) {
            0 => Ok(Ok(())),
            1 => Ok(Err(self.string(at + 4, &mut self.carries.clone())?)),
            _ => Err(Nonsense),
        }
    }

    /// `check`: result<bool, record { message: string }>.
    pub(super) fn check(&mut self, values: &[Value]) -> Result<Result<bool, String>, Nonsense> {
        self.lower(values)?;
        let at = self.answer(1, 12, 4)?;
        match self.byte(at) {
            0 => Ok(Ok(self.byte(at + 4) != 0)),
            1 => Ok(Err(self.string(at + 4, &mut self.carries.clone())?)),
            _ => Err(Nonsense),
        }
    }

    /// `missing-scopes`: list<string>.
    pub(super) fn missing_scopes(&mut self, values: &[Value]) -> Result<Vec<String>, Nonsense> {
        self.lower(values)?;
        let at = self.answer(2, 8, 4)?;
        let (list, count) = (self.word(at), self.word(at + 4));
        let mut left = self.carries;
        if !list.is_multiple_of(4) || list.saturating_add(count.saturating_mul(8)) > self.size() {
            return Err(Nonsense);
        }
        // The host counts what the list takes on its own side.
        left = left.checked_sub(count * size_of::<String>()).ok_or(Nonsense)?;
        (0..count).map(|index| self.string(list + index * 8, &mut left)).collect()
    }

    /// Asks the allocator for each value, in order.
    fn lower(&mut self, values: &[Value]) -> Result<(), Nonsense> {
        for Value { size, align } in values {
            // Once its answers are used up, it gives what is free.
            let Some(Allocation { traps, grows, address }) = self.allocations.next() else { return Ok(()) };
            if *traps {
                return Err(Nonsense);
            }
            self.pages = (self.pages + usize::from(*grows)).min(MAX_PAGES);
            if !address.is_multiple_of(*align as u32) || *address as usize + size > self.size() {
                return Err(Nonsense);
            }
        }
        Ok(())
    }

    fn answer(&self, which: usize, size: usize, align: usize) -> Result<usize, Nonsense> {
        let at = self.script.answers[which] as usize;
        if at.is_multiple_of(align) && at + size <= self.size() { Ok(at) } else { Err(Nonsense) }
    }

    fn string(&self, at: usize, left: &mut usize) -> Result<String, Nonsense> {
        let (start, length) = (self.word(at), self.word(at + 4));
        if start + length > self.size() {
            return Err(Nonsense);
        }
        *left = left.checked_sub(length).ok_or(Nonsense)?;
        String::from_utf8((start..start + length).map(|at| self.byte(at)).collect()).map_err(|_| Nonsense)
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

/// A value that the host asks the plugin's allocator to have room for.
pub(super) struct Value {
    size: usize,
    align: usize,
}

impl Value {
    pub(super) fn string(text: &str) -> Self {
        Self { size: text.len(), align: 1 }
    }

    /// A list of strings, and the strings.
    pub(super) fn strings(texts: &[String]) -> impl Iterator<Item = Self> {
        let list = Self { size: texts.len() * 8, align: 4 };
        std::iter::once(list).chain(texts.iter().map(|text| Self::string(text)))
    }

    /// The record `auth-context`.
    pub(super) fn context() -> Self {
        Self { size: 136, align: 8 }
    }
}
