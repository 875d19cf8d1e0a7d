//! Words for the operator's log. The caller never sees them.
//!
//! A plugin that logs imports `wasi:logging`, which costs each fresh instance about a microsecond.
//! In a unit test the words go to standard error.

pub use crate::bindings::wasi::logging::logging::Level;

/// Logs `message` at `level`. `context` groups messages that belong together.
pub fn log(level: Level, context: &str, message: &str) {
    #[cfg(target_family = "wasm")]
    crate::bindings::wasi::logging::logging::log(level, context, message);
    #[cfg(not(target_family = "wasm"))]
    eprintln!("{level:?} {context}: {message}");
}

macro_rules! levels {
    ($($(#[$doc:meta])* $name:ident $level:ident)*) => {
        $(
            $(#[$doc])*
            pub fn $name(message: impl AsRef<str>) {
                log(Level::$level, "", message.as_ref());
            }
        )*
    };
}

levels! {
    /// Logs the flow of control, step by step.
    trace Trace
    /// Logs what helps to find a fault.
    debug Debug
    /// Logs what is worth knowing while all is well.
    info Info
    /// Logs what may become a fault.
    warn Warn
    /// Logs a fault.
    error Error
    /// Logs a fault after which the check cannot go on.
    critical Critical
}
