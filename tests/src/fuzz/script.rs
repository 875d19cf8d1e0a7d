//! What the fixture `script` does, to the bit.

use super::input::Input;
use super::model::PAGE;

/// One answer of the plugin's allocator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allocation {
    pub(super) traps: bool,
    pub(super) grows: bool,
    pub(super) address: u32,
}

/// What the plugin does.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Where the answers of `configure`, `check` and `missing-scopes` are.
    pub(super) answers: [u32; 3],
    pub(super) allocations: Vec<Allocation>,
    /// What is in memory but zeros. Later ones are written over earlier ones.
    pub(super) patches: Vec<(usize, Vec<u8>)>,
}

/// So many allocations and patches at the most that the script fits into a page.
const MOST: usize = 64;

impl Script {
    pub(super) fn read(input: &mut Input<'_>) -> Self {
        let answers = [(); 3].map(|()| address(input));
        let allocations = (0..usize::from(input.byte()) % MOST).map(|_| {
            let kind = input.byte();
            Allocation { traps: kind % 8 == 1, grows: kind % 8 == 2, address: address(input) }
        });
        let allocations = allocations.collect();
        let mut patches = Vec::new();
        while !input.is_empty() && patches.len() < MOST {
            let at = address(input) as usize % (2 * PAGE);
            let length = usize::from(input.byte()).min(2 * PAGE - at);
            patches.push((at, input.bytes(length).to_vec()));
        }
        Self { answers, allocations, patches }
    }

    /// The settings that the fixture reads.
    pub(super) fn settings(&self) -> String {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let (allocations, patches) = (self.allocations.len() as u32, self.patches.len() as u32);
        let mut bytes = words(&self.answers);
        bytes.extend(words(&[allocations, 24 + 8 * allocations, patches]));
        for Allocation { traps, grows, address } in &self.allocations {
            bytes.extend(words(&[u32::from(*traps) + 2 * u32::from(*grows), *address]));
        }
        for (at, patch) in &self.patches {
            bytes.extend(words(&[*at as u32, patch.len() as u32]));
            bytes.extend(patch);
        }
        let letters = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        letters.map(|half| char::from(b'a' + half)).collect()
    }
}

/// An address: any, or one that is likely to be in memory, at its end, or aligned.
fn address(input: &mut Input<'_>) -> u32 {
    let end = 2 * PAGE as u32;
    match input.byte() % 8 {
        0 => 0,
        1 => input.word(),
        2 => end - u32::from(input.byte()),
        3 => input.short(),
        4 => u32::MAX - u32::from(input.byte()),
        kind => 4 * u32::from(input.byte()) + u32::from(kind == 7) * PAGE as u32,
    }
}
