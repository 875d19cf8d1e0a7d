//! Why a host cannot start, a plugin cannot be loaded, a check cannot be made. None of these happens at request
//! time: there, a fault is a [`Fault`](crate::Fault) and denies.

use std::fmt;
use std::path::PathBuf;

use crate::outcome::Fault;
use crate::text::quoted;

/// The host cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The engine refuses the limits, or the machine refuses the address space.
    #[error("cannot set up the sandbox: {0}")]
    Engine(String),
    /// The folder for machine code cannot be used.
    #[error("cannot use `{}` as a cache: {reason}", .folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The thread that moves the clock of all deadlines cannot be started.
    #[error("cannot start the thread that enforces deadlines")]
    Ticker(#[source] std::io::Error),
}

/// The bytes are not a plugin that this host can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Not WebAssembly at all.
    #[error("not a WebAssembly file: it starts with {found}{hint}")]
    NotWasm {
        /// The first bytes.
        found: String,
        /// What it may be instead, or nothing.
        hint: &'static str,
    },
    /// A core module, not a component.
    #[error(
        "this is a core WebAssembly module, and a plugin is a component: make one with `wasm-tools component new` \
         (first `wasm-tools component embed` with Guardhouse's `wit/` if the compiler did not embed it), or build \
         with a Guardhouse SDK, which does both"
    )]
    CoreModule,
    /// Damaged, or using a feature that plugins may not use.
    #[error("not a valid component, at byte {offset}: {reason}")]
    Invalid {
        /// Where in the file.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Over one of the host's limits, before anything was compiled.
    #[error("{found} {what}, over the cap of {cap} (`HostLimits::{limit}`)")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much is allowed.
        cap: usize,
        /// The field of [`HostLimits`](crate::HostLimits) to raise.
        limit: &'static str,
    },
    /// Nothing is exported under the contract's name.
    #[error("does not export `{expected}`{hint}; it exports {found}")]
    NoCheck {
        /// What a plugin must export.
        expected: String,
        /// What is exported instead.
        found: String,
        /// What may have gone wrong, or nothing.
        hint: &'static str,
    },
    /// Built against another version of the contract.
    #[error("built against `{found}` of the contract `guardhouse:auth`; this host supports version {supported}")]
    Version {
        /// The interface and version in the plugin, for example `check@0.2.0`.
        found: String,
        /// The versions that this host runs.
        supported: String,
    },
    /// An export of the contract's name but another type.
    #[error("`{name}` has the wrong type: expected `{expected}`, found `{found}`")]
    WrongType {
        /// The function.
        name: String,
        /// Its type in the contract.
        expected: String,
        /// Its type in the plugin.
        found: String,
    },
    /// Imports that no host offers.
    #[error("imports what this host does not offer: {}", quoted(.imports))]
    UnknownImports {
        /// Their names.
        imports: Vec<String>,
    },
    /// An import of a known name but another type.
    #[error("an import does not fit what this host offers: {0}")]
    WrongImport(String),
    /// Needs more memories, tables or instances than the host gives to any plugin.
    #[error("does not fit this host: {0}")]
    DoesNotFit(String),
    /// The compiler refused it.
    #[error("cannot be compiled: {0}")]
    Compile(String),
    /// The compiler was stopped, or fell, before it was done: the plugin may have been made for that.
    #[error("compiling it was stopped: {0}")]
    CompilerStopped(String),
    /// The plugin failed when it was asked for its settings schema.
    #[error("failed when asked for its settings schema: {0}")]
    Schema(Fault),
    /// The settings schema is not one that a host can hold settings against.
    #[error("its settings schema cannot be used: {0}")]
    BadSchema(String),
}

/// A check cannot be made of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// With a limit of fuel the plugin must be optimized, and cannot be.
    #[error("cannot be optimized, which a limit of fuel needs: {0}")]
    Optimize(String),
    /// Settings for a plugin that has none.
    #[error("this plugin takes no settings")]
    NoSettings,
    /// The settings document is over [`Limits::settings_bytes`](crate::Limits::settings_bytes).
    #[error("settings of {found} bytes, over the cap of {cap} bytes (`Limits::settings_bytes`)")]
    SettingsTooLarge {
        /// Their size in bytes.
        found: usize,
        /// The cap in bytes.
        cap: usize,
    },
    /// The settings break the plugin's own schema.
    #[error("settings do not fit the plugin's schema: {0}")]
    Schema(Violation),
    /// The plugin's `configure` refused the settings, in its own words.
    #[error("the plugin refused its settings: {0}")]
    Rejected(String),
    /// The plugin failed while it was configured, or could not be instantiated.
    #[error("the plugin failed when it was configured: {0}")]
    Fault(Fault),
    /// The plugin imports what was not granted.
    #[error("the plugin imports `{import}`, which needs the grant `{grant}`")]
    NotGranted {
        /// The import.
        import: String,
        /// The grant that it needs.
        grant: &'static str,
    },
    /// A limit of the check that the host cannot hold.
    #[error("`Limits::{limit}` is {found}, but the host allows {allowed}")]
    Limit {
        /// The field of [`Limits`](crate::Limits).
        limit: &'static str,
        /// Its value.
        found: String,
        /// What the host allows.
        allowed: String,
    },
}

/// A place where settings break their schema: the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901); "" is the whole document.
    pub pointer: String,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "at `{}`: ", self.pointer)?;
        }
        f.write_str(&self.reason)
    }
}
