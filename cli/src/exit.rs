//! What the command tells the shell.

use std::process::ExitCode;

/// How a command ended. A script must be able to tell a denial from a command that never came to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The checks allow; the plugin loads; what was asked for was printed.
    Success,
    /// The command itself failed: nothing was decided.
    Failure,
    /// The checks deny.
    Denied,
    /// The plugin does not load.
    DoesNotLoad,
    /// A case comes out differently from what it says.
    Differs,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Denied | Exit::DoesNotLoad | Exit::Differs => Self::from(2),
        }
    }
}
