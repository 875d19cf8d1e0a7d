//! The metrics of the server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use guardhouse::{AuthContext, Cause, Component, Host, Outcome, native};
use guardhouse_server::decided::DenialCause;
use guardhouse_server::log_rules::LogRules;
use guardhouse_server::observe::decision_log::{DecisionLog, Destination, LogLimits};
use guardhouse_server::observe::metrics::exposition::Exposition;
use guardhouse_server::observe::{Exchange, Observers};
use guardhouse_server::tenants::Tenants;

use crate::harness::decided::{allowed, block_on, by_check, exchange, unknown_tenant};
use crate::harness::{host_with, nobody, small};

/// The samples of a document by their names with labels, which must be as Prometheus wants them: what
/// `promtool check metrics` complains of, and the rules of <https://prometheus.io/docs/practices/naming>.
fn samples(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'));
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut samples = BTreeMap::new();
    let (mut family, mut help) = ("", "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            (family, help) = rest.split_once(' ').unwrap();
            assert!(help.ends_with('.') && !kinds.contains_key(family), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family, "the help comes first");
            assert!(kinds.insert(name, kind).is_none(), "{line}");
            lint_name(name, kind, help);
            continue;
        }
        let (series, number) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let suffixes = if kinds[family] == "histogram" { &["_bucket", "_sum", "_count"][..] } else { &[""] };
        let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} is not of {family}"));
        assert!(suffixes.contains(&suffix), "{line}");
        lint_labels(labels.strip_suffix('}').unwrap());
        assert!(samples.insert(series.to_owned(), number.parse().unwrap()).is_none(), "{series} occurs twice");
    }
    for (name, _) in kinds.iter().filter(|(_, kind)| **kind == "histogram") {
        lint_histogram(name, &samples);
    }
    samples
}

fn lint_name(name: &str, kind: &str, help: &str) {
    assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
    assert!(name.starts_with("guardhouse_") || name.starts_with("process_"), "{name}");
    assert!(["counter", "gauge", "histogram"].contains(&kind), "{name} is a {kind}");
    assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
    for unit in
        ["_ms", "_us", "_ns", "_milliseconds", "_microseconds", "_minutes", "_kb", "_mb", "_kilobytes", "_percent"]
    {
        assert!(!name.ends_with(unit) && !name.contains(&format!("{unit}_")), "{name} is not in a base unit");
    }
    for (word, unit) in [("in bytes", "_bytes"), ("in seconds", "_seconds")] {
        assert_eq!(help.contains(word), name.contains(unit), "{name}: {help}");
    }
    for suffix in ["_bucket", "_sum", "_count", "counter", "gauge", "histogram", "metric"] {
        assert!(!name.ends_with(suffix), "{name}");
    }
}

fn lint_labels(labels: &str) {
    // No value that the server writes has a comma, except for hostile names, which no label has.
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once('=').unwrap();
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !name.starts_with("__"),
            "{label}"
        );
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
        assert!(!value.is_empty() && !value.contains(['"', '\\']), "{label}");
    }
}

fn lint_histogram(name: &str, samples: &BTreeMap<String, f64>) {
    let mut counts: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (series, count) in samples.iter().filter(|(series, _)| series.starts_with(&format!("{name}_bucket"))) {
        let (labels, bound) = series.strip_suffix("\"}").unwrap().rsplit_once("le=\"").unwrap();
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
        counts.entry(labels.trim_end_matches([',', '{']).replacen("_bucket", "", 1)).or_default().push((bound, *count));
    }
    for (labels, mut buckets) in counts {
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(buckets.iter().zip(&buckets[1..]).all(|(one, next)| one.1 <= next.1), "{labels}: {buckets:?}");
        let last = buckets.last().unwrap();
        let sample = |suffix: &str| {
            let series = labels.replacen(name, &format!("{name}{suffix}"), 1);
            samples[&if series.contains('{') { series + "}" } else { series }]
        };
        assert_eq!((last.0, last.1), (f64::INFINITY, sample("_count")));
        assert!(sample("_sum") >= 0.0);
    }
}

/// Observers that have seen some of everything.
fn observers(host: &Host) -> Observers {
    let file = tempfile::tempfile().unwrap();
    let log = DecisionLog::start(Destination::Open(file), LogLimits::default()).unwrap();
    let observers = Observers::with_log(log);
    let metrics = observers.metrics();
    metrics.watch(&Tenants::new(host.clone()));
    metrics.answered("native", 200);
    metrics.answered("authzen", 404);
    metrics.activation("activated", Duration::from_millis(3));
    metrics.activation("refused", Duration::from_millis(1));
    metrics.listener("127.0.0.1:8180").refused("too-many");
    metrics.collect(|exposition: &mut Exposition| {
        exposition.gauge("guardhouse_test", "A gauge of the test.").sample(&[], 1_u64);
    });
    let context = nobody();
    let mut monitored = allowed("acme", &context);
    monitored.would_deny = Some((guardhouse::Denial::new(monitored.id), DenialCause::NoRule));
    let failed = native::from_fn("failed", |_: &AuthContext| Outcome::native_fault("no"));
    for decided in [
        allowed("acme", &context),
        monitored,
        unknown_tenant(&context),
        by_check("acme", failed, &context, LogRules::default()),
        by_check("beta", native::from_fn("deny", |_: &AuthContext| false), &context, LogRules::default()),
    ] {
        block_on(observers.decided(&exchange(&context), &decided));
    }
    observers
}

#[test]
fn the_metrics_are_as_prometheus_wants_them_and_count_what_happened() {
    let host = host_with(small());
    let _tenant = host.tenant("acme");
    let observers = observers(&host);
    assert!(observers.log().unwrap().flush(Duration::from_secs(60)));
    let samples = samples(&observers.metrics_text());
    for (series, expected) in [
        ("guardhouse_decisions_total{door=\"native\",decision=\"allow\",cause=\"none\"}", 2.0),
        ("guardhouse_decisions_total{door=\"native\",decision=\"deny\",cause=\"unknown-tenant\"}", 1.0),
        ("guardhouse_decisions_total{door=\"native\",decision=\"deny\",cause=\"check\"}", 2.0),
        ("guardhouse_monitored_denials_total{door=\"native\",cause=\"no-rule\"}", 1.0),
        ("guardhouse_decision_duration_seconds_count{door=\"native\"}", 5.0),
        ("guardhouse_check_evaluations_total{outcome=\"failed\"}", 1.0),
        ("guardhouse_check_faults_total{cause=\"native\"}", 1.0),
        ("guardhouse_check_faults_total{cause=\"trap\"}", 0.0),
        ("guardhouse_http_answers_total{door=\"authzen\",status=\"4xx\"}", 1.0),
        ("guardhouse_activations_total{result=\"refused\"}", 1.0),
        ("guardhouse_activation_duration_seconds_count", 2.0),
        ("guardhouse_connections_refused_total{listener=\"127.0.0.1:8180\",reason=\"too-many\"}", 1.0),
        ("guardhouse_decision_log_lines_total", 5.0),
        ("guardhouse_decision_log_lost_lines_total{reason=\"queue-full\"}", 0.0),
        ("guardhouse_decision_log_queue_bytes", 0.0),
        ("guardhouse_instances", 0.0),
        ("guardhouse_tenants", 0.0),
        ("guardhouse_source_failing", 0.0),
        ("guardhouse_test", 1.0),
    ] {
        assert_eq!(samples.get(series), Some(&expected), "{series}");
    }
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_cpu_seconds_total"] {
        assert!(samples[name] > 0.0, "{name}");
    }
    let faults = samples.keys().filter(|series| series.starts_with("guardhouse_check_faults_total")).count();
    assert_eq!(faults, Cause::ALL.len());
    assert!(!samples.keys().any(|series| series.contains("tenant=") || series.contains("acme")));
}

#[test]
fn the_metrics_of_tenants_are_a_document_of_their_own() {
    let host = host_with(small());
    let _tenant = host.tenant("acme");
    let observers = observers(&host);
    let samples = samples(&observers.metrics().tenant_text());
    for (series, expected) in [
        ("guardhouse_tenant_decisions_total{tenant=\"acme\",decision=\"allow\"}", 2.0),
        ("guardhouse_tenant_decisions_total{tenant=\"acme\",decision=\"deny\"}", 1.0),
        ("guardhouse_tenant_monitored_denials_total{tenant=\"acme\"}", 1.0),
        ("guardhouse_tenant_faults_total{tenant=\"acme\"}", 1.0),
        ("guardhouse_tenant_faults_total{tenant=\"beta\"}", 0.0),
        ("guardhouse_tenant_decision_log_lost_lines_total{tenant=\"beta\"}", 0.0),
        ("guardhouse_tenant_evaluations_total{tenant=\"acme\"}", 0.0),
    ] {
        assert_eq!(samples.get(series), Some(&expected), "{series}");
    }
    observers.metrics().forget(&"acme".parse().unwrap());
    let text = observers.metrics().tenant_text();
    assert!(!text.contains("guardhouse_tenant_faults_total{tenant=\"acme\"}") && text.contains("tenant=\"beta\""));
}

#[test]
fn nothing_that_a_caller_chooses_adds_a_series() {
    let host = host_with(small());
    let observers = observers(&host);
    let before: BTreeSet<String> = samples(&observers.metrics_text()).into_keys().collect();
    let of_tenants = samples(&observers.metrics().tenant_text()).len();
    for number in 0..1_000 {
        let hostile = format!("\"}} {number}\n{}", "x".repeat(number));
        let context = AuthContext::new(Component::new(&hostile, &hostile)).with_action(&hostile);
        let mut decided =
            by_check("acme", native::from_fn(hostile.clone(), |_: &AuthContext| false), &context, LogRules::default());
        decided.rule = Some(hostile.as_str().into());
        let exchange = Exchange { request_id: Some(&hostile), trace_parent: Some(&hostile), ..exchange(&context) };
        block_on(observers.decided(&exchange, &decided));
        decided.tenant = None;
        decided.cause = Some(DenialCause::UnknownTenant);
        block_on(observers.decided(&exchange, &decided));
    }
    let after: BTreeSet<String> = samples(&observers.metrics_text()).into_keys().collect();
    assert_eq!(before, after);
    assert_eq!(samples(&observers.metrics().tenant_text()).len(), of_tenants);
}

#[test]
fn a_thousand_tenants_add_no_series_without_a_tenant() {
    let host = host_with(small());
    let observers = observers(&host);
    let before = samples(&observers.metrics_text()).len();
    let context = nobody();
    for number in 0..1_000 {
        block_on(observers.decided(&exchange(&context), &allowed(&format!("t-{number}"), &context)));
    }
    assert_eq!(samples(&observers.metrics_text()).len(), before);
    let of_one = |text: &str| text.matches("tenant=\"t-7\"").count();
    let text = observers.metrics().tenant_text();
    assert_eq!(of_one(&text), 6);
    samples(&text);
}

#[test]
fn words_of_the_program_are_bounded_too() {
    let observers = Observers::default();
    let context = nobody();
    for number in 0..1_000 {
        let door: &'static str = Box::leak(format!("door-{number}").into_boxed_str());
        block_on(observers.decided(&Exchange { door, ..exchange(&context) }, &allowed("acme", &context)));
        observers.metrics().answered(door, 200);
    }
    let samples = samples(&observers.metrics_text());
    assert!(samples.len() < 500, "{}", samples.len());
    assert_eq!(samples["guardhouse_http_answers_total{door=\"other\",status=\"other\"}"], 1_000.0 - 64.0);
}

#[test]
fn a_connection_is_open_until_it_is_dropped() {
    let observers = Observers::default();
    let listener = observers.metrics().listener("main");
    let (one, other) = (listener.accepted(), listener.accepted());
    assert_eq!(listener.open(), 2);
    drop(one);
    let samples = samples(&observers.metrics_text());
    assert_eq!(samples["guardhouse_connections{listener=\"main\"}"], 1.0);
    assert_eq!(samples["guardhouse_connections_accepted_total{listener=\"main\"}"], 2.0);
    drop(other);
    assert_eq!(listener.open(), 0);
}
