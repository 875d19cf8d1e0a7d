//! One configured rule: a plugin with its settings, grants and limits.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::blocking::block_on;
use crate::capabilities::{Request, Seed};
use crate::context::AuthContext;
use crate::decision::DecisionId;
use crate::digest::Digest;
use crate::error::ConfigError;
use crate::grants::Grants;
use crate::instance::{self, Question};
use crate::json::Json;
use crate::limits::Limits;
use crate::outcome::{Cause, Evaluation, Fault, Outcome, Usage};
use crate::plugin::Plugin;
use crate::store::new_store;

/// What [`AuthCheck::evaluate`] returns.
pub type EvaluationFuture<'a> = Pin<Box<dyn Future<Output = Evaluation> + Send + 'a>>;

/// Something that answers requests: a [`Check`], a [native](crate::native) one, or your own. They mix in one list.
pub trait AuthCheck: Send + Sync {
    /// The name that the operator knows it by.
    fn id(&self) -> &str;

    /// Answers one request. A panic is a fault of the check, and denies.
    fn evaluate<'a>(&'a self, inquiry: Inquiry<'a>) -> EvaluationFuture<'a>;

    /// Whether scopes are the only reason for which it denies without a word, and it can name them (rule U1).
    fn is_scope_aware(&self) -> bool {
        false
    }

    /// What it is, for the record of decisions.
    fn identity(&self) -> Identity<'_> {
        Identity::default()
    }
}

/// What is asked of a check.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    /// The request.
    pub context: &'a AuthContext,
    /// The decision that the answer is for.
    pub decision: DecisionId,
    /// Whether a scope-aware check that denies shall name the scopes it misses.
    pub wants_missing_scopes: bool,
}

/// What a check is, for the record of decisions (rule S8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Whose check it is.
    pub tenant: Option<&'a str>,
    /// The digest of its plugin; none for a native check.
    pub plugin: Option<Digest>,
    /// The digest of its settings; none without settings.
    pub settings: Option<Digest>,
}

/// A plugin, configured. Every evaluation makes a fresh instance of it, and no instance survives its evaluation.
///
/// A clone is shallow.
#[derive(Clone)]
pub struct Check(Arc<Inner>);

struct Inner {
    id: Arc<str>,
    tenant: Option<String>,
    plugin: Plugin,
    settings: Option<String>,
    settings_digest: Option<Digest>,
    grants: Grants,
    limits: Limits,
}

/// How a [`Check`] is made of a plugin. The default has no settings, no grants, and every limit's default.
#[derive(Debug, Clone, Default)]
pub struct CheckConfig {
    /// The name that the operator knows it by; the plugin's digest if none.
    pub id: Option<String>,
    /// Whose check it is, for the record of decisions.
    pub tenant: Option<String>,
    /// The settings; none is the same as `{}` for a plugin that takes settings.
    pub settings: Option<Json>,
    /// What it may do beyond reading its request.
    pub grants: Grants,
    /// What bounds it.
    pub limits: Limits,
}

impl From<Value> for CheckConfig {
    /// Settings, and every default.
    fn from(settings: Value) -> Self {
        Self { settings: Some(settings.into()), ..Self::default() }
    }
}

impl Check {
    /// Makes a check of `plugin`: holds the settings against the plugin's schema, and configures one instance on
    /// trial, so that nothing of this can fail for the first time at a request.
    ///
    /// It blocks, at most until [`Limits::configure_deadline`].
    ///
    /// # Errors
    /// [`ConfigError`] if the settings do not fit or are refused, an import is not granted, a limit is more than the
    /// host allows, or the plugin fails on trial.
    pub fn new(plugin: &Plugin, config: impl Into<CheckConfig>) -> Result<Self, ConfigError> {
        let CheckConfig { id, tenant, settings, grants, limits } = config.into();
        check_limits(plugin, &limits)?;
        check_grants(plugin, grants)?;
        let settings = check_settings(plugin, settings, &limits)?;
        let check = Self(Arc::new(Inner {
            id: id.unwrap_or_else(|| plugin.digest().to_string()).into(),
            tenant,
            plugin: plugin.clone(),
            settings_digest: settings.as_ref().map(Digest::of),
            settings,
            grants,
            limits,
        }));
        check.try_out()?;
        Ok(check)
    }

    /// The plugin that it is made of.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.0.plugin
    }

    /// What bounds it.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What it may do beyond reading its request.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.0.grants
    }

    fn try_out(&self) -> Result<(), ConfigError> {
        let Inner { plugin, limits, settings, .. } = &*self.0;
        let host = plugin.host();
        let end = Instant::now() + limits.configure_deadline;
        let request = Request::none(self.seed(DecisionId::random()));
        block_on(async {
            let _room = host.room(plugin.weight(), end).await?;
            let mut store = new_store(host.engine(), limits, end, request);
            instance::configure(&mut store, plugin.exports(), settings.as_ref(), end).await
        })
        .unwrap_or_else(|error| Err(Fault::new(Cause::Host, error)))
        .map_err(ConfigError::Fault)?
        .map_err(ConfigError::Refused)
    }

    fn seed(&self, decision: DecisionId) -> Seed {
        Seed { decision, check: Arc::clone(&self.0.id) }
    }

    async fn answer(&self, inquiry: Inquiry<'_>) -> Evaluation {
        let start = Instant::now();
        let mut evaluation = self.ask(inquiry, start + self.0.limits.deadline).await;
        evaluation.usage.elapsed = start.elapsed();
        evaluation
    }

    async fn ask(&self, inquiry: Inquiry<'_>, end: Instant) -> Evaluation {
        let Inner { plugin, limits, settings, .. } = &*self.0;
        let host = plugin.host();
        let request = match self.request(inquiry) {
            Ok(request) => request,
            Err(fault) => return Outcome::Masked(fault).into(),
        };
        let _room = match host.room(plugin.weight(), end).await {
            Ok(room) => room,
            Err(fault) => return Outcome::Masked(fault).into(),
        };
        let mut store = new_store(host.engine(), limits, end, request);
        let question = Question {
            context: inquiry.context,
            settings: settings.as_ref(),
            wants_missing_scopes: inquiry.wants_missing_scopes,
            message_bytes: limits.message_bytes,
        };
        let timer = plugin.can_wait().then_some(end);
        let answer = instance::check(&mut store, plugin.exports(), &question, timer).await;
        let (outcome, missing_scopes) = answer.unwrap_or_else(|fault| (Outcome::Masked(fault), Vec::new()));
        let fuel = limits.fuel.unwrap_or(u64::MAX);
        Evaluation {
            outcome,
            missing_scopes,
            usage: Usage {
                fuel: fuel.saturating_sub(store.get_fuel().unwrap_or(fuel)),
                memory_bytes: store.data().limiter.memory_bytes,
                ..Usage::default()
            },
            logs: store.data().log.take(),
        }
    }

    fn request(&self, inquiry: Inquiry<'_>) -> Result<Request, Fault> {
        let Inner { plugin, limits, grants, .. } = &*self.0;
        let mut request = Request::new(inquiry.context, self.seed(inquiry.decision), limits.context_bytes)?;
        if plugin.imports("guardhouse:auth/request@0.1.0") {
            request = request.with_documents(inquiry.context);
        }
        if grants.raw_token {
            request = request.with_raw_token(inquiry.context);
        }
        Ok(request)
    }
}

impl AuthCheck for Check {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn evaluate<'a>(&'a self, inquiry: Inquiry<'a>) -> EvaluationFuture<'a> {
        Box::pin(self.answer(inquiry))
    }

    fn is_scope_aware(&self) -> bool {
        self.0.plugin.is_scope_aware()
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            tenant: self.0.tenant.as_deref(),
            plugin: Some(self.0.plugin.digest()),
            settings: self.0.settings_digest,
        }
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("id", &self.0.id).finish_non_exhaustive()
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<C: AuthCheck + ?Sized> AuthCheck for $pointer {
            fn id(&self) -> &str {
                (**self).id()
            }

            fn evaluate<'a>(&'a self, inquiry: Inquiry<'a>) -> EvaluationFuture<'a> {
                (**self).evaluate(inquiry)
            }

            fn is_scope_aware(&self) -> bool {
                (**self).is_scope_aware()
            }

            fn identity(&self) -> Identity<'_> {
                (**self).identity()
            }
        }
    )*};
}

forward!(&C, Box<C>, Arc<C>);

fn check_limits(plugin: &Plugin, limits: &Limits) -> Result<(), ConfigError> {
    let host = plugin.host().limits();
    let sizes = [
        ("memory_bytes", limits.memory_bytes, host.memory_bytes),
        ("table_elements", limits.table_elements, host.table_elements),
    ];
    for (limit, found, allowed) in sizes {
        if found > allowed {
            let allowed = format!("at most {allowed} (`HostLimits::{limit}`)");
            return Err(ConfigError::Limit { limit, found: found.to_string(), allowed });
        }
    }
    // A deadline that the clock cannot express would panic at every request.
    for (limit, found) in [("deadline", limits.deadline), ("configure_deadline", limits.configure_deadline)] {
        let longest = std::time::Duration::from_secs(3_600);
        if found > longest {
            let allowed = "at most one hour".to_owned();
            return Err(ConfigError::Limit { limit, found: format!("{found:?}"), allowed });
        }
    }
    Ok(())
}

fn check_grants(plugin: &Plugin, grants: Grants) -> Result<(), ConfigError> {
    for import in &plugin.shape().imports {
        if let Some(grant) = Grants::needed_by(import).filter(|grant| !grants.has(grant)) {
            return Err(ConfigError::NotGranted { import: import.clone(), grant });
        }
    }
    Ok(())
}

/// The text of the settings as the plugin will read it; none for a plugin that takes none.
fn check_settings(plugin: &Plugin, settings: Option<Json>, limits: &Limits) -> Result<Option<String>, ConfigError> {
    let settings = settings.filter(|settings| !settings.is_null());
    let Some(schema) = plugin.schema() else {
        return settings.map_or(Ok(None), |_| Err(ConfigError::NoSettings));
    };
    let settings = settings.unwrap_or_default();
    let text = settings.to_string();
    if text.len() > limits.settings_bytes {
        return Err(ConfigError::SettingsTooLarge { found: text.len(), cap: limits.settings_bytes });
    }
    let violations = schema.violations(&settings);
    if violations.is_empty() { Ok(Some(text)) } else { Err(ConfigError::Schema { violations }) }
}
