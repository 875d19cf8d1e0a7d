//! The encodings of text that the components inside a plugin use. If one component passes a text to another one with
//! another encoding, the host translates it in one step, which no deadline ends. No compiler makes such a plugin.

use wasmparser::{CanonicalFunction, CanonicalOption};

use crate::error::LoadError;

/// The encodings so far.
#[derive(Debug, Default)]
pub(super) struct Encodings {
    /// The modules and components around the current position.
    depth: usize,
    /// Whether a component inside the plugin has functions that may pass text. The plugin itself exists once in each
    /// instance, and cannot call itself; a component inside may be instantiated several times.
    has_inner_text: bool,
    has_utf8: bool,
    has_utf16: bool,
}

impl Encodings {
    /// Begins a module or component inside the current one.
    pub(super) fn enter(&mut self) {
        self.depth += 1;
    }

    /// Ends the current module or component.
    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Adds a function of the current component.
    ///
    /// # Errors
    /// [`LoadError::Encodings`] if text may pass between two components with different encodings.
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
        self.has_inner_text |= self.depth > 0;
        if self.has_inner_text && self.has_utf8 && self.has_utf16 { Err(LoadError::Encodings) } else { Ok(()) }
    }
}
