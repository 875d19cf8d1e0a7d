//! The configuration of a check, and its validation.

use std::time::Duration;

use serde_json::Value;

use crate::check::breaker::Breaker;
use crate::decision::auth_check::MAX_DEADLINE;
use crate::engine;
use crate::error::ConfigError;
use crate::grants::{Grant, Grants};
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::request::AuthContext;
use crate::request::json::Json;
use crate::tenant::Tenant;
use crate::tuning::SHARE_DIVISOR;
use crate::util::text::clip;

/// The configuration of a [`Check`](crate::Check). The default has no settings, no grants, and default limits.
///
/// Write a literal with `..CheckConfig::default()`: a new field is not a breaking change. A JSON document alone is a
/// configuration with these settings and every default.
#[derive(Debug, Clone, Default)]
pub struct CheckConfig {
    /// The name of the check, for the operator; by default the plugin's digest.
    pub id: Option<String>,
    /// The tenant that owns the check, made by [`Host::tenant`](crate::Host::tenant) of the plugin's host.
    pub tenant: Option<Tenant>,
    /// The settings document. For a plugin that takes settings, `None` and `null` mean `{}`.
    pub settings: Option<Json>,
    /// The grants: the capabilities of the check beyond reading its request.
    pub grants: Grants,
    /// The limits of the check.
    pub limits: Limits,
    /// The breaker that stops the evaluation of a check that keeps failing. See [`Breaker`] for its risk.
    pub breaker: Option<Breaker>,
    /// The policy that decides when an image of a configured instance is made.
    pub image: ImagePolicy,
    /// A warm-up request, which is evaluated before the image is taken: the image then contains everything that the
    /// plugin builds during its first evaluation, such as compiled patterns. It also contains everything else that the
    /// evaluation leaves in memory, so a real request must not be used.
    pub warm_up: Option<AuthContext>,
}

/// The policy that decides when an image is made: a copy of an instance's memory after `configure`. Instances that
/// start from the image are as fresh as others and need not be configured, which saves time if `configure` is slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImagePolicy {
    /// No image is made: every instance configures itself.
    Never,
    /// The image is made in the background, after 256 evaluations, or after the first if `configure` is slow. With
    /// [`Limits::fuel`] no image is made, because skipping `configure` would leave more fuel for `check`.
    #[default]
    WhenHot,
    /// The image is made before [`Check::new`](crate::Check::new) returns.
    Eager,
}

impl From<Value> for CheckConfig {
    /// A configuration with these settings and every default.
    fn from(settings: Value) -> Self {
        Self { settings: Some(settings.into()), ..Self::default() }
    }
}

/// Validates the limits of a check against those of its host.
pub(super) fn check_limits(plugin: &Plugin, limits: &Limits) -> Result<(), ConfigError> {
    let host = plugin.host().limits();
    let sizes = [
        ("memory_bytes", limits.memory_bytes, host.memory_bytes),
        ("table_elements", limits.table_elements, host.table_elements),
        ("core_instances", limits.core_instances, host.core_instances),
    ];
    for (limit, found, allowed) in sizes {
        if found > allowed {
            let allowed = format!("at most {allowed} (`HostLimits::{limit}`)");
            return Err(ConfigError::Limit { limit, found: found.to_string(), allowed });
        }
    }
    // `Instant` cannot represent an arbitrarily late deadline: adding it would panic during every request.
    let times = [
        ("deadline", Some(limits.deadline)),
        ("configure_deadline", Some(limits.configure_deadline)),
        ("configure_cpu_time", Some(limits.configure_cpu_time)),
        ("cpu_time", limits.cpu_time),
    ];
    for (limit, found) in times {
        let allowed = Duration::from_millis(1)..=MAX_DEADLINE;
        if let Some(found) = found.filter(|found| !allowed.contains(found)) {
            let allowed = "from 1 ms to 1 hour".to_owned();
            return Err(ConfigError::Limit { limit, found: format!("{found:?}"), allowed });
        }
    }
    Ok(())
}

/// The share of a check in the permits of its pool.
pub(super) fn share(plugin: &Plugin, limits: &Limits) -> Result<u32, ConfigError> {
    let (host, pool) = (plugin.host().limits(), plugin.pool());
    let (all, one) = (engine::config::instances(host, pool), plugin.weight());
    let share = limits.instances.unwrap_or_else(|| (all / SHARE_DIVISOR).max(one));
    if (one..=all).contains(&share) {
        return Ok(share);
    }
    let limit = engine::config::instances_limit(pool);
    let allowed = format!("from {one}, which one instance of this plugin counts as, to {all} (`HostLimits::{limit}`)");
    Err(ConfigError::Limit { limit: "instances", found: share.to_string(), allowed })
}

/// Checks that the check has every grant that an import of the plugin needs.
pub(super) fn check_grants(plugin: &Plugin, grants: Grants) -> Result<(), ConfigError> {
    for import in &plugin.shape().imports {
        if let Some(grant) = Grant::needed_by(import).filter(|grant| !grants.has(*grant)) {
            return Err(ConfigError::NotGranted { import: import.clone(), grant });
        }
    }
    Ok(())
}

/// Checks that a warm-up request is used: it serves for an image only.
pub(super) fn check_warm_up(policy: ImagePolicy, warm_up: Option<&AuthContext>) -> Result<(), ConfigError> {
    if policy == ImagePolicy::Never && warm_up.is_some() { Err(ConfigError::UnusedWarmUp) } else { Ok(()) }
}

/// Checks that the tenant was made by the host of the plugin.
pub(super) fn check_tenant(plugin: &Plugin, tenant: Option<&Tenant>) -> Result<(), ConfigError> {
    match tenant.filter(|tenant| !plugin.host().tenants().has(tenant)) {
        Some(tenant) => Err(ConfigError::OtherHost { tenant: clip(tenant.name()) }),
        None => Ok(()),
    }
}

/// The settings with their text as the plugin reads it, or `None` for a plugin that takes no settings.
pub(super) fn settings_text(
    plugin: &Plugin,
    settings: Option<Json>,
    limits: &Limits,
) -> Result<Option<(Json, String)>, ConfigError> {
    let settings = settings.filter(|settings| !settings.is_null());
    if plugin.schema().is_none() {
        return settings.map_or(Ok(None), |_| Err(ConfigError::NoSettings));
    }
    let settings = settings.unwrap_or_default();
    let text = settings.to_string();
    if text.len() > limits.settings_bytes {
        return Err(ConfigError::SettingsTooLarge { found: text.len(), cap: limits.settings_bytes });
    }
    Ok(Some((settings, text)))
}

/// Validates the settings against the schema, for `owner`. Returns their text.
pub(super) fn check_settings(
    plugin: &Plugin,
    owner: &Tenant,
    settings: Option<(Json, String)>,
    limits: &Limits,
) -> Result<Option<String>, ConfigError> {
    let Some(((settings, text), schema)) = settings.zip(plugin.schema()) else { return Ok(None) };
    schema.check(plugin.host(), owner, &settings, &text, limits)?;
    Ok(Some(text))
}
