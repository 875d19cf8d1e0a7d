//! The exit codes of the command.

use std::process::ExitCode;

/// The result of a command for the shell. A denial and a command that failed have different exit codes, so that a
/// script can distinguish them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The checks allow; the plugin loads; every case passes; every policy can be activated; the requested text
    /// was printed.
    Success,
    /// The command itself failed, and nothing was decided.
    Failure,
    /// The checks deny.
    Denied,
    /// The plugin does not load.
    DoesNotLoad,
    /// A case fails.
    CaseFailed,
    /// A policy has an error, or one of its cases fails.
    PolicyFails,
    /// The configuration is invalid.
    Invalid,
    /// A plugin costs more than its baseline.
    CostsMore,
    /// A plugin is not of the sources that are given.
    OtherSource,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Denied
            | Exit::DoesNotLoad
            | Exit::CaseFailed
            | Exit::PolicyFails
            | Exit::Invalid
            | Exit::CostsMore
            | Exit::OtherSource => Self::from(2),
        }
    }
}
