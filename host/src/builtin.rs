//! The plugins that ship inside this crate, so that there is something to run with no WebAssembly toolchain.
//!
//! Their sources are in `plugins/`. `manifest.json` beside them records their digests and the toolchain that made
//! them; CI builds them again and compares.

macro_rules! builtins {
    ($($name:literal),* $(,)?) => {
        /// The names of all of them.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The bytes of one, by name.
        #[must_use]
        pub fn bytes(name: &str) -> Option<&'static [u8]> {
            match name {
                $($name => Some(include_bytes!(concat!("../builtin/", $name, ".wasm"))),)*
                _ => None,
            }
        }
    };
}

builtins!["argument-limit", "deny-with-message", "require-auth", "require-roles", "require-scopes", "restrict-tag"];
