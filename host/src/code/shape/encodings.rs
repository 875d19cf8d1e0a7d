//! The encodings of text that the components inside a plugin use. If one component passes a text to another one with
//! another encoding, the host translates it in one step, which no deadline ends. No compiler makes such a plugin.

use wasmparser::{CanonicalFunction, CanonicalOption};

use crate::error::LoadError;

/// The encodings so far.
#[derive(Debug)]
pub(super) struct Encodings {
    /// For each module or component that is being parsed, whether it has functions that may pass text.
    levels: Vec<bool>,
    /// The number of components with such functions.
    components: usize,
    has_utf8: bool,
    has_utf16: bool,
}

impl Default for Encodings {
    fn default() -> Self {
        Self { levels: vec![false], components: 0, has_utf8: false, has_utf16: false }
    }
}

impl Encodings {
    /// Begins a module or component inside the current one.
    pub(super) fn enter(&mut self) {
        self.levels.push(false);
    }

    /// Ends the current module or component.
    pub(super) fn leave(&mut self) {
        self.levels.pop();
    }

    /// Adds a function of the current component.
    ///
    /// # Errors
    /// [`LoadError::Encodings`] if two components may have different encodings.
    pub(super) fn add(&mut self, function: &CanonicalFunction) -> Result<(), LoadError> {
        let (CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. }) = function else {
            return Ok(());
        };
        // Text is in a memory. Without an option it is UTF-8.
        if !options.iter().any(|option| matches!(option, CanonicalOption::Memory(_))) {
            return Ok(());
        }
        let has = |encoding| options.contains(&encoding);
        let is_utf16 = has(CanonicalOption::UTF16);
        let is_mixed = has(CanonicalOption::CompactUTF16);
        self.has_utf16 |= is_utf16 || is_mixed;
        self.has_utf8 |= !is_utf16;
        if let Some(level) = self.levels.last_mut()
            && !std::mem::replace(level, true)
        {
            self.components += 1;
        }
        if self.components > 1 && self.has_utf8 && self.has_utf16 { Err(LoadError::Encodings) } else { Ok(()) }
    }
}
