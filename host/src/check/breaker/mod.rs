//! Breakers: a check that keeps failing is not evaluated for a while.

pub(super) mod circuit;

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::decision::auth_check::MAX_DEADLINE;
use crate::error::ConfigError;
use crate::fault::Cause;
use crate::units::duration;

/// A circuit breaker for one check ([`CheckConfig::breaker`](crate::CheckConfig::breaker)): after some faults in a row, the
/// check *opens*, and every evaluation fails at once with [`Cause::BreakerOpen`], which denies. After a pause one request
/// is evaluated as a probe. If it is answered, the check closes; if it fails too, the next pause is twice as long.
///
/// Only faults of the plugin count: traps, exhausted fuel, processor time, memory, tables, stack, instances or handles,
/// invalid results, `exit` and rejected settings. The others neither count nor end a row: lack of time or capacity, a
/// spent budget, and requests, messages, logs or documents that are too large or cannot be read, which are up to the
/// caller or the load. Any answer, also a denial, ends the row.
///
/// A check has no breaker unless its configuration has one, because a breaker gives callers power over each other: a
/// caller who finds an input for which the plugin fails can deny the check to all others, for the time of a pause and
/// longer if probes fail too. Use it for checks whose failure costs more than that, such as one that uses up its processor
/// time, and give callers who do not trust each other checks of their own. A breaker never allows anything.
///
/// In documents it is written like [`Limits`](crate::Limits).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// The faults in a row that open the check. Default: 5.
    pub faults: NonZeroU32,
    /// The first pause. From 1 ms to 1 hour. Default: 1 s.
    #[serde(with = "duration")]
    pub first_pause: Duration,
    /// The longest pause. From the first pause to 1 hour. Default: 1 min.
    #[serde(with = "duration")]
    pub longest_pause: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        const FAULTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
        Self { faults: FAULTS, first_pause: Duration::from_secs(1), longest_pause: Duration::from_secs(60) }
    }
}

/// The state of a check's [`Breaker`], for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BreakerState {
    /// Whether evaluations fail at once.
    pub is_open: bool,
    /// The number of faults in a row, while it is closed.
    pub faults: u32,
    /// The number of times that it opened, without failed probes.
    pub opened: u64,
    /// The number of evaluations that it denied.
    pub denied: u64,
}

impl Breaker {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let allowed = Duration::from_millis(1)..=MAX_DEADLINE;
        let pauses = [("first_pause", self.first_pause), ("longest_pause", self.longest_pause)];
        match pauses.into_iter().find(|(_, pause)| !allowed.contains(pause) || *pause < self.first_pause) {
            None => Ok(()),
            Some((field, pause)) => {
                let allowed = if field == "first_pause" { "1 ms" } else { "the first pause" };
                Err(ConfigError::Breaker(format!(
                    "`Breaker::{field}` is {pause:?}, but must be from {allowed} to 1 hour"
                )))
            }
        }
    }
}

/// Whether a fault is the plugin's own. Text that is too large may be the caller's: a plugin that works well may log it,
/// answer with it, or read it as one document.
fn is_own(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Trap
            | Cause::StackOverflow
            | Cause::OutOfFuel
            | Cause::CpuTimeLimit
            | Cause::MemoryLimit
            | Cause::TableLimit
            | Cause::InstanceLimit
            | Cause::HandleLimit
            | Cause::InvalidResult
            | Cause::Configure
            | Cause::Exit
    )
}
