//! Hostile plugins and what must become of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use guardhouse::{
    AccessToken, AuthContext, Cause, Check, CheckConfig, Component, ConfigError, Decision, Fault, Host, HostLimits,
    Limits, LoadError, Outcome, Plugin, Report, blocking,
};
use guardhouse_tests::events::{self, Event};
use guardhouse_tests::guest;

/// The host of every test that needs no limits of its own.
pub(crate) fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| host_with(HostLimits { instances: 64, ..HostLimits::default() }))
}

/// A built-in plugin on [`host`], loaded once.
pub(crate) fn builtin(name: &str) -> &'static Plugin {
    static PLUGINS: OnceLock<BTreeMap<&str, Plugin>> = OnceLock::new();
    let load = |name: &&'static str| (*name, Plugin::load(host(), guardhouse::builtin::bytes(name).unwrap()).unwrap());
    &PLUGINS.get_or_init(|| guardhouse::builtin::NAMES.iter().map(load).collect())[name]
}

pub(crate) fn host_with(limits: HostLimits) -> Host {
    Host::builder().limits(limits).build().unwrap()
}

/// Limits for a host of few instances, cheap to set up.
pub(crate) fn small() -> HostLimits {
    HostLimits { instances: 4, ..HostLimits::default() }
}

/// Every default but the deadlines: a slow machine must not decide a test that is about something else.
pub(crate) fn patient() -> Limits {
    let patient = Duration::from_secs(10);
    Limits { deadline: patient, configure_deadline: patient, ..Limits::default() }
}

/// A request by nobody.
pub(crate) fn nobody() -> AuthContext {
    AuthContext { action: "tools/call".to_owned(), now: 1_700_000_000, ..AuthContext::new(Component::new("tool", "t")) }
}

/// A request with a token of these scopes.
pub(crate) fn somebody(scopes: &[&str]) -> AuthContext {
    nobody().with_token(AccessToken::new("client", scopes.iter().copied()))
}

/// The text of a fixture.
pub(crate) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).with_extension("wat");
    std::fs::read_to_string(path).unwrap()
}

/// A plugin, the host it is loaded into, and how it is configured.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    name: String,
    bytes: Vec<u8>,
    pub(crate) host: Host,
    pub(crate) config: CheckConfig,
}

impl Guest {
    pub(crate) fn new(name: &str) -> Self {
        Self::from_text(name, &fixture(name))
    }

    /// A fixture with its blanks filled in: each `(@name)` becomes its value.
    pub(crate) fn with(name: &str, blanks: &[(&str, &str)]) -> Self {
        let mut text = fixture(name);
        for (blank, value) in blanks {
            text = text.replace(&format!("(@{blank})"), value);
        }
        Self::from_text(name, &text)
    }

    pub(crate) fn from_text(name: &str, text: &str) -> Self {
        Self::from_bytes(name, guest::assemble(text).unwrap())
    }

    pub(crate) fn from_bytes(name: &str, bytes: Vec<u8>) -> Self {
        let config = CheckConfig { limits: patient(), ..CheckConfig::default() };
        Self { name: name.to_owned(), bytes, host: host().clone(), config }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Loads it into a host of its own.
    pub(crate) fn on(mut self, limits: HostLimits) -> Self {
        self.host = host_with(limits);
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.config.limits);
        self
    }

    pub(crate) fn settings(mut self, settings: serde_json::Value) -> Self {
        self.config.settings = Some(settings.into());
        self
    }

    pub(crate) fn load(&self) -> Result<Plugin, LoadError> {
        let plugin = Plugin::load(&self.host, &self.bytes);
        if let Err(error) = &plugin {
            println!("{}: not loaded: {error}", self.name);
            neighbour_is_unharmed(&self.host);
        }
        plugin
    }

    pub(crate) fn configure(&self) -> Result<Check, ConfigError> {
        let check = Check::new(&self.load().unwrap(), self.config.clone());
        if let Err(error) = &check {
            println!("{}: not configured: {error}", self.name);
            neighbour_is_unharmed(&self.host);
        }
        check
    }

    pub(crate) fn check(&self) -> Check {
        self.configure().unwrap()
    }

    /// The outcome of one evaluation, after which the host still serves others.
    pub(crate) fn outcome(&self, context: &AuthContext) -> Outcome {
        let report = blocking::explain_auth_checks(&[self.check()], context);
        neighbour_is_unharmed(&self.host);
        report.checks.into_iter().next().unwrap().outcome
    }

    /// Rule S4, all of it: the fault denies, the caller learns nothing, the operator is told once and by the right
    /// name, and the host is as it was.
    pub(crate) fn is_masked(&self, cause: Cause) -> Fault {
        self.is_masked_for(cause, &nobody())
    }

    pub(crate) fn is_masked_for(&self, cause: Cause, context: &AuthContext) -> Fault {
        let check = self.check();
        let (report, events) = events::capture(|| blocking::explain_auth_checks(&[check], context));
        let fault = masked(&report, &events);
        println!("{}: masked: {fault}", self.name);
        assert_eq!(fault.cause, cause, "{fault}");
        neighbour_is_unharmed(&self.host);
        fault
    }

    /// The fault that a trial ends with, when the check is made.
    pub(crate) fn fails_on_trial(&self, cause: Cause) -> Fault {
        let Err(ConfigError::Fault(fault)) = self.configure() else { panic!("{} was configured", self.name) };
        assert_eq!(fault.cause, cause, "{fault}");
        fault
    }
}

/// A plugin that takes settings under `schema`; `describe` and `configure` are what it does when it is asked for the
/// schema and when it is configured.
pub(crate) fn with_settings(schema: &str, describe: &str, configure: &str) -> Guest {
    let blanks = [
        ("schema", &*guest::literal(schema.as_bytes())),
        ("length", &schema.len().to_string()),
        ("describe", describe),
        ("configure", configure),
    ];
    Guest::with("settings", &blanks)
}

/// The fault of the check that decided, after holding all that caller and operator see against rule S4.
pub(crate) fn masked(report: &Report, events: &[Event]) -> Fault {
    let Decision::Deny(denial) = &report.decision else { panic!("a fault allowed: {report:?}") };
    assert_eq!(denial.message, None);
    assert!(denial.missing_scopes.is_empty());
    assert_eq!(denial.id, report.id);

    let check = &report.checks[report.decided_by.unwrap()];
    let Outcome::Failed(fault) = check.outcome.clone() else { panic!("not masked: {report:?}") };
    let warnings = events::faults(events);
    assert_eq!(warnings.len(), 1, "{events:?}");
    let warning = warnings[0];
    assert_eq!(warning.field("cause"), fault.cause.as_str());
    assert_eq!(warning.field("decision"), report.id.to_string());
    assert_eq!(warning.field("check"), format!("{:?}", check.id));
    assert_eq!(warning.field("plugin"), check.plugin.map(|digest| digest.to_string()).unwrap_or_default());
    assert_eq!(warning.field("detail"), format!("{:?}", fault.detail));
    assert!(!fault.detail.is_empty());
    assert_eq!(events::decisions(events).len(), 1, "{events:?}");
    fault
}

/// A good plugin on the same host answers rightly.
pub(crate) fn neighbour_is_unharmed(host: &Host) {
    let plugin = Plugin::load(host, &guest::assemble(&fixture("token")).unwrap()).unwrap();
    let check = Check::new(&plugin, CheckConfig { limits: patient(), ..CheckConfig::default() }).unwrap();
    let checks = [check];
    assert_eq!(blocking::run_auth_checks(&checks, &somebody(&[])), Decision::Allow);
    assert_eq!(blocking::run_auth_checks(&checks, &nobody()).into_result(), Ok(false));
}
