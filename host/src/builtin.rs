//! Built-in plugins: they ship inside this crate, and need no WebAssembly toolchain.
//!
//! Their sources are in `plugins/`. `host/builtin/manifest.json` records their digests and the toolchain that built
//! them; CI rebuilds and compares them.

macro_rules! builtins {
    ($($name:literal),* $(,)?) => {
        /// The names of all built-in plugins.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The component of the built-in plugin with this name, or `None` if the name is unknown.
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
