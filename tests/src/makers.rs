//! Makers of the kinds of check in the corpus: as plugins, and as native checks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use guardhouse::{
    AuthCheck, AuthorizationError, Cause, Check, CheckConfig, Fault, Host, HostLimits, Limits, Outcome, Plugin,
    builtin, native,
};
use serde_json::{Value, json};

use crate::corpus::Rule;
use crate::guest;

/// A check of a plugin, or a native check.
pub type AnyCheck = Arc<dyn AuthCheck>;

/// A way to make the corpus's checks.
pub trait Maker: Sync {
    /// `wasm` or `native`.
    fn name(&self) -> &'static str;

    /// The check that a rule of the corpus describes.
    ///
    /// # Errors
    /// If the host rejects it: all rules of the corpus are valid.
    fn make(&self, rule: &Rule) -> Result<AnyCheck>;
}

/// Makes native checks.
#[derive(Debug, Default)]
pub struct Native;

impl Maker for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn make(&self, rule: &Rule) -> Result<AnyCheck> {
        Ok(match rule.clone() {
            Rule::Allow => Arc::new(native::from_fn("allow", |_| true)),
            Rule::Deny => Arc::new(native::from_fn("deny", |_| false)),
            Rule::RequireAuth => Arc::new(native::require_auth()),
            Rule::RequireScopes { scopes } => Arc::new(native::require_scopes(scopes)),
            Rule::RestrictTag { tag, scopes } => Arc::new(native::restrict_tag(tag, scopes)),
            Rule::RequireRoles { roles, claim } => Arc::new(native::require_roles(roles, claim)?),
            Rule::RaiseAuthorizationError { message } => Arc::new(native::from_fn("raise", move |_| {
                Outcome::DeniedWithMessage(AuthorizationError::new(message.clone()))
            })),
            Rule::RaiseOther { message } => Arc::new(native::from_fn("raise-other", move |_| {
                Outcome::Failed(Fault::new(Cause::Native, message.clone()))
            })),
        })
    }
}

/// Makes checks of plugins: the built-in plugins, and fixtures for the trivial kinds.
pub struct Wasm {
    host: Host,
    /// Replaces the built-in `require-scopes`.
    require_scopes: Option<Vec<u8>>,
    plugins: Mutex<HashMap<String, Plugin>>,
    checks: Mutex<HashMap<Rule, Check>>,
}

impl Wasm {
    /// Makes checks on a new host.
    ///
    /// # Errors
    /// If the host cannot be built.
    pub fn new() -> Result<Self> {
        let limits = HostLimits { instances: 16, ..HostLimits::default() };
        // Plugins of any size have optimized code from the start.
        let host = Host::builder().limits(limits).baseline_from(usize::MAX).build()?;
        Ok(Self { host, require_scopes: None, plugins: Mutex::default(), checks: Mutex::default() })
    }

    /// Replaces the built-in `require-scopes` with a plugin that takes the same settings.
    #[must_use]
    pub fn with_require_scopes(self, plugin: Vec<u8>) -> Self {
        Self { require_scopes: Some(plugin), ..self }
    }

    /// The plugin of this name, which is loaded only once.
    fn plugin(&self, name: &str, bytes: impl FnOnce() -> Result<Vec<u8>>) -> Result<Plugin> {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = plugins.get(name) {
            return Ok(plugin.clone());
        }
        let plugin = Plugin::load(&self.host, &bytes()?)?;
        plugins.insert(name.to_owned(), plugin.clone());
        Ok(plugin)
    }

    fn plugin_and_settings(&self, rule: &Rule) -> Result<(Plugin, Value)> {
        let builtin = |name: &str| {
            self.plugin(name, || match builtin::bytes(name) {
                Some(bytes) => Ok(bytes.to_vec()),
                None => bail!("the built-in plugin `{name}` does not exist"),
            })
        };
        let text = |name: &str, text: &str| self.plugin(name, || guest::assemble(text));
        Ok(match rule {
            Rule::Allow => (text("allow", include_str!("../fixtures/allow.wat"))?, Value::Null),
            Rule::Deny => (text("deny", include_str!("../fixtures/deny.wat"))?, Value::Null),
            Rule::RaiseOther { .. } => (text("unreachable", include_str!("../fixtures/unreachable.wat"))?, Value::Null),
            Rule::RaiseAuthorizationError { message } => {
                let plugin = self.plugin(&format!("message:{message}"), || guest::denies_with(message.as_bytes()))?;
                (plugin, Value::Null)
            }
            Rule::RequireAuth => (builtin("require-auth")?, Value::Null),
            Rule::RequireScopes { scopes } => {
                let plugin = match &self.require_scopes {
                    Some(bytes) => self.plugin("replacement of require-scopes", || Ok(bytes.clone()))?,
                    None => builtin("require-scopes")?,
                };
                (plugin, json!({ "scopes": scopes }))
            }
            Rule::RestrictTag { tag, scopes } => (builtin("restrict-tag")?, json!({ "tag": tag, "scopes": scopes })),
            Rule::RequireRoles { roles, claim } => {
                (builtin("require-roles")?, json!({ "roles": roles, "claim": claim }))
            }
        })
    }
}

impl std::fmt::Debug for Wasm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wasm").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Maker for Wasm {
    fn name(&self) -> &'static str {
        "wasm"
    }

    fn make(&self, rule: &Rule) -> Result<AnyCheck> {
        let made = self.checks.lock().unwrap_or_else(PoisonError::into_inner).get(rule).cloned();
        if let Some(check) = made {
            return Ok(Arc::new(check));
        }
        let (plugin, settings) = self.plugin_and_settings(rule)?;
        let patient = Duration::from_secs(10);
        let limits = Limits { deadline: patient, configure_deadline: patient, ..Limits::default() };
        let config = CheckConfig { settings: Some(settings.into()), limits, ..CheckConfig::default() };
        let check = Check::new(&plugin, config).with_context(|| format!("cannot make {rule:?}"))?;
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(rule.clone(), check.clone());
        Ok(Arc::new(check))
    }
}
