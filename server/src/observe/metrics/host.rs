//! Metrics of the host: what all tenants hold together, and the turns of their checks.

use guardhouse::{Host, TurnUsage};

use crate::observe::metrics::exposition::Exposition;

pub(super) fn write(exposition: &mut Exposition, host: &Host) {
    let usage = host.tenant_usage();
    let sum = |number: fn(&guardhouse::TenantUsage) -> u64| usage.iter().map(number).fold(0, u64::saturating_add);
    exposition.gauge("guardhouse_checks", "Checks of all tenants.").sample(&[], sum(|usage| usage.checks));
    exposition
        .gauge("guardhouse_settings_bytes", "Settings of all checks, in bytes.")
        .sample(&[], sum(|usage| usage.settings_bytes));
    exposition.gauge("guardhouse_instances", "Live instances of plugins.").sample(&[], sum(|usage| usage.instances));
    exposition
        .gauge("guardhouse_instance_memory_bytes", "Linear memory of the live instances, in bytes.")
        .sample(&[], sum(|usage| usage.memory_bytes));
    write_turns(exposition, &host.turn_usage());
}

fn write_turns(exposition: &mut Exposition, usage: &TurnUsage) {
    let gauges = [
        ("guardhouse_turns", "Guests that may run at the same time.", usage.turns),
        ("guardhouse_turns_free", "Turns that no guest has.", usage.free),
        ("guardhouse_turns_waiting", "Evaluations that wait for a turn.", usage.waiting),
    ];
    for (name, help, value) in gauges {
        exposition.gauge(name, help).sample(&[], u64::from(value));
    }
    let counters = [
        ("guardhouse_turns_waited_total", "Evaluations and other work that waited for a first turn.", usage.waited),
        ("guardhouse_turns_refused_total", "Evaluations that failed because too many waited.", usage.refused),
        ("guardhouse_turns_preempted_total", "Guests that gave way before their tick.", usage.preempted),
        ("guardhouse_turns_lapsed_total", "Turns that passed on from a blocked thread.", usage.lapsed),
    ];
    for (name, help, value) in counters {
        exposition.counter(name, help).sample(&[], value);
    }
}
