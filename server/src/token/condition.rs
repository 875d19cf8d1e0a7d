//! The condition of an issuer, of which the log tells when it changes, and not for each request.

use std::sync::Mutex;
use std::time::Duration;

use crate::lock::lock;

/// The shortest time between two lines that an issuer fails.
const PERIOD: Duration = Duration::from_secs(60);

/// Whether an issuer answers.
#[derive(Debug)]
pub(super) struct Condition {
    issuer: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the last line says that it fails.
    is_failing: bool,
    logged: Option<Duration>,
}

impl Condition {
    pub(super) fn new(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), state: Mutex::default() }
    }

    /// Notes a failure at a time; whether it was written to the log.
    pub(super) fn failed(&self, error: &dyn std::fmt::Display, elapsed: Duration) -> bool {
        let state = &mut *lock(&self.state);
        let is_late = state.logged.is_none_or(|logged| elapsed.saturating_sub(logged) >= PERIOD);
        let is_told = !state.is_failing && is_late;
        if is_told {
            (state.is_failing, state.logged) = (true, Some(elapsed));
            let issuer = &self.issuer;
            tracing::warn!(target: "guardhouse::server", issuer, %error, "the issuer of tokens cannot be asked");
        }
        is_told
    }

    /// Notes an answer; whether it was written to the log.
    pub(super) fn answered(&self) -> bool {
        let state = &mut *lock(&self.state);
        let is_told = std::mem::take(&mut state.is_failing);
        if is_told {
            tracing::info!(target: "guardhouse::server", issuer = self.issuer, "the issuer of tokens answers again");
        }
        is_told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_comes_and_goes_has_two_lines_a_minute() {
        let condition = Condition::new("id");
        let mut lines = 0;
        for second in 0..600 {
            lines += usize::from(condition.failed(&"down", Duration::from_secs(second)));
            lines += usize::from(condition.failed(&"down", Duration::from_secs(second)));
            lines += usize::from(condition.answered());
            lines += usize::from(condition.answered());
        }
        assert_eq!(lines, 20);
    }
}
