//! The reasons why an evaluation gets no turn.

use crate::fault::{Cause, Fault};

/// The reason why an evaluation gets no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many evaluations wait: of the tenant, or of the host, where this tenant has the most by weight.
    QueueFull,
    /// It waited longer than it may.
    QueuedTooLong,
    /// Its deadline passed while it waited.
    Deadline,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let (cause, detail) = match refusal {
            Refusal::QueueFull => (Cause::QueueFull, "too many evaluations of this tenant wait for processor time"),
            Refusal::QueuedTooLong => (Cause::QueuedTooLong, "it waited too long for an instance and processor time"),
            Refusal::Deadline => (Cause::Deadline, "no answer within the deadline, while waiting for processor time"),
        };
        Self::new(cause, detail)
    }
}
