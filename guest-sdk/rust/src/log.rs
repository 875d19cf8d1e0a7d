//! Messages for the operator's log. The caller never sees them.
//!
//! A plugin that logs imports `wasi:logging`, which costs each fresh instance about a microsecond.
//! In a unit test, the messages are written to standard error.

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
    /// Logs a step of the control flow.
    trace Trace
    /// Logs a detail that helps to find errors.
    debug Debug
    /// Logs a normal event.
    info Info
    /// Logs a condition that may lead to an error.
    warn Warn
    /// Logs an error.
    error Error
    /// Logs an error after which the check cannot continue.
    critical Critical
}
