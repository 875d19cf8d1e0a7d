//! The files for operators: the unit, the container, and the guide.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use guardhouse::native;
use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::drain::Drain;
use guardhouse_server::config::tenant::AllTenantSettings;
use guardhouse_server::log_rules::{LogPart, LogRules};
use guardhouse_server::observe::Observers;
use guardhouse_server::observe::decision_log::{DecisionLog, Destination, LogLimits};
use guardhouse_server::observe::health::HealthState;
use guardhouse_server::tenants::Tenants;
use guardhouse_server::token::Tokens;
use serde_json::Value;

use crate::harness::decided::{allowed, block_on, exchange};
use crate::harness::{host_with, nobody, small};

const UNIT: &str = include_str!("../../packaging/systemd/guardhouse.service");
const CONTAINER: &str = include_str!("../../packaging/container/Containerfile");
const GUIDE: &str = include_str!("../../docs/operating.md");

fn setting(name: &str) -> &'static str {
    UNIT.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

#[test]
fn the_service_manager_waits_longer_than_the_server_drains() {
    let seconds = setting("TimeoutStopSec").strip_suffix('s').unwrap().parse().unwrap();
    let of_container = CONTAINER.split_once("--stop-timeout ").unwrap().1.split_once(' ').unwrap().0.parse().unwrap();
    let Drain { notice, time } = Drain::default();
    for seconds in [seconds, of_container] {
        assert!(Duration::from_secs(seconds) > notice + time);
    }
}

#[test]
fn the_configuration_of_the_guide_writes_only_where_the_service_and_the_container_may() {
    let text = GUIDE.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = ServerConfig::read(text.as_bytes(), Path::new("/etc/guardhouse")).unwrap();
    assert_eq!(config.state, Path::new("/var/lib").join(setting("StateDirectory")));
    assert!(CONTAINER.contains(&format!("WORKDIR {}\n", config.state.display())));
    // Both set the folder of the cache, which the configuration does not name.
    let cache = Path::new("/var/cache").join(setting("CacheDirectory"));
    assert_eq!(config.cache, None);
    for file in [UNIT, CONTAINER] {
        assert!(file.contains(&format!("GUARDHOUSE_CACHE={}", cache.display())));
    }
}

#[test]
fn the_service_can_run_plugins_and_confine_compilers() {
    assert_eq!(setting("MemoryDenyWriteExecute"), "no");
    assert!(setting("SystemCallFilter").split(' ').any(|call| call == "seccomp"));
    assert_eq!(setting("OOMPolicy"), "continue");
    assert_eq!(setting("KillMode"), "mixed");
}

#[test]
fn the_container_is_built_with_the_toolchain_of_the_workspace_and_runs_without_root() {
    let toolchain = include_str!("../../rust-toolchain.toml");
    let version = CONTAINER.split_once("FROM rust:").unwrap().1.split_once('-').unwrap().0;
    assert!(toolchain.contains(&format!("channel = \"{version}")), "{version} is not in {toolchain}");
    let (_, last_stage) = CONTAINER.rsplit_once("\nFROM ").unwrap();
    assert!(last_stage.contains("\nUSER 65532:65532\n"));
}

/// The names in backticks that begin so.
fn listed(prefix: &str) -> BTreeSet<&'static str> {
    GUIDE.split('`').skip(1).step_by(2).filter(|name| name.starts_with(prefix)).collect()
}

#[test]
fn the_guide_lists_every_metric_and_no_other() {
    let log = DecisionLog::start(Destination::Open(tempfile::tempfile().unwrap()), LogLimits::default()).unwrap();
    let observers = Observers::with_log(log);
    observers.metrics().watch(&Tenants::new(host_with(small())));
    let tokens = Tokens::new(&[], &AllTenantSettings::default());
    observers.metrics().collect(move |exposition| tokens.write_metrics(exposition));
    let texts = observers.metrics_text() + &observers.metrics().tenant_text();
    let written: BTreeSet<&str> =
        texts.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).map(|(name, _)| name).collect();
    let listed: BTreeSet<&str> = listed("guardhouse_").union(&listed("process_")).copied().collect();
    assert_eq!(written, listed);
}

#[test]
fn the_guide_lists_every_field_part_and_state() {
    let context = nobody();
    let mut decided = allowed("acme", &context);
    let check = native::from_fn("a check", |_: &guardhouse::AuthContext| false);
    decided.report = Some(guardhouse::AuthChecks::new(&[check]).explain_blocking(&context));
    decided.log_rules = Some(LogRules::everything().into());
    let file = tempfile::NamedTempFile::new().unwrap();
    let log = DecisionLog::start(Destination::File(file.path().to_owned()), LogLimits::default()).unwrap();
    block_on(Observers::with_log(log.clone()).decided(&exchange(&context), &decided));
    log.shutdown(Duration::from_secs(60));
    let line: Value = serde_json::from_str(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let parts = LogPart::ALL.map(|part| serde_json::to_value(part).unwrap().as_str().unwrap().to_owned());
    let (_, states) = GUIDE.split_once("| state | ready |").unwrap();
    for name in names(&line).into_iter().chain(names(&line["checks"][0])).chain(parts) {
        assert!(GUIDE.contains(&format!("`{name}`")) || GUIDE.contains(&format!("\"{name}\"")), "{name}");
    }
    use HealthState::{Degraded, Draining, Serving, Starting, WithoutPolicies};
    for state in [Starting, WithoutPolicies, Degraded, Serving, Draining] {
        let ready = if state.is_ready() { "yes" } else { "no" };
        assert!(states.contains(&format!("| `{}` | {ready} |", state.as_str())), "{state:?}");
    }
}
