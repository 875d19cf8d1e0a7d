//! The script that decides what the fixture `script` does.

use super::input::Input;
use super::model::PAGE;

/// One answer of the plugin's allocator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allocation {
    pub(super) traps: bool,
    pub(super) grows: bool,
    pub(super) address: u32,
}

/// The behavior of the plugin.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The addresses of the answers of `configure`, `check` and `missing-scopes`.
    pub(super) answers: [u32; 3],
    pub(super) allocations: Vec<Allocation>,
    /// The bytes in memory that are not zero. Later patches overwrite earlier ones.
    pub(super) patches: Vec<(usize, Vec<u8>)>,
}

/// The maximum number of allocations and of patches, so that the script fits into a page.
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

    /// The script as settings of the fixture.
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

/// An address: arbitrary, or likely to be in memory, at its end, or aligned.
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
