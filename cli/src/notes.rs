//! Notes: lines on standard error that say what a command left out, ignored or found odd. They change no result.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::progress;
use crate::text::escaped;

static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// Writes no notes from now on.
pub(crate) fn silence() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Whether no notes are written.
pub(crate) fn is_quiet() -> bool {
    IS_QUIET.load(Ordering::Relaxed)
}

/// Writes a note of one line.
pub(crate) fn note(text: &impl Display) {
    if !is_quiet() {
        // A note that cannot be written changes nothing.
        let _ = progress::write(format!("note: {}\n", escaped(&text.to_string())).as_bytes());
    }
}
