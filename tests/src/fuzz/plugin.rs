//! Files as plugins.

use std::sync::OnceLock;
use std::time::Duration;

use guardhouse::{
    AccessToken, AuthContext, Cause, Check, CheckConfig, Component, ConfigError, Decision, Host, HostLimits,
    ImagePolicy, Limits, LoadError, Outcome, Plugin,
};
use wasmparser::{Validator, WasmFeatures};

use super::{HOUR, ask, text_of};
use crate::guest::assemble;

/// A file is rejected with a short message, or it is a plugin that makes a decision, which is the same with an image of
/// its memory and without. It does not harm its neighbors.
pub fn plugin(bytes: &[u8]) {
    static HOST: OnceLock<(Host, Check)> = OnceLock::new();
    let (host, neighbor) = HOST.get_or_init(|| {
        let host = Host::builder().limits(host_limits()).build().unwrap();
        let text = include_str!("../../fixtures/token.wat");
        let plugin = Plugin::load(&host, &assemble(text).unwrap()).unwrap();
        // Only the plugins under test have short deadlines.
        let limits = Limits { deadline: HOUR, configure_deadline: HOUR, cpu_time: None, ..limits() };
        let check = Check::new(&plugin, CheckConfig { limits, ..CheckConfig::default() }).unwrap();
        (host, check)
    });
    match Plugin::load(host, bytes) {
        Ok(plugin) => {
            let mut validator = Validator::new_with_features(WasmFeatures::all());
            validator.validate_all(bytes).unwrap();
            decide(&plugin);
        }
        Err(LoadError::Schema(fault)) => assert_ne!(fault.cause, Cause::Host, "{fault}"),
        Err(error) => drop(text_of(&error)),
    }
    assert_eq!(ask(neighbor, &somebody()).decision, Decision::Allow);
    assert_eq!(ask(neighbor, &nobody()).decision.into_result(), Ok(false));
}

fn decide(plugin: &Plugin) {
    let fresh = outcome(plugin, ImagePolicy::Never, None);
    if plugin.settings_schema().is_none() {
        // A warmed-up image may decide differently. It takes two compilations, so only one plugin in sixteen has one.
        if plugin.digest().to_string().ends_with('0') {
            outcome(plugin, ImagePolicy::Eager, Some(nobody()));
        }
        return;
    }
    let image = outcome(plugin, ImagePolicy::Eager, None);
    // Random numbers depend on the decision, and configuring takes fuel and time.
    let is_random = plugin.shape().imports.iter().any(|import| import.starts_with("wasi:random/"));
    let (Some(fresh), Some(image)) = (fresh, image) else { return };
    if is_random || [&fresh, &image].iter().any(|outcome| is_exhausted(outcome)) {
        return;
    }
    match (&fresh, &image) {
        (Outcome::Failed(_), Outcome::Failed(_)) => {}
        _ => assert_eq!(fresh, image),
    }
}

fn is_exhausted(outcome: &Outcome) -> bool {
    let Outcome::Failed(fault) = outcome else { return false };
    matches!(fault.cause, Cause::OutOfFuel | Cause::Deadline | Cause::CpuTimeLimit)
}

/// The outcome of a plugin; `None` if no check can be made of it.
fn outcome(plugin: &Plugin, image: ImagePolicy, warm_up: Option<AuthContext>) -> Option<Outcome> {
    let config = CheckConfig { limits: limits(), image, warm_up, ..CheckConfig::default() };
    let check = match Check::new(plugin, config) {
        Ok(check) => check,
        Err(ConfigError::Fault(fault)) => {
            assert_ne!(fault.cause, Cause::NoCapacity, "{fault}");
            return None;
        }
        Err(error) => {
            text_of(&error);
            return None;
        }
    };
    let report = ask(&check, &somebody());
    let found = report.checks.into_iter().next().unwrap();
    assert_eq!(report.decision.is_allow(), found.evaluation.outcome == Outcome::Allow);
    match &found.evaluation.outcome {
        Outcome::Failed(fault) => {
            text_of(fault);
            assert!(!matches!(fault.cause, Cause::NoCapacity | Cause::Host), "{fault}");
        }
        Outcome::DeniedWithMessage(error) => assert!(error.message.len() <= limits().message_bytes),
        Outcome::Allow | Outcome::Denied => {}
    }
    Some(found.evaluation.outcome)
}

fn somebody() -> AuthContext {
    nobody().with_token(AccessToken::new("client", ["read", "write"]))
}

fn nobody() -> AuthContext {
    AuthContext::new(Component::tool("t").with_tags(["x"])).at(1_700_000_000)
}

fn host_limits() -> HostLimits {
    HostLimits {
        instances: 8,
        large_instances: 2,
        memory_bytes: 8 << 20,
        table_elements: 1_000,
        core_instances: 16,
        plugin_bytes: 64 << 10,
        functions: 1_000,
        function_bytes: 16 << 10,
        block_nesting: 100,
        block_values: 16,
        types: 1_000,
        imports: 200,
        modules: 16,
        instantiations: 64,
        schema_bytes: 4 << 10,
        schema_nodes: 500,
        schema_patterns: 8,
        image_bytes: 1 << 20,
        ..HostLimits::default()
    }
}

fn limits() -> Limits {
    Limits {
        deadline: Duration::from_millis(500),
        configure_deadline: Duration::from_millis(500),
        fuel: Some(1_000_000),
        memory_bytes: 4 << 20,
        table_elements: 1_000,
        core_instances: 16,
        instances: Some(2),
        handles: 100,
        message_bytes: 1 << 10,
        log_bytes: 1 << 10,
        host_call_bytes: 16 << 10,
        ..Limits::default()
    }
}
