//! A plugin under test, and the ways in which it may end.

use std::path::Path;
use std::time::Duration;

use guardhouse::{
    AuthChecks, AuthContext, Cause, Check, CheckConfig, ConfigError, Fault, Grants, Host, HostLimits, ImagePolicy,
    Limits, LoadError, Outcome, Plugin,
};
use guardhouse_tests::{events, guest};

use super::{failed, host, host_with, neighbor_is_unharmed, nobody, patient};

/// The text of a fixture.
pub(crate) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).with_extension("wat");
    std::fs::read_to_string(path).unwrap()
}

/// The text of a fixture with its includes, as a plugin of another pool: `small` is as it stands, `large` has an initial
/// memory of five megabytes, and `async` has a built-in function that only an engine with concurrency has.
pub(crate) fn of_pool(text: &str, pool: &str) -> String {
    let text = guest::expanded(text);
    let replaced = |from: &str, to: &str| guest::replaced(&text, from, to);
    match pool {
        "large" => replaced("(memory (export \"memory\") 2)", "(memory (export \"memory\") 80)"),
        "async" => replaced("(core module $memory", "(core func (canon backpressure.inc)) (core module $memory"),
        _ => text,
    }
}

/// A plugin, the host that loads it, and its configuration.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    name: String,
    bytes: Vec<u8>,
    host: Host,
    /// The name of the tenant; the handle is made with the check, so that the guest does not keep the tenant alive.
    tenant: Option<String>,
    config: CheckConfig,
}

impl Guest {
    /// A fixture.
    pub(crate) fn new(name: &str) -> Self {
        Self::from_text(name, &fixture(name))
    }

    /// A fixture with its blanks filled: each `(@name)` becomes its value.
    pub(crate) fn with(name: &str, blanks: &[(&str, &str)]) -> Self {
        Self::from_text(name, &guest::filled(&fixture(name), blanks))
    }

    /// The fixture `settings` with a schema. `describe` and `configure` are code that it runs when it is asked for its
    /// schema and when it is configured.
    pub(crate) fn with_settings(schema: &str, describe: &str, configure: &str) -> Self {
        let blanks = [
            ("schema", &*guest::literal(schema.as_bytes())),
            ("length", &schema.len().to_string()),
            ("describe", describe),
            ("configure", configure),
        ];
        Self::with("settings", &blanks)
    }

    pub(crate) fn from_text(name: &str, text: &str) -> Self {
        Self::from_bytes(name, guest::assemble(text).unwrap())
    }

    pub(crate) fn from_bytes(name: &str, bytes: Vec<u8>) -> Self {
        let config = CheckConfig { limits: patient(), ..CheckConfig::default() };
        Self { name: name.to_owned(), bytes, host: host().clone(), tenant: None, config }
    }

    pub(crate) fn on_host(self, host: &Host) -> Self {
        Self { host: host.clone(), ..self }
    }

    /// On a new host with these limits.
    pub(crate) fn on_own_host(self, limits: HostLimits) -> Self {
        Self { host: host_with(limits), ..self }
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.config.limits);
        self
    }

    pub(crate) fn deadline(self, deadline: Duration) -> Self {
        self.limits(|limits| limits.deadline = deadline)
    }

    pub(crate) fn standby(self, instances: u32) -> Self {
        self.limits(|limits| limits.standby = Some(instances))
    }

    pub(crate) fn id(mut self, id: &str) -> Self {
        self.config.id = Some(id.to_owned());
        self
    }

    pub(crate) fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }

    pub(crate) fn settings(mut self, settings: serde_json::Value) -> Self {
        self.config.settings = Some(settings.into());
        self
    }

    pub(crate) fn grants(mut self, grants: Grants) -> Self {
        self.config.grants = grants;
        self
    }

    pub(crate) fn image(mut self, image: ImagePolicy) -> Self {
        self.config.image = image;
        self
    }

    pub(crate) fn warm_up(mut self, context: AuthContext) -> Self {
        self.config.warm_up = Some(context);
        self
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn load(&self) -> Result<Plugin, LoadError> {
        let plugin = Plugin::load(&self.host, &self.bytes);
        if let Err(error) = &plugin {
            println!("{}: not loaded: {error}", self.name);
            neighbor_is_unharmed(&self.host);
        }
        plugin
    }

    pub(crate) fn configure(&self) -> Result<Check, ConfigError> {
        let check = self.configure_loaded(&self.load().unwrap());
        if let Err(error) = &check {
            println!("{}: not configured: {error}", self.name);
            neighbor_is_unharmed(&self.host);
        }
        check
    }

    /// Makes another check of a plugin that [`load`](Self::load) returned.
    pub(crate) fn configure_loaded(&self, plugin: &Plugin) -> Result<Check, ConfigError> {
        let tenant = self.tenant.as_deref().map(|name| self.host.tenant(name));
        Check::new(plugin, CheckConfig { tenant, ..self.config.clone() })
    }

    pub(crate) fn check(&self) -> Check {
        self.configure().unwrap()
    }

    /// The outcome of one evaluation, after which the host still serves others.
    pub(crate) fn outcome(&self, context: &AuthContext) -> Outcome {
        let report = AuthChecks::new(&[self.check()]).explain_blocking(context);
        neighbor_is_unharmed(&self.host);
        report.checks.into_iter().next().unwrap().evaluation.outcome
    }

    /// Asserts all of rule S4 for a request by [`nobody`]: the fault denies, the caller learns nothing, the operator
    /// gets one warning with the right cause, and the host is unharmed.
    pub(crate) fn fails_with(&self, cause: Cause) -> Fault {
        self.fails_with_given(cause, &nobody())
    }

    /// Like [`fails_with`](Self::fails_with), for another request.
    pub(crate) fn fails_with_given(&self, cause: Cause, context: &AuthContext) -> Fault {
        let check = self.check();
        let (report, events) = events::capture(|| AuthChecks::new(&[check]).explain_blocking(context));
        let fault = failed(&report, &events);
        println!("{}: failed: {fault}", self.name);
        assert_eq!(fault.cause, cause, "{fault}");
        neighbor_is_unharmed(&self.host);
        fault
    }

    /// The fault that the trial ends with when the check is made.
    pub(crate) fn fails_on_trial(&self, cause: Cause) -> Fault {
        let Err(ConfigError::Fault(fault)) = self.configure() else { panic!("{} was configured", self.name) };
        assert_eq!(fault.cause, cause, "{fault}");
        fault
    }
}

/// A plugin that denies with the value that it reads from a document of the request, and allows if there is none.
pub(crate) fn reads(function: &str, pointer: &str, times: usize) -> Guest {
    let blanks = [
        ("interface", "guardhouse:auth/request@0.1.0"),
        ("function", function),
        ("pointer", pointer),
        ("length", &pointer.len().to_string()),
        ("times", &times.to_string()),
    ];
    Guest::with("claim", &blanks)
}
