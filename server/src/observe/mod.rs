//! Observers: everything that is told of each decision.

pub mod decision_log;
mod exchange;
pub mod health;
pub mod metrics;
mod record;
pub mod redaction;
pub mod status;
pub mod timestamp;
pub mod trace_parent;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::decided::Decided;
use crate::log_rules::LogRules;
use crate::observe::decision_log::DecisionLog;
pub use crate::observe::decision_log::line::MIN_LINE_BYTES;
pub use crate::observe::exchange::Exchange;
use crate::observe::metrics::Metrics;

/// The observers of a server: its metrics, and its decision log if it has one. A clone is shallow.
#[derive(Debug, Clone, Default)]
pub struct Observers {
    metrics: Arc<Metrics>,
    log: Option<DecisionLog>,
}

impl Observers {
    /// Observers with a decision log.
    #[must_use]
    pub fn with_log(log: DecisionLog) -> Self {
        Self { metrics: Arc::default(), log: Some(log) }
    }

    /// The metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The metrics without those of each tenant, in the format of
    /// [`Exposition::CONTENT_TYPE`](metrics::exposition::Exposition::CONTENT_TYPE).
    #[must_use]
    pub fn metrics_text(&self) -> String {
        self.metrics.text(self.log.as_ref().map(DecisionLog::counts))
    }

    /// The decision log, if there is one.
    #[must_use]
    pub fn log(&self) -> Option<&DecisionLog> {
        self.log.as_ref()
    }

    /// Tells every observer of a decision. No failure of an observer changes the decision. It waits only for the decision
    /// log, and only as [`WhenFull::Wait`](decision_log::WhenFull::Wait) says. Returns the time that it took without that
    /// wait.
    pub async fn decided(&self, exchange: &Exchange<'_>, decided: &Decided) -> Duration {
        static NOTHING: LazyLock<LogRules> = LazyLock::new(LogRules::default);
        let began = Instant::now();
        self.metrics.decided(exchange, decided);
        let Some(log) = &self.log else { return began.elapsed() };
        let rules = decided.log_rules.as_deref().unwrap_or(&NOTHING);
        let line = record::decision_line(exchange, decided, rules, log.limits().line_bytes);
        let took = began.elapsed();
        let is_logged = match line {
            Some(line) => log.write(decided.tenant.as_ref(), line).await,
            None => log.lose_too_long(),
        };
        if !is_logged {
            self.metrics.lost_line(decided.tenant.as_ref());
        }
        took
    }
}
