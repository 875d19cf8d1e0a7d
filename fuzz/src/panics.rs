//! The panics that are findings.

use std::panic::{PanicHookInfo, set_hook};

/// Aborts the process at a panic, except at one while an image is made. The library that instruments plugins for images
/// panics on unusual input, and Guardhouse catches that. If Guardhouse does not, `libfuzzer-sys` aborts the process.
pub fn forgive_foreign() {
    set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let file = info.location().map_or("", |location| location.file());
        let is_foreign = file.contains("wasmtime-wizer") || file.contains("host/src/") && file.ends_with("snapshot.rs");
        if !is_foreign {
            eprintln!("{info}");
            std::process::abort();
        }
    }));
}
