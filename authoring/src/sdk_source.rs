//! The source of the SDK of new projects.

/// The source of a project's SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdkSource {
    /// The registry of the language: crates.io, npm or PyPI. C, Go and Zig have none, so their projects have a copy.
    Registry,
    /// A copy in the project.
    Vendored,
}

/// The source of the SDK of new projects. It is [`SdkSource::Registry`] when the SDKs of this version are published;
/// `cargo xtask prove sdks` tests both.
pub const SDK_SOURCE: SdkSource = SdkSource::Vendored;
