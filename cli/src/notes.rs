//! Notes: lines on standard error that say what a command left out, ignored or found odd. They change no result.

use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::text::escaped;

static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// Writes no notes from now on.
pub(crate) fn silence() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Writes a note of one line.
pub(crate) fn note(text: &impl Display) {
    if !IS_QUIET.load(Ordering::Relaxed) {
        // A note that cannot be written changes nothing.
        let _ = writeln!(std::io::stderr(), "note: {}", escaped(&text.to_string()));
    }
}
