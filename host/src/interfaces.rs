//! The names of the contract's interfaces, all from one version.

/// The version of the contract in `wit/`.
macro_rules! version {
    () => {
        "0.1.0"
    };
}

macro_rules! interface {
    ($name:literal) => {
        concat!("guardhouse:auth/", $name, "@", version!())
    };
}

/// The versions of the contract (the WIT package `guardhouse:auth`) that this host runs.
pub const CONTRACT_VERSIONS: &[&str] = &[version!()];

/// The WIT package of the contract, with the slash before an interface's name.
pub(crate) const PACKAGE: &str = "guardhouse:auth/";

pub(crate) const TYPES: &str = interface!("types");
/// Imported by a plugin that reads documents of the request.
pub(crate) const REQUEST: &str = interface!("request");
/// Imported by a plugin that reads the bearer secret; needs a grant.
pub(crate) const RAW_TOKEN: &str = interface!("raw-token");
/// Exported by every plugin.
pub(crate) const CHECK: &str = interface!("check");
/// Exported by a plugin that takes settings.
pub(crate) const SETTINGS: &str = interface!("settings");
/// Exported by a plugin that names missing scopes.
pub(crate) const STEP_UP: &str = interface!("step-up");
/// WASI's logging proposal, in the version that plugins may import.
pub(crate) const LOGGING: &str = "wasi:logging/logging@0.1.0-draft";
