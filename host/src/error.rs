//! Errors of setting up a host, a plugin or a check. None of them occurs while a request is decided: there, every
//! failure is a [`Fault`](crate::Fault), which denies.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::fault::Fault;
use crate::grants::Grant;
use crate::util::text::quoted;

/// The error of building a host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A limit is invalid.
    #[error("`{limit}` is {found}, but must be {allowed}")]
    #[non_exhaustive]
    Limit {
        /// The limit, for example `HostLimits::instances`.
        limit: &'static str,
        /// Its value.
        found: String,
        /// The allowed values.
        allowed: &'static str,
    },
    /// The engine rejects the limits, or this process has too little address space for one instance of each kind.
    #[error("cannot set up the engine: {0}")]
    Engine(String),
    /// The folder for machine code cannot be used.
    #[error("cannot use `{}` as a cache: {reason}", .folder.display())]
    #[non_exhaustive]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The thread that enforces deadlines cannot be started.
    #[error("cannot start the thread that enforces deadlines")]
    Ticker(#[source] std::io::Error),
}

/// The error of [`Tenant::set_budget`](crate::Tenant::set_budget): the host keeps as many tenants with a budget as it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tenant `{tenant}` cannot have a budget: {most} others have one (`HostLimits::tenants`); forget some with \
     `Host::forget_tenant`"
)]
#[non_exhaustive]
pub struct TooManyTenants {
    /// The name of the tenant.
    pub tenant: String,
    /// The maximum number of tenants with a budget.
    pub most: usize,
}

/// The error of [`prepare`](crate::prepare).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The component denied the request. The message is the component's, and may be empty.
    #[error("{0}")]
    Refused(String),
    /// The call failed.
    #[error("the call failed: {0}")]
    Failed(#[from] Fault),
    /// The component cannot be loaded, or its state cannot be kept.
    #[error("{0}")]
    Impossible(String),
}

/// The error of loading a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not WebAssembly.
    #[error("not a WebAssembly file: it starts with {found}{hint}")]
    #[non_exhaustive]
    NotWasm {
        /// The first bytes.
        found: String,
        /// A guess at the real format, or an empty text.
        hint: &'static str,
    },
    /// The bytes are a core module, and a plugin is a component.
    #[error(
        "this is a core WebAssembly module, and a plugin is a component: make one with `wasm-tools component new` \
         (first `wasm-tools component embed` with Guardhouse's `wit/` if the compiler did not embed it), or build \
         with a Guardhouse SDK, which does both"
    )]
    CoreModule,
    /// The component is invalid, or uses a feature that plugins may not use.
    #[error("not a valid component, at byte {offset}: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// The offset in the file, in bytes.
        offset: usize,
        /// The reason.
        reason: String,
    },
    /// The file of the plugin cannot be read.
    #[error("cannot read `{}`: {reason}", .file.display())]
    #[non_exhaustive]
    Unreadable {
        /// The path of the file.
        file: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The plugin is over one of the host's limits. Nothing of it was compiled.
    #[error("{found} {what}, over the cap of {cap} (`HostLimits::{limit}`)")]
    #[non_exhaustive]
    TooLarge {
        /// The measured quantity.
        what: &'static str,
        /// The measured value.
        found: usize,
        /// The largest allowed value.
        cap: usize,
        /// The field of [`HostLimits`](crate::HostLimits) to raise.
        limit: &'static str,
    },
    /// The plugin does not export the contract's `check`.
    #[error("does not export `{expected}`{hint}; it exports {found}")]
    #[non_exhaustive]
    NoCheck {
        /// The interface that a plugin must export.
        expected: String,
        /// The exports of the plugin.
        found: String,
        /// A guess at the mistake, or an empty text.
        hint: &'static str,
    },
    /// The plugin was built against a version of the contract that this host does not run.
    #[error("built against `{found}` of the contract `guardhouse:auth`; this host supports version {supported}")]
    #[non_exhaustive]
    Version {
        /// The interface and version in the plugin, for example `check@0.2.0`.
        found: String,
        /// The versions that this host runs.
        supported: String,
    },
    /// An export of the contract has the wrong type.
    #[error("`{name}` has the wrong type: expected `{expected}`, found `{found}`")]
    #[non_exhaustive]
    WrongType {
        /// The function.
        name: String,
        /// Its type in the contract.
        expected: String,
        /// Its type in the plugin.
        found: String,
    },
    /// The plugin imports interfaces that hosts do not offer.
    #[error("imports what this host does not offer: {}{hint}", quoted(.imports))]
    #[non_exhaustive]
    UnknownImports {
        /// Their names.
        imports: Vec<String>,
        /// Advice, or nothing.
        hint: &'static str,
    },
    /// An import has the wrong type.
    #[error("an import does not fit what this host offers: {0}")]
    WrongImport(String),
    /// Components inside the plugin may pass text to each other in different encodings.
    #[error(
        "consists of several components, and not all of their functions encode text as UTF-8: build all of them with \
         `string-encoding=utf8`"
    )]
    Encodings,
    /// The plugin needs more memories, tables or instances than the host gives to any plugin.
    #[error("does not fit this host: {0}")]
    DoesNotFit(String),
    /// The compiler rejected the plugin.
    #[error("cannot be compiled: {0}")]
    Compile(String),
    /// The compiler process was stopped or crashed: the plugin may have been made for that.
    #[error("compiling it was stopped: {0}")]
    CompilerStopped(String),
    /// The tenant that the plugin is loaded for has spent its [budget](crate::TenantBudget).
    #[error("{0}")]
    OverBudget(String),
    /// The tenant that the plugin is loaded for was made by another host.
    #[error(
        "the tenant `{tenant}` belongs to another host: make it with `Host::tenant` of the host that loads the plugin"
    )]
    #[non_exhaustive]
    OtherHost {
        /// The name of the tenant.
        tenant: String,
    },
    /// No compiler process was free in time. The plugin was not looked at: load it again later.
    #[error("the host is busy, try again later: {0}")]
    Busy(String),
    /// The plugin's `schema` failed.
    #[error("failed when asked for its settings schema: {0}")]
    Schema(Fault),
    /// The settings schema is invalid, or breaks a rule for schemas.
    #[error("its settings schema cannot be used: {0}")]
    BadSchema(String),
    /// The host failed: for example, no thread or compiler can be started.
    #[error("the host failed: {0}")]
    Host(String),
}

/// The error of making a check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The plugin cannot be optimized, which a fuel limit requires.
    #[error("cannot be optimized, which a fuel limit requires: {0}")]
    Optimize(String),
    /// There are settings, but the plugin takes none.
    #[error("this plugin takes no settings")]
    NoSettings,
    /// The settings document is over [`Limits::settings_bytes`](crate::Limits::settings_bytes).
    #[error("settings of {found} bytes, over the cap of {cap} bytes (`Limits::settings_bytes`)")]
    #[non_exhaustive]
    SettingsTooLarge {
        /// Their size in bytes.
        found: usize,
        /// The cap in bytes.
        cap: usize,
    },
    /// The settings are invalid by the plugin's schema.
    #[error("settings do not match the plugin's schema: {0}")]
    Schema(Violation),
    /// The settings could not be validated: the validation was stopped at a limit, because the schema or the settings
    /// are too large or made for that, or the host failed.
    #[error("the settings cannot be validated against the plugin's schema: {0}")]
    Validation(Fault),
    /// The plugin's `configure` rejected the settings, with this message.
    #[error("the plugin rejected its settings: {0}")]
    Rejected(String),
    /// The plugin failed while it was configured, or could not be instantiated.
    #[error("the plugin failed while it was configured: {0}")]
    Fault(Fault),
    /// The plugin imports an interface that needs a grant, which the check does not have.
    #[error("the plugin imports `{import}`, which needs the grant `{grant}`")]
    #[non_exhaustive]
    NotGranted {
        /// The import.
        import: String,
        /// The grant that it needs.
        grant: Grant,
    },
    /// The tenant was made by another host than the plugin's.
    #[error("the tenant `{tenant}` belongs to another host: make it with `Host::tenant` of the plugin's host")]
    #[non_exhaustive]
    OtherHost {
        /// The name of the tenant.
        tenant: String,
    },
    /// The tenant has spent its [budget](crate::TenantBudget).
    #[error("{0}")]
    OverBudget(String),
    /// There is a warm-up request, but the policy is that no image is made, for which it would be used.
    #[error("`CheckConfig::warm_up` has no effect with `ImagePolicy::Never`: leave it out, or choose another policy")]
    UnusedWarmUp,
    /// A limit of the check is over the host's, or invalid.
    #[error("`Limits::{limit}` is {found}, but the host allows {allowed}")]
    #[non_exhaustive]
    Limit {
        /// The field of [`Limits`](crate::Limits).
        limit: &'static str,
        /// Its value.
        found: String,
        /// The allowed values.
        allowed: String,
    },
    /// The breaker of the check has an invalid pause.
    #[error("{0}")]
    Breaker(String),
    /// The host failed: for example, no thread can be started.
    #[error("the host failed: {0}")]
    Host(String),
}

/// The first violation of a schema by settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// The JSON pointer (RFC 6901) of the invalid value; "" is the whole document.
    pub pointer: String,
    /// The reason.
    pub reason: String,
}

impl std::error::Error for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "at `{}`: ", self.pointer)?;
        }
        f.write_str(&self.reason)
    }
}
