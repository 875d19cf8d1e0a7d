//! Metrics, for Prometheus.
//!
//! There are two documents. [`Observers::metrics_text`](crate::observe::Observers::metrics_text) has no series for a
//! tenant, so its size does not depend on their number. It belongs on the listener of health. [`Metrics::tenant_text`] has
//! some series for each tenant, and belongs on a listener of its own.

pub mod exposition;
mod histogram;
mod host;
mod listener;
mod process;
mod tenants;
mod words;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use guardhouse::Cause;

use crate::decided::Decided;
use crate::observe::decision_log::LogCounts;
use crate::observe::exchange::Exchange;
use crate::observe::metrics::exposition::Exposition;
use crate::observe::metrics::histogram::Histogram;
pub use crate::observe::metrics::listener::{ListenerMetrics, OpenConnection};
use crate::observe::metrics::tenants::Tenants;
use crate::observe::metrics::words::Words;
use crate::observe::record::leaves;
use crate::tenant_name::TenantName;
use crate::tenants::Tenants as AllTenants;

/// A function that writes further metrics into each document without tenants.
type Collector = Box<dyn Fn(&mut Exposition) + Send + Sync>;

/// The metrics of a server.
pub struct Metrics {
    started: SystemTime,
    /// By door, decision and cause.
    decisions: Words<3, 64>,
    /// By door and cause.
    monitored: Words<2, 32>,
    durations: [(OnceLock<&'static str>, Histogram); 8],
    evaluations: Words<1, 8>,
    faults: Words<1, 64>,
    /// By door and class of the status.
    answers: Words<2, 64>,
    activations: Words<1, 8>,
    activation_durations: Histogram,
    last_activation: AtomicU64,
    tenants: Tenants,
    listeners: RwLock<Vec<ListenerMetrics>>,
    watched: OnceLock<AllTenants>,
    collectors: RwLock<Vec<Collector>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: SystemTime::now(),
            decisions: Words::default(),
            monitored: Words::default(),
            durations: Default::default(),
            evaluations: Words::default(),
            faults: Words::default(),
            answers: Words::default(),
            activations: Words::default(),
            activation_durations: Histogram::default(),
            last_activation: AtomicU64::new(0),
            tenants: Tenants::default(),
            listeners: RwLock::default(),
            watched: OnceLock::new(),
            collectors: RwLock::default(),
        }
    }
}

impl Metrics {
    /// Adds the numbers of all tenants and of their host. The first call counts.
    pub fn watch(&self, tenants: &AllTenants) {
        let _ = self.watched.set(tenants.clone());
    }

    /// Adds a function that writes further metrics. It is called for each scrape, and must not wait.
    pub fn collect(&self, collector: impl Fn(&mut Exposition) + Send + Sync + 'static) {
        self.collectors.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(collector));
    }

    /// The counters of a listener, which the operator has configured under this name.
    #[must_use]
    pub fn listener(&self, name: &str) -> ListenerMetrics {
        let listener = ListenerMetrics::new(name);
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener.clone());
        listener
    }

    /// Counts an HTTP answer of a door.
    pub fn answered(&self, door: &'static str, status: u16) {
        let class = match status / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "other",
        };
        self.answers.count([door, class]);
    }

    /// Counts an attempt to activate a policy, with its result: `activated`, `refused`.
    pub fn activation(&self, result: &'static str, took: Duration) {
        self.activations.count([result]);
        self.activation_durations.observe(took);
        if result == "activated" {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            // The clock may have been set back since the last one.
            self.last_activation.store(now.as_secs(), Ordering::Relaxed);
        }
    }

    /// Forgets a tenant that was removed.
    pub fn forget(&self, tenant: &TenantName) {
        self.tenants.forget(tenant);
    }

    /// Counts a decision.
    pub(super) fn decided(&self, exchange: &Exchange<'_>, decided: &Decided) {
        let cause = decided.cause.map_or("none", |cause| cause.as_str());
        self.decisions.count([exchange.door, decided.decision.kind(), cause]);
        if let Some((_, cause)) = &decided.would_deny {
            self.monitored.count([exchange.door, cause.as_str()]);
        }
        let of_door = self.durations.iter().find(|(door, _)| *door.get_or_init(|| exchange.door) == exchange.door);
        if let Some((_, durations)) = of_door {
            durations.observe(decided.elapsed);
        }
        let mut faults = 0;
        let evaluated = decided.report.as_ref().map_or(&[][..], |report| &report.checks);
        for check in leaves(evaluated).0 {
            let outcome = &check.evaluation.outcome;
            self.evaluations.count([outcome.kind()]);
            if let Some(fault) = outcome.fault() {
                self.faults.count([fault.cause.as_str()]);
                faults += 1;
            }
        }
        self.tenants.decided(decided, faults);
    }

    /// Counts a lost line of the decision log.
    pub(super) fn lost_line(&self, tenant: Option<&TenantName>) {
        if let Some(tenant) = tenant {
            self.tenants.lost_line(tenant);
        }
    }

    /// The metrics without those of each tenant, with the counts of the decision log if there is one.
    #[must_use]
    pub(super) fn text(&self, log: Option<LogCounts>) -> String {
        let mut exposition = Exposition::default();
        exposition
            .gauge("guardhouse_build_info", "Always 1, with the version of the server.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1_u64);
        self.write_decisions(&mut exposition);
        self.write_activations(&mut exposition);
        self.write_connections(&mut exposition);
        if let Some(counts) = log {
            write_log(&mut exposition, &counts);
        }
        if let Some(tenants) = self.watched.get() {
            write_tenants(&mut exposition, tenants);
            host::write(&mut exposition, tenants.host());
            exposition
                .gauge("guardhouse_breakers_open", "Checks that keep failing and are denied for a while.")
                .sample(&[], tenants.open_breakers());
        }
        for collector in &*self.collectors.read().unwrap_or_else(PoisonError::into_inner) {
            collector(&mut exposition);
        }
        process::write(&mut exposition, self.started);
        exposition.into_text()
    }

    /// The metrics of each tenant.
    #[must_use]
    pub fn tenant_text(&self) -> String {
        let mut exposition = Exposition::default();
        self.tenants.write(&mut exposition, self.watched.get().map(AllTenants::host));
        exposition.into_text()
    }

    fn write_decisions(&self, exposition: &mut Exposition) {
        let help = "Decisions by door, answer and cause of the denial.";
        self.decisions
            .write(&mut exposition.counter("guardhouse_decisions_total", help), ["door", "decision", "cause"]);
        let help = "Denials that the mode monitor turned into an allow.";
        self.monitored.write(&mut exposition.counter("guardhouse_monitored_denials_total", help), ["door", "cause"]);
        let help = "Wall-clock time of a decision, in seconds.";
        let mut durations = exposition.histogram("guardhouse_decision_duration_seconds", help);
        for (door, histogram) in &self.durations {
            if let Some(door) = door.get() {
                histogram.write(&mut durations, &[("door", door)]);
            }
        }
        let help = "Evaluations of checks by outcome.";
        self.evaluations.write(&mut exposition.counter("guardhouse_check_evaluations_total", help), ["outcome"]);
        let help = "Evaluations of checks that failed, by cause.";
        let mut faults = exposition.counter("guardhouse_check_faults_total", help);
        for cause in Cause::ALL {
            let count =
                self.faults.counts().find(|(words, _)| *words == [cause.as_str()]).map_or(0, |(_, count)| count);
            faults.sample(&[("cause", cause.as_str())], count);
        }
        let help = "HTTP answers by door and class of the status.";
        self.answers.write(&mut exposition.counter("guardhouse_http_answers_total", help), ["door", "status"]);
    }

    fn write_activations(&self, exposition: &mut Exposition) {
        let help = "Attempts to activate a policy by result.";
        self.activations.write(&mut exposition.counter("guardhouse_activations_total", help), ["result"]);
        let help = "Time from a changed policy to the end of its activation, in seconds.";
        self.activation_durations.write(&mut exposition.histogram("guardhouse_activation_duration_seconds", help), &[]);
        let help = "Last activation that succeeded, in seconds since the Unix epoch; 0 if none did.";
        exposition
            .gauge("guardhouse_last_activation_timestamp_seconds", help)
            .sample(&[], self.last_activation.load(Ordering::Relaxed));
    }

    fn write_connections(&self, exposition: &mut Exposition) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        let mut open = exposition.gauge("guardhouse_connections", "Open connections by listener.");
        for ListenerMetrics(counters) in &*listeners {
            open.sample(&[("listener", &counters.listener)], counters.open());
        }
        let mut accepted = exposition.counter("guardhouse_connections_accepted_total", "Accepted connections.");
        for ListenerMetrics(counters) in &*listeners {
            accepted.sample(&[("listener", &counters.listener)], counters.accepted.load(Ordering::Relaxed));
        }
        let mut refused = exposition
            .counter("guardhouse_connections_refused_total", "Connections that were closed at once, by reason.");
        for ListenerMetrics(counters) in &*listeners {
            for ([reason], count) in counters.refused.counts() {
                refused.sample(&[("listener", &counters.listener), ("reason", reason)], count);
            }
        }
        let help = "Accepted connections whose client speaks HTTP/2.";
        let mut http_2 = exposition.counter("guardhouse_connections_multiplexed_total", help);
        for ListenerMetrics(counters) in &*listeners {
            http_2.sample(&[("listener", &counters.listener)], counters.http_2.load(Ordering::Relaxed));
        }
        let help = "Handshakes of TLS that failed, by reason.";
        let mut failed = exposition.counter("guardhouse_tls_handshakes_failed_total", help);
        for ListenerMetrics(counters) in &*listeners {
            for ([reason], count) in counters.handshakes_failed.counts() {
                failed.sample(&[("listener", &counters.listener), ("reason", reason)], count);
            }
        }
    }
}

fn write_log(exposition: &mut Exposition, counts: &LogCounts) {
    exposition
        .counter("guardhouse_decision_log_lines_total", "Lines of the decision log that were written.")
        .sample(&[], counts.written);
    let help = "Lines of the decision log that were lost, by reason.";
    let mut lost = exposition.counter("guardhouse_decision_log_lost_lines_total", help);
    for (reason, lines) in counts.lost.by_reason() {
        lost.sample(&[("reason", reason)], lines);
    }
    exposition
        .counter("guardhouse_decision_log_waits_total", "Decisions that waited for room in the decision log.")
        .sample(&[], counts.waits);
    exposition
        .counter("guardhouse_decision_log_errors_total", "Errors of the destination of the decision log.")
        .sample(&[], counts.errors);
    exposition
        .gauge("guardhouse_decision_log_failing", "Whether the last write of the decision log failed.")
        .sample(&[], counts.is_failing);
    exposition
        .gauge("guardhouse_decision_log_queue_bytes", "Lines that wait to be written to the decision log, in bytes.")
        .sample(&[], counts.queue_bytes);
}

fn write_tenants(exposition: &mut Exposition, tenants: &AllTenants) {
    let readiness = tenants.readiness();
    let mut gauge = |name, help, number: usize| _ = exposition.gauge(name, help).sample(&[], number);
    gauge("guardhouse_tenants", "Tenants.", readiness.tenants);
    let help = "Tenants without an active policy, all requests of which are denied.";
    gauge("guardhouse_tenants_without_policy", help, readiness.without_policy);
    gauge("guardhouse_tenants_refused", "Tenants whose newest policy cannot be activated.", readiness.refused);
    let help = "Tenants whose active policy comes from the state folder, and not from the source.";
    gauge("guardhouse_tenants_last_good", help, readiness.last_good);
    let help = "Tenants whose active policy could not be written to the state folder.";
    gauge("guardhouse_tenants_not_durable", help, readiness.not_durable);
    let help = "Whether the source of the policies cannot be read as a whole.";
    gauge("guardhouse_source_failing", help, readiness.source_problem.is_some().into());
}

/// The resources that all tenants hold together. Their counters are not summed: they would fall when a tenant goes.
impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("started", &self.started).finish_non_exhaustive()
    }
}
