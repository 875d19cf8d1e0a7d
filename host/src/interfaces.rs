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
/// The interface that a plugin imports to read documents of the request.
pub(crate) const REQUEST: &str = interface!("request");
/// The interface that a plugin imports to read the bearer secret, which needs a grant.
pub(crate) const RAW_TOKEN: &str = interface!("raw-token");
/// The interface that every plugin exports.
pub(crate) const CHECK: &str = interface!("check");
/// The interface that a plugin exports to take settings.
pub(crate) const SETTINGS: &str = interface!("settings");
/// The interface that a plugin exports to name missing scopes.
pub(crate) const STEP_UP: &str = interface!("step-up");
/// WASI's logging proposal, in the version that plugins may import.
pub(crate) const LOGGING: &str = "wasi:logging/logging@0.1.0-draft";
