//! Checks: a plugin with settings, grants and limits, and its evaluations.
//!
//! A [`Check`] is a handle to its `Configured` part, which all clones share. [`Check::new`] validates the
//! [`CheckConfig`] (`config`) and configures one instance on trial, so that an invalid configuration never gets to a
//! request.
//!
//! An evaluation (`evaluate`) gets a permit of the check's own admission and an instance: a standby instance
//! (`standby`) if one is ready, or else a new one, which also needs a permit of its pool. A new instance starts from
//! the check's image if it has one in memory (`start`), and configures itself otherwise. The instance is dropped after
//! the evaluation, or after the batch, and its permits with it.
//!
//! Work that makes later evaluations faster happens on other threads, and no evaluation waits for it: images and
//! optimized code on the background thread of the host (`Configured::tier_up`), standby instances on a thread of the
//! check (`refill`).

pub(crate) mod breaker;
pub(crate) mod config;
mod configured;
mod entry;
mod evaluate;
pub(crate) mod measured;
mod queued;
mod refill;
mod standby;
pub(crate) mod start;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::breaker::circuit::Circuit;
use crate::check::breaker::{Breaker, BreakerState};
use crate::check::config::{
    CheckConfig, check_grants, check_limits, check_settings, check_tenant, check_warm_up, settings_text, share,
};
use crate::check::configured::Configured;
use crate::check::evaluate::{PluginSession, evaluate};
use crate::check::start::StartMode;
use crate::decision::DecisionId;
use crate::decision::auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest, Session};
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::grants::Grants;
use crate::guest::exceeded::{Times, name_limit};
use crate::guest::request::GuestRequest;
use crate::limits::Limits;
use crate::outcome::Identity;
use crate::plugin::Plugin;
use crate::tenant::holdings::Membership;
use crate::util::block_on::block_on;

/// A plugin with settings, grants and limits, which evaluates requests. Every evaluation has a fresh instance of the
/// plugin, which is dropped afterwards; only the requests of one [batch](crate::AuthChecks::run_batch) may share one.
///
/// A clone is shallow.
///
/// ```
/// use guardhouse::{Check, CheckConfig, ConfigError, Host, Limits, Plugin, builtin};
/// use serde_json::json;
///
/// let host = Host::new()?;
/// let plugin = Plugin::load(&host, builtin::REQUIRE_SCOPES)?;
/// let check = Check::new(&plugin, json!({ "scopes": ["read"] }))?;
///
/// // With a name for the operator, an owner, and a limit of its own.
/// let config = CheckConfig {
///     id: Some("reading".to_owned()),
///     tenant: Some(host.tenant("acme")),
///     settings: Some(json!({ "scopes": ["read"] }).into()),
///     limits: Limits { memory_bytes: 4 << 20, ..Limits::default() },
///     ..CheckConfig::default()
/// };
/// assert_eq!(Check::new(&plugin, config)?.id(), "reading");
///
/// // Invalid settings are an error here, and not at the first request.
/// let error = Check::new(&plugin, json!({ "scopes": "read" })).unwrap_err();
/// assert!(matches!(error, ConfigError::Schema(violation) if violation.pointer == "/scopes"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Check(Arc<Configured>);

impl Check {
    /// Makes a check of `plugin`: validates the settings against the plugin's schema, and configures one instance on
    /// trial, so that an invalid configuration fails here and not during a request.
    ///
    /// The call blocks its thread: at most for [`Limits::configure_deadline`] for the validation, and once more for the
    /// trial; with
    /// [`ImagePolicy::Eager`](crate::ImagePolicy::Eager), for two more compilations if the plugin has no image yet; and
    /// with [`Limits::fuel`] until the plugin [is optimized](Plugin::is_optimized), because baseline code uses a
    /// different amount of fuel. In async code, use [`new_async`](Self::new_async): this call would hold up a thread of
    /// the runtime, and every task on it.
    ///
    /// # Errors
    /// [`ConfigError`] if the settings are invalid or rejected, an import is not granted, a limit is over the host's,
    /// the tenant belongs to another host or has spent its budget, a warm-up request would not be used, the breaker is invalid, the plugin cannot be optimized for its
    /// fuel limit, or it fails on trial.
    pub fn new(plugin: &Plugin, config: impl Into<CheckConfig>) -> Result<Self, ConfigError> {
        let mut config = config.into();
        check_limits(plugin, &config.limits)?;
        let share = share(plugin, &config.limits)?;
        check_grants(plugin, config.grants)?;
        check_tenant(plugin, config.tenant.as_ref())?;
        config.breaker.as_ref().map_or(Ok(()), Breaker::check)?;
        check_warm_up(config.image, config.warm_up.as_ref())?;
        let tenant = config.tenant.take().unwrap_or_else(|| plugin.host().tenants().get(None));
        let membership = Membership::new(tenant).map_err(ConfigError::OverBudget)?;
        let settings = settings_text(plugin, config.settings.take(), &config.limits)?;
        let bytes = settings.as_ref().map_or(0, |(_, text)| text.len());
        let membership = membership.with_settings(bytes).map_err(ConfigError::OverBudget)?;
        let settings = check_settings(plugin, membership.tenant(), settings, &config.limits)?;
        if config.limits.fuel.is_some() {
            plugin.optimize_for_fuel().map_err(|error| ConfigError::Optimize(error.to_string()))?;
        }
        let check = Self(Arc::new(Configured::new(plugin, membership, settings, share, config)));
        let fuel = check.configure_on_trial()?;
        check.0.set_configure_cost(fuel);
        Ok(check)
    }

    /// The async form of [`new`](Self::new): the work is done on the pool for blocking work of the current tokio
    /// runtime, and no thread of the runtime waits for it. At most as many checks as this machine has processors, and
    /// at least two, are made at the same time, but only one of each tenant; the others wait for their turn, and the
    /// tenant is next whose checks took the least time by weight. If the future is dropped, work that has begun still
    /// finishes.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and [`ConfigError::Host`] outside a tokio runtime.
    pub async fn new_async(plugin: &Plugin, config: impl Into<CheckConfig>) -> Result<Self, ConfigError> {
        let (of, config) = (plugin.clone(), config.into());
        check_tenant(plugin, config.tenant.as_ref())?;
        let tenant = config.tenant.clone();
        let made = plugin.host().configuring().run(tenant.as_ref(), move || Self::new(&of, config)).await;
        made.map_err(ConfigError::Host).flatten()
    }

    /// The name of the check, for the operator.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The start mode of its instances; if they configure themselves, with the reason.
    #[must_use]
    pub fn start_mode(&self) -> StartMode {
        self.0.image.start_mode()
    }

    /// The plugin that the check is made of.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.0.plugin
    }

    /// The limits of the check.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The grants of the check.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.0.grants
    }

    /// The name of the tenant that owns the check, or `None` without a tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.0.membership.name()
    }

    /// The state of its [breaker](crate::CheckConfig::breaker), or `None` without one.
    #[must_use]
    pub fn breaker_state(&self) -> Option<BreakerState> {
        self.0.breaker.as_ref().map(Circuit::state)
    }

    /// Configures one instance and drops it. Returns the fuel that `configure` used.
    fn configure_on_trial(&self) -> Result<u64, ConfigError> {
        let Configured { plugin, limits, settings, .. } = &*self.0;
        let end = Instant::now() + limits.configure_deadline;
        let tried = block_on(async {
            let linked = plugin.linked(end).await?;
            let permit = plugin.host().admission(plugin.pool()).admit(None, linked.weight, end).await?;
            let request = GuestRequest::none(self.0.seed(DecisionId::random()));
            let mut turn = self.0.turn();
            turn.take(end).await?;
            let mut instance = self.0.instance(linked, request, &self.0.budget(end).for_configuring(), permit);
            let configured = instance.configure(&mut turn, settings.as_ref(), end).await?;
            Ok(configured.map(|()| limits.fuel.unwrap_or(u64::MAX).saturating_sub(instance.fuel())))
        });
        let times = Times::of_configuring(limits);
        let fault = |fault| ConfigError::Fault(name_limit(fault, limits, plugin.host().limits(), times));
        tried.map_err(Fault::host).flatten().map_err(fault)?.map_err(ConfigError::Rejected)
    }
}

impl AuthCheck for Check {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(evaluate(&self.0, request, None))
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(PluginSession::new(&self.0))
    }

    fn names_missing_scopes(&self) -> bool {
        self.0.plugin.names_missing_scopes()
    }

    fn deadline(&self) -> Duration {
        self.0.limits.deadline
    }

    fn identity(&self) -> Identity {
        Identity {
            tenant: self.0.membership.name().map(str::to_owned),
            plugin: Some(self.0.plugin.digest()),
            settings: self.0.settings_digest,
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("id", &self.0.id).finish_non_exhaustive()
    }
}
