//! Built-in plugins: they ship inside this crate, and need no WebAssembly toolchain.
//!
//! ```
//! use guardhouse::{Host, Plugin, builtin};
//!
//! let plugin = Plugin::load(&Host::new()?, builtin::REQUIRE_AUTH)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Their sources are in `plugins/`. `host/builtin/manifest.json` records their digests and the toolchain that built
//! them; CI rebuilds and compares them.

/// A built-in plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Builtin {
    /// The name, for example `require-scopes`.
    pub name: &'static str,
    /// The summary: what the plugin does, in one line.
    pub summary: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

/// The component of the built-in plugin with this name, or `None` if the name is unknown.
#[must_use]
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    ALL.iter().find(|builtin| builtin.name == name).map(|builtin| builtin.bytes)
}

macro_rules! builtins {
    ($($constant:ident = $name:literal: $summary:literal,)*) => {
        /// Every built-in plugin, ordered by name.
        pub const ALL: &[Builtin] = &[$(Builtin { name: $name, summary: $summary, bytes: $constant }),*];

        $(
            #[doc = concat!("The component of `", $name, "`, which ", $summary, ".")]
            pub const $constant: &[u8] = include_bytes!(concat!("../builtin/", $name, ".wasm"));
        )*
    };
}

builtins! {
    ARGUMENT_LIMIT = "argument-limit": "limits a number among the arguments of a call",
    DENY_WITH_MESSAGE = "deny-with-message": "denies every request, with the message of its settings",
    REQUIRE_AUTH = "require-auth": "allows every caller that is authenticated",
    REQUIRE_ROLES = "require-roles": "allows tokens that hold every role of its settings in a claim",
    REQUIRE_SCOPES = "require-scopes": "allows tokens that hold every scope of its settings",
    RESTRICT_TAG = "restrict-tag": "asks for scopes only where the component carries a tag",
}
