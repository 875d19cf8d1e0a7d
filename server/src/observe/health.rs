//! Health: whether load balancers should send requests, and what is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::tenants::Tenants;
use crate::tenants::status::Readiness;

/// The health of a server. A clone is shallow.
#[derive(Debug, Clone)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tenants: Tenants,
    rule: ReadyRule,
    is_draining: AtomicBool,
}

/// When a server is ready although tenants have no active policy.
///
/// One tenant whose first policy is broken must not take the server away from all others. A server that has hardly any
/// policies is probably the one with the broken disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyRule {
    /// The share of tenants that may be without an active policy, in percent. Default: 50.
    pub without_policy_percent: u8,
}

impl Default for ReadyRule {
    fn default() -> Self {
        Self { without_policy_percent: 50 }
    }
}

/// The health of a server at one moment. It names no tenant, because everybody may ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// Whether load balancers should send requests.
    pub ready: bool,
    /// The state.
    pub state: HealthState,
    /// The number of tenants.
    pub tenants: usize,
    /// Tenants without an active policy.
    pub without_policy: usize,
    /// Tenants whose newest policy cannot be activated.
    pub refused: usize,
    /// Tenants whose active policy comes from the state folder.
    pub last_good: usize,
    /// Tenants whose active policy could not be written to the state folder.
    pub not_durable: usize,
    /// Whether the source of the policies cannot be read, or has something in it that belongs to no tenant.
    pub source_problem: bool,
}

/// The state of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthState {
    /// Not every tenant was tried once since the start.
    Starting,
    /// Too many tenants have no active policy.
    WithoutPolicies,
    /// Requests are decided, but not everything is as the source says.
    Degraded,
    /// Everything is as the source says.
    Serving,
    /// The server is about to end.
    Draining,
}

impl HealthState {
    /// Whether load balancers should send requests.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Degraded | Self::Serving)
    }

    /// The state as a word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::WithoutPolicies => "without-policies",
            Self::Degraded => "degraded",
            Self::Serving => "serving",
            Self::Draining => "draining",
        }
    }
}

impl Health {
    /// The health of a server with these tenants.
    #[must_use]
    pub fn new(tenants: Tenants, rule: ReadyRule) -> Self {
        Self(Arc::new(Inner { tenants, rule, is_draining: AtomicBool::new(false) }))
    }

    /// Says that the server is about to end. It is not ready from now on.
    pub fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Release);
    }

    /// Whether the server is about to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Acquire)
    }

    /// The health now. It takes one look at each tenant.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        self.0.rule.report(&self.0.tenants.readiness(), self.is_draining())
    }
}

impl ReadyRule {
    fn report(self, readiness: &Readiness, is_draining: bool) -> HealthReport {
        let Readiness { tenants, without_policy, refused, last_good, not_durable, .. } = *readiness;
        let source_problem = readiness.source_problem.is_some() || !readiness.problems.is_empty();
        let most = tenants.saturating_mul(self.without_policy_percent.into());
        let has_too_few =
            without_policy.saturating_mul(100) > most || (tenants == 0 && readiness.source_problem.is_some());
        let state = if is_draining {
            HealthState::Draining
        } else if !readiness.is_started {
            HealthState::Starting
        } else if has_too_few {
            HealthState::WithoutPolicies
        } else if readiness.is_degraded() {
            HealthState::Degraded
        } else {
            HealthState::Serving
        };
        let ready = state.is_ready();
        HealthReport { ready, state, tenants, without_policy, refused, last_good, not_durable, source_problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_while_enough_tenants_have_a_policy() {
        use HealthState::{Degraded, Draining, Serving, Starting, WithoutPolicies};
        let readiness = |tenants, without_policy, source: Option<&str>| {
            let mut readiness = Readiness { is_started: true, tenants, without_policy, ..Readiness::default() };
            readiness.source_problem = source.map(ToOwned::to_owned);
            readiness
        };
        let table = [
            (50, readiness(0, 0, None), Serving),
            (50, readiness(2, 0, None), Serving),
            (50, readiness(2, 1, None), Degraded),
            (50, readiness(3, 2, None), WithoutPolicies),
            (0, readiness(10_000, 1, None), WithoutPolicies),
            (100, readiness(1, 1, None), Degraded),
            (50, readiness(0, 0, Some("gone")), WithoutPolicies),
            (50, readiness(2, 0, Some("gone")), Degraded),
            (50, Readiness { refused: 1, ..readiness(2, 0, None) }, Degraded),
            (50, Readiness { last_good: 1, ..readiness(2, 0, None) }, Degraded),
            (50, Readiness { not_durable: 1, ..readiness(2, 0, None) }, Degraded),
            (50, Readiness { is_started: false, ..readiness(2, 0, None) }, Starting),
        ];
        for (without_policy_percent, readiness, expected) in table {
            let rule = ReadyRule { without_policy_percent };
            let report = rule.report(&readiness, false);
            assert_eq!((report.state, report.ready), (expected, expected.is_ready()), "{readiness:?}");
            assert_eq!(rule.report(&readiness, true).state, Draining);
            assert_eq!(serde_json::to_value(expected).unwrap(), expected.as_str());
        }
    }

    #[test]
    fn a_draining_server_is_not_ready() {
        assert!(!HealthState::Draining.is_ready());
        assert!(!HealthState::Starting.is_ready());
        assert!(!HealthState::WithoutPolicies.is_ready());
    }
}
