//! Maps the indices of one module to those of the merged module.

use std::collections::BTreeMap;

use super::kind::Kind;

/// The indices of one member, mapped to those of the merged module.
#[derive(Debug, Default)]
pub(super) struct IndexMap {
    spaces: BTreeMap<Kind, Vec<u32>>,
    /// The index of the member's first type in the merged module; its other types follow. Element segments and data
    /// segments are mapped in the same way.
    pub(super) first_type: u32,
    pub(super) first_element: u32,
    pub(super) first_data: u32,
}

impl IndexMap {
    /// A map of types and segments, without functions, tables, memories, globals and tags.
    pub(super) fn new(first_type: u32, first_element: u32, first_data: u32) -> Self {
        Self { first_type, first_element, first_data, ..Self::default() }
    }

    /// Maps the member's next index of `kind`.
    pub(super) fn push(&mut self, kind: Kind, merged: u32) {
        self.spaces.entry(kind).or_default().push(merged);
    }

    /// The index in the merged module.
    pub(super) fn get(&self, kind: Kind, index: u32) -> Option<u32> {
        self.spaces.get(&kind)?.get(index as usize).copied()
    }
}
