//! What a build is for.

/// What a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The next test on the author's machine: made as fast as possible, with the same answers as the release.
    Development,
    /// A server: small and fast to run.
    Release,
}
