//! The parts of a fast development build that this crate does not have: a sandbox, and a place to keep things.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

/// The means of fast development builds, from the program that builds.
pub struct BuildEnvironment<'a> {
    /// The folder in which prepared runtimes are kept. Only this user may have access to it.
    pub runtimes: PathBuf,
    /// Calls the `check` of a component once, in a sandbox.
    pub prepare: &'a Prepare<'a>,
    /// Tells the author something in one line that changes no result.
    pub note: &'a dyn Fn(&str),
    /// Shows the author an error of several lines, which is the reason why the build fails.
    pub show: &'a dyn Fn(&str),
}

/// Calls the `check` of a component with a request that has these documents, and returns the component with the state
/// that the call left. The inner error is the message with which the component denied.
pub type Prepare<'a> = dyn Fn(&[u8], &Documents<'_>) -> Result<Result<Vec<u8>, String>> + 'a;

/// The documents of the request that prepares a runtime, as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Documents<'a> {
    /// The arguments: the files that came with the runtime.
    pub library: &'a [u8],
    /// The attributes: what to do, and the files of the project.
    pub project: &'a [u8],
}

impl fmt::Debug for BuildEnvironment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildEnvironment").field("runtimes", &self.runtimes).finish_non_exhaustive()
    }
}
