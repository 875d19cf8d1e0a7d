//! Metrics of each tenant, for a listener of their own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use guardhouse::{Host, TenantUsage};

use crate::decided::Decided;
use crate::observe::metrics::exposition::{Exposition, Number};
use crate::tenant_name::TenantName;

/// The maximum number of tenants that are counted. Requests of tenants that do not exist are not counted here, so only
/// tenants that come and go without [`Tenants::forget`] get there.
const MAX_TENANTS: usize = 100_000;

/// The counters of all tenants.
#[derive(Debug, Default)]
pub(super) struct Tenants(RwLock<HashMap<TenantName, Arc<Counters>>>);

#[derive(Debug, Default)]
struct Counters {
    allowed: AtomicU64,
    denied: AtomicU64,
    monitored: AtomicU64,
    faults: AtomicU64,
    lost_lines: AtomicU64,
    generation: AtomicU64,
}

impl Tenants {
    /// Counts a decision of an existing tenant, in which `faults` checks failed.
    pub(super) fn decided(&self, decided: &Decided, faults: u64) {
        let Some(counters) = decided.tenant.as_ref().and_then(|tenant| self.of(tenant)) else { return };
        let decision = if decided.decision.is_allow() { &counters.allowed } else { &counters.denied };
        decision.fetch_add(1, Ordering::Relaxed);
        counters.monitored.fetch_add(decided.would_deny.is_some().into(), Ordering::Relaxed);
        counters.faults.fetch_add(faults, Ordering::Relaxed);
        if let Some(policy) = decided.policy {
            counters.generation.fetch_max(policy.generation, Ordering::Relaxed);
        }
    }

    /// Counts a line of the decision log that was lost.
    pub(super) fn lost_line(&self, tenant: &TenantName) {
        if let Some(counters) = self.of(tenant) {
            counters.lost_lines.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets a tenant.
    pub(super) fn forget(&self, tenant: &TenantName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    /// Writes everything that is counted for each tenant, and what each holds of the host.
    pub(super) fn write(&self, exposition: &mut Exposition, host: Option<&Host>) {
        let mut tenants: Vec<(TenantName, Arc<Counters>)> = {
            let tenants = self.0.read().unwrap_or_else(PoisonError::into_inner);
            tenants.iter().map(|(tenant, counters)| (tenant.clone(), Arc::clone(counters))).collect()
        };
        tenants.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut decisions =
            exposition.counter("guardhouse_tenant_decisions_total", "Decisions of the tenant, by the answer.");
        for (tenant, counters) in &tenants {
            let tenant = ("tenant", tenant.as_str());
            decisions.sample(&[tenant, ("decision", "allow")], counters.allowed.load(Ordering::Relaxed));
            decisions.sample(&[tenant, ("decision", "deny")], counters.denied.load(Ordering::Relaxed));
        }
        let counted: [Counted; 3] = [
            (
                "guardhouse_tenant_monitored_denials_total",
                "Denials of the tenant that the mode monitor turned into an allow.",
                |counters| &counters.monitored,
            ),
            ("guardhouse_tenant_faults_total", "Evaluations of the tenant that failed.", |counters| &counters.faults),
            (
                "guardhouse_tenant_decision_log_lost_lines_total",
                "Lines of the decision log that the tenant lost.",
                |counters| &counters.lost_lines,
            ),
        ];
        for (name, help, counter) in counted {
            let mut family = exposition.counter(name, help);
            for (tenant, counters) in &tenants {
                family.sample(&[("tenant", tenant.as_str())], counter(counters).load(Ordering::Relaxed));
            }
        }
        let help = "Newest snapshot of the policy that decided a request of the tenant.";
        let mut generations = exposition.gauge("guardhouse_tenant_policy_generation", help);
        for (tenant, counters) in &tenants {
            generations.sample(&[("tenant", tenant.as_str())], counters.generation.load(Ordering::Relaxed));
        }
        if let Some(host) = host {
            write_usage(exposition, &host.tenant_usage());
        }
    }

    fn of(&self, tenant: &TenantName) -> Option<Arc<Counters>> {
        if let Some(counters) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(tenant) {
            return Some(Arc::clone(counters));
        }
        let mut tenants = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_full = tenants.len() >= MAX_TENANTS;
        (!is_full || tenants.contains_key(tenant)).then(|| Arc::clone(tenants.entry(tenant.clone()).or_default()))
    }
}

/// A counter as it is written: the name, the help and the number.
type Counted = (&'static str, &'static str, fn(&Counters) -> &AtomicU64);

/// The usage of the host by each tenant, as it is written: the name, whether it is a counter, the help and the number.
type Column = (&'static str, bool, &'static str, fn(&TenantUsage) -> Number);

fn write_usage(exposition: &mut Exposition, usage: &[TenantUsage]) {
    let columns: [Column; 12] = [
        ("guardhouse_tenant_evaluations_total", true, "Evaluations of checks of the tenant.", |usage| {
            usage.evaluations.into()
        }),
        (
            "guardhouse_tenant_cpu_seconds_total",
            true,
            "Processor time of the evaluations of the tenant, in seconds.",
            |usage| usage.cpu_time.into(),
        ),
        ("guardhouse_tenant_over_budget_total", true, "Evaluations that the budget of the tenant denied.", |usage| {
            usage.over_budget.into()
        }),
        ("guardhouse_tenant_compile_seconds_total", true, "Time of compiling for the tenant, in seconds.", |usage| {
            usage.compile_time.into()
        }),
        ("guardhouse_tenant_plugins", false, "Plugins that were loaded for the tenant.", |usage| usage.plugins.into()),
        ("guardhouse_tenant_plugin_bytes", false, "Files of the plugins of the tenant, in bytes.", |usage| {
            usage.plugin_bytes.into()
        }),
        ("guardhouse_tenant_resident_bytes", false, "Code and images of the tenant in memory, in bytes.", |usage| {
            usage.resident_bytes.into()
        }),
        ("guardhouse_tenant_fuel_total", true, "Fuel of the evaluations of the tenant.", |usage| usage.fuel.into()),
        ("guardhouse_tenant_checks", false, "Checks of the tenant.", |usage| usage.checks.into()),
        ("guardhouse_tenant_settings_bytes", false, "Settings of the checks of the tenant, in bytes.", |usage| {
            usage.settings_bytes.into()
        }),
        ("guardhouse_tenant_instances", false, "Live instances of the tenant.", |usage| usage.instances.into()),
        (
            "guardhouse_tenant_instance_memory_bytes",
            false,
            "Linear memory of the live instances of the tenant, in bytes.",
            |usage| usage.memory_bytes.into(),
        ),
    ];
    for (name, is_counter, help, number) in columns {
        let mut family = if is_counter { exposition.counter(name, help) } else { exposition.gauge(name, help) };
        for usage in usage {
            // Everything in this server has a tenant.
            if let Some(tenant) = &usage.tenant {
                family.sample(&[("tenant", tenant)], number(usage));
            }
        }
    }
}
